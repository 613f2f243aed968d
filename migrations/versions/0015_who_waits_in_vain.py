"""who waits for what is no longer given is known, and told once

Revision ID: 0015
Revises: 0014
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

REASONS = ("service", "mode", "practitioner", "place")


def upgrade() -> None:
    op.add_column("waiting_entry", sa.Column("unserved", sa.String(length=32), nullable=True))
    op.add_column("waiting_entry", sa.Column("unserved_since", sa.DateTime(timezone=True), nullable=True))
    listed = ", ".join(f"'{reason}'" for reason in REASONS)
    op.create_check_constraint(op.f("ck_waiting_entry_unserved"), "waiting_entry", f"unserved IN ({listed})")
    op.create_check_constraint(
        op.f("ck_waiting_entry_since_when_unserved"), "waiting_entry", "(unserved IS NULL) = (unserved_since IS NULL)"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_waiting_entry_since_when_unserved"), "waiting_entry")
    op.drop_constraint(op.f("ck_waiting_entry_unserved"), "waiting_entry")
    op.drop_column("waiting_entry", "unserved_since")
    op.drop_column("waiting_entry", "unserved")
