"""phones that answered STOP to an SMS are known

Revision ID: 0016
Revises: 0015
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "stopped_address",
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("noticed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opted_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.CheckConstraint("asked_at IS NULL OR ended_at IS NULL", name=op.f("ck_stopped_address_asked_while_stopped")),
        sa.CheckConstraint("channel IN ('sms', 'email')", name=op.f("ck_stopped_address_channel")),
        sa.PrimaryKeyConstraint("channel", "address", name=op.f("pk_stopped_address")),
    )
    op.create_index(
        "ix_message_opted_out",
        "message",
        ["subject_id"],
        postgresql_where=sa.text("error_code = 'sms.opted_out'"),
    )


def downgrade() -> None:
    op.drop_index("ix_message_opted_out", table_name="message")
    op.drop_table("stopped_address")
