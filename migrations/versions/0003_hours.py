"""what was decided about visits that a change of hours left outside of them

Revision ID: 0003
Revises: 0004
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "outside_hours",
        sa.Column("appointment_id", sa.Uuid(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "answer",
            sa.Enum(
                "keep", "move", "cancel", name="stranded_answer", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by_account_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["appointment_id"], ["appointment.id"], name=op.f("fk_outside_hours_appointment_id_appointment")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by_account_id"], ["account.id"], name=op.f("fk_outside_hours_decided_by_account_id_account")
        ),
        sa.PrimaryKeyConstraint("appointment_id", name=op.f("pk_outside_hours")),
    )


def downgrade() -> None:
    op.drop_table("outside_hours")
