"""changing visits: who said that they come, and who was told by phone that the clinic cancelled

Revision ID: 0004
Revises: 0002
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("appointment", sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("appointment", sa.Column("told_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("appointment", "told_at")
    op.drop_column("appointment", "confirmed_at")
