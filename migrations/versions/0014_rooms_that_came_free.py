"""a room may come free alone: its visit takes place in another one at the same time

Revision ID: 0014
Revises: 0013
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

OPEN = ["practitioner_id", "facility_id", "starts_at", "ends_at"]


def _open_index(where: str) -> None:
    op.drop_index("ix_freed_time_open", "freed_time")
    op.create_index("ix_freed_time_open", "freed_time", OPEN, unique=True, postgresql_where=sa.text(where))


def upgrade() -> None:
    op.add_column("freed_time", sa.Column("is_room_only", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.alter_column("freed_time", "is_room_only", server_default=None)
    op.create_check_constraint(
        op.f("ck_freed_time_room_when_room_only"),
        "freed_time",
        "NOT is_room_only OR (room_id IS NOT NULL AND NOT is_by_room)",
    )
    _open_index("closed_at IS NULL AND NOT is_room_only")
    op.create_index(
        "ix_freed_time_open_room",
        "freed_time",
        ["room_id", "practitioner_id", "starts_at", "ends_at"],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL AND is_room_only"),
    )


def downgrade() -> None:
    op.drop_index("ix_freed_time_open_room", "freed_time")
    # Without the column they would say that the practitioner is free.
    op.execute("DELETE FROM freed_time WHERE is_room_only")
    _open_index("closed_at IS NULL")
    op.drop_constraint(op.f("ck_freed_time_room_when_room_only"), "freed_time")
    op.drop_column("freed_time", "is_room_only")
