"""series: sessions that are booked together

Revision ID: 0008
Revises: 0007
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

NAMED = ("patient", "service", "practitioner", "facility", "account")


def upgrade() -> None:
    op.add_column("service", sa.Column("series_max", sa.Integer(), nullable=True))
    op.create_check_constraint(op.f("ck_service_series_max_sane"), "service", "series_max BETWEEN 2 AND 20")
    op.create_table(
        "series",
        sa.Column("id", sa.Uuid(), nullable=False),
        *(sa.Column(f"{name}_id", sa.Uuid(), nullable=name == "account") for name in NAMED),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("per_week", sa.Integer(), nullable=False),
        sa.Column("planned", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        *(
            sa.ForeignKeyConstraint([f"{name}_id"], [f"{name}.id"], name=op.f(f"fk_series_{name}_id_{name}"))
            for name in NAMED
        ),
        sa.CheckConstraint("per_week BETWEEN 1 AND 2", name=op.f("ck_series_per_week_sane")),
        sa.CheckConstraint("planned BETWEEN 1 AND 20", name=op.f("ck_series_planned_sane")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_series")),
    )
    op.create_index("ix_series_patient", "series", ["patient_id"])
    op.add_column("appointment", sa.Column("series_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_appointment_series_id_series"), "appointment", "series", ["series_id"], ["id"])
    op.create_index(
        "ix_appointment_series", "appointment", ["series_id"], postgresql_where=sa.text("series_id IS NOT NULL")
    )


def downgrade() -> None:
    op.drop_index("ix_appointment_series", table_name="appointment")
    op.drop_constraint(op.f("fk_appointment_series_id_series"), "appointment", type_="foreignkey")
    op.drop_column("appointment", "series_id")
    op.drop_table("series")
    op.drop_constraint(op.f("ck_service_series_max_sane"), "service", type_="check")
    op.drop_column("service", "series_max")
