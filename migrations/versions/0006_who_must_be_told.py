"""whom the clinic must tell that it cancelled

Revision ID: 0006
Revises: 0005
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("appointment", sa.Column("cancelled_by_clinic_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_appointment_untold",
        "appointment",
        ["facility_id", "starts_at"],
        postgresql_where=sa.text("cancelled_by_clinic_at IS NOT NULL AND told_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_appointment_untold", table_name="appointment")
    op.drop_column("appointment", "cancelled_by_clinic_at")
