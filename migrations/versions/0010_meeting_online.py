"""any clinic, and meeting online: where a hold came from, what somebody waits for, where a practitioner meets

Revision ID: 0010
Revises: 0009
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("appointment", sa.Column("any_facility", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("waiting_entry", sa.Column("mode", sa.String(length=32), nullable=False, server_default="in_person"))
    op.alter_column("waiting_entry", "mode", server_default=None)
    # Who waits to bring an online visit forward waits for an online time.
    op.execute(
        "UPDATE waiting_entry SET mode = appointment.mode FROM appointment"
        " WHERE appointment.id = waiting_entry.appointment_id"
    )
    op.create_check_constraint(op.f("ck_waiting_entry_mode"), "waiting_entry", "mode IN ('in_person', 'online')")
    op.add_column("practitioner", sa.Column("meeting_url", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("ck_practitioner_meeting_url_https"),
        "practitioner",
        "meeting_url ~ '^https://[^[:space:]]+$' AND length(meeting_url) <= 300",
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_practitioner_meeting_url_https"), "practitioner", type_="check")
    op.drop_column("practitioner", "meeting_url")
    op.drop_constraint(op.f("ck_waiting_entry_mode"), "waiting_entry", type_="check")
    op.drop_column("waiting_entry", "mode")
    op.drop_column("appointment", "any_facility")
