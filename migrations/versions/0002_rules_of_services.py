"""rules of services, buffers beside visits, extra hours, public holidays

Revision ID: 0002
Revises: 0001
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

LIVE = "state IN ('proposed', 'pending', 'booked', 'arrived', 'checked-in', 'fulfilled')"


def upgrade() -> None:
    for name, default in (
        ("buffer_before_minutes", "0"),
        ("buffer_after_minutes", "0"),
        ("notice_minutes", "60"),
        ("horizon_days", "90"),
        ("change_cutoff_minutes", "0"),
    ):
        op.add_column("service", sa.Column(name, sa.Integer(), nullable=False, server_default=default))
        op.alter_column("service", name, server_default=None)
    op.add_column("service", sa.Column("visits_per_day", sa.Integer(), nullable=True))
    for name, check in (
        ("buffers_sane", "buffer_before_minutes BETWEEN 0 AND 120 AND buffer_after_minutes BETWEEN 0 AND 120"),
        ("notice_sane", "notice_minutes BETWEEN 0 AND 20160"),
        ("horizon_sane", "horizon_days BETWEEN 1 AND 365"),
        ("cutoff_sane", "change_cutoff_minutes BETWEEN 0 AND 10080"),
        ("visits_per_day_sane", "visits_per_day BETWEEN 1 AND 10"),
    ):
        op.create_check_constraint(op.f(f"ck_service_{name}"), "service", check)
    op.add_column("facility", sa.Column("observes_holidays", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.alter_column("facility", "observes_holidays", server_default=None)
    op.create_table(
        "open_holiday",
        sa.Column("facility_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name=op.f("fk_open_holiday_facility_id_facility")),
        sa.PrimaryKeyConstraint("facility_id", "day", name=op.f("pk_open_holiday")),
    )
    _create_extra_hours()
    op.add_column("appointment", sa.Column("busy_from", sa.DateTime(timezone=True), nullable=True))
    op.add_column("appointment", sa.Column("busy_until", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE appointment SET busy_from = starts_at, busy_until = ends_at")
    op.alter_column("appointment", "busy_from", nullable=False)
    op.alter_column("appointment", "busy_until", nullable=False)
    op.create_check_constraint(
        op.f("ck_appointment_busy_around_period"), "appointment", "busy_from <= starts_at AND ends_at <= busy_until"
    )
    _exclude("busy_from, busy_until")
    op.add_column("appointment_history", sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("appointment_history", sa.Column("note", sa.Text(), nullable=False, server_default=""))
    op.alter_column("appointment_history", "note", server_default=None)
    op.execute("ALTER TABLE appointment_history DISABLE TRIGGER USER")
    op.execute(
        "UPDATE appointment_history SET starts_at = appointment.starts_at FROM appointment"
        " WHERE appointment.id = appointment_history.appointment_id"
    )
    op.execute("ALTER TABLE appointment_history ENABLE TRIGGER USER")
    op.alter_column("appointment_history", "starts_at", nullable=False)


def downgrade() -> None:
    op.drop_column("appointment_history", "note")
    op.drop_column("appointment_history", "starts_at")
    _exclude("starts_at, ends_at")
    op.drop_constraint(op.f("ck_appointment_busy_around_period"), "appointment", type_="check")
    op.drop_column("appointment", "busy_until")
    op.drop_column("appointment", "busy_from")
    op.drop_table("extra_hours")
    op.drop_table("open_holiday")
    op.drop_column("facility", "observes_holidays")
    for name in ("visits_per_day_sane", "cutoff_sane", "horizon_sane", "notice_sane", "buffers_sane"):
        op.drop_constraint(op.f(f"ck_service_{name}"), "service", type_="check")
    for name in (
        "visits_per_day",
        "change_cutoff_minutes",
        "horizon_days",
        "notice_minutes",
        "buffer_after_minutes",
        "buffer_before_minutes",
    ):
        op.drop_column("service", name)


def _create_extra_hours() -> None:
    op.create_table(
        "extra_hours",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practitioner_id", sa.Uuid(), nullable=False),
        sa.Column("facility_id", sa.Uuid(), nullable=False),
        sa.Column("room_id", sa.Uuid(), nullable=True),
        sa.Column(
            "mode",
            sa.Enum("in_person", "online", name="mode", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("starts_minute", sa.Integer(), nullable=False),
        sa.Column("ends_minute", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "0 <= starts_minute AND starts_minute < ends_minute AND ends_minute <= 1440",
            name=op.f("ck_extra_hours_minutes"),
        ),
        sa.CheckConstraint("(mode = 'online') = (room_id IS NULL)", name=op.f("ck_extra_hours_room_unless_online")),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name=op.f("fk_extra_hours_facility_id_facility")),
        sa.ForeignKeyConstraint(
            ["practitioner_id"], ["practitioner.id"], name=op.f("fk_extra_hours_practitioner_id_practitioner")
        ),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"], name=op.f("fk_extra_hours_room_id_room")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_extra_hours")),
    )
    op.execute(
        "ALTER TABLE extra_hours ADD CONSTRAINT ex_extra_hours_practitioner EXCLUDE USING gist ("
        "uuidrange(practitioner_id, practitioner_id, '[]') WITH &&, daterange(day, day, '[]') WITH &&,"
        " int4range(starts_minute, ends_minute) WITH &&)"
    )


def _exclude(period: str) -> None:
    """Let practitioner's and room's visits not overlap in that period."""
    for column, where in (("practitioner_id", LIVE), ("room_id", f"{LIVE} AND room_id IS NOT NULL")):
        name = f"ex_appointment_{column.removesuffix('_id')}"
        op.execute(f"ALTER TABLE appointment DROP CONSTRAINT {name}")
        op.execute(
            f"ALTER TABLE appointment ADD CONSTRAINT {name} EXCLUDE USING gist ("
            f"uuidrange({column}, {column}, '[]') WITH &&, tstzrange({period}) WITH &&) WHERE ({where})"
        )
