"""whoever waits says how much notice they need

Revision ID: 0018
Revises: 0017
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0018"
down_revision: str | None = "0017"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("waiting_entry", sa.Column("notice_days", sa.SmallInteger(), nullable=False, server_default="0"))
    op.create_check_constraint(op.f("ck_waiting_entry_notice_asked"), "waiting_entry", "notice_days BETWEEN 0 AND 7")


def downgrade() -> None:
    op.drop_column("waiting_entry", "notice_days")
