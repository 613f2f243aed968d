"""the desk puts patients on the waiting list; offers are withdrawn; rooms that came free are noted

Revision ID: 0012
Revises: 0011
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

STATES = ("open", "accepted", "declined", "expired", "lost")


def _states(states: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{state}'" for state in states)
    op.drop_constraint(op.f("ck_waiting_offer_offer_state"), "waiting_offer")
    op.create_check_constraint(op.f("ck_waiting_offer_offer_state"), "waiting_offer", f"state IN ({listed})")


def upgrade() -> None:
    op.alter_column("waiting_entry", "account_id", nullable=True)
    _states((*STATES, "withdrawn"))
    op.add_column("freed_time", sa.Column("room_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_freed_time_room_id_room"), "freed_time", "room", ["room_id"], ["id"])
    op.add_column("freed_time", sa.Column("is_by_room", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.alter_column("freed_time", "is_by_room", server_default=None)
    op.create_check_constraint(
        op.f("ck_freed_time_room_when_by_room"), "freed_time", "NOT is_by_room OR room_id IS NOT NULL"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_freed_time_room_when_by_room"), "freed_time")
    op.drop_column("freed_time", "is_by_room")
    op.drop_constraint(op.f("fk_freed_time_room_id_room"), "freed_time")
    op.drop_column("freed_time", "room_id")
    op.execute("UPDATE waiting_offer SET state = 'declined' WHERE state = 'withdrawn'")
    _states(STATES)
    # Without an account nobody was written to: they are asked again at the desk.
    nobody = "SELECT id FROM waiting_entry WHERE account_id IS NULL"
    op.execute(f"DELETE FROM waiting_offer WHERE entry_id IN ({nobody})")
    op.execute("DELETE FROM waiting_entry WHERE account_id IS NULL")
    op.alter_column("waiting_entry", "account_id", nullable=False)
