"""whom staff write down is written down once, unless they say that it is somebody else

Revision ID: 0019
Revises: 0018
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ACCENTED, PLAIN = "áàâãäåéèêëíìîïóòôõöúùûüçñý", "aaaaaaeeeeiiiiooooouuuucny"
PLAIN_NAME = f"translate(lower((given_name || ' '::text) || family_name), '{ACCENTED}'::text, '{PLAIN}'::text)"


def upgrade() -> None:
    op.add_column("patient", sa.Column("namesake", sa.SmallInteger(), nullable=True))
    op.create_index("ix_patient_namesake", "patient", ["birth_date", sa.text(PLAIN_NAME), "namesake"], unique=True)


def downgrade() -> None:
    op.drop_index("ix_patient_namesake", table_name="patient")
    op.drop_column("patient", "namesake")
