"""services say whether they are given at the clinic, online, or both

Revision ID: 0013
Revises: 0012
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    # What could be booked until now can be booked still: online, where somebody who gives it has online hours.
    op.add_column("service", sa.Column("modes", sa.String(length=32), nullable=False, server_default="both"))
    op.create_check_constraint(op.f("ck_service_modes"), "service", "modes IN ('in_person', 'online', 'both')")


def downgrade() -> None:
    op.drop_constraint(op.f("ck_service_modes"), "service", type_="check")
    op.drop_column("service", "modes")
