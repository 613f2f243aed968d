"""who waits for days on which nobody works is known as well

Revision ID: 0017
Revises: 0016
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

REASONS = ("service", "mode", "practitioner", "place")


def upgrade() -> None:
    _allow(*REASONS, "days")


def downgrade() -> None:
    # What cannot be said any more is not known: who waits for such days waits as before.
    op.execute("UPDATE waiting_entry SET unserved = NULL, unserved_since = NULL WHERE unserved = 'days'")
    _allow(*REASONS)


def _allow(*reasons: str) -> None:
    listed = ", ".join(f"'{reason}'" for reason in reasons)
    op.drop_constraint(op.f("ck_waiting_entry_unserved"), "waiting_entry")
    op.create_check_constraint(op.f("ck_waiting_entry_unserved"), "waiting_entry", f"unserved IN ({listed})")
