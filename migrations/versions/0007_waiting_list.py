"""the waiting list: who waits, times that came free, offers, how a facility offers

Revision ID: 0007
Revises: 0006
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _points_at(table: str, other: str, column: str = "") -> sa.ForeignKeyConstraint:
    name = column or f"{other}_id"
    return sa.ForeignKeyConstraint([name], [f"{other}.id"], name=op.f(f"fk_{table}_{name}_{other}"))


def upgrade() -> None:
    _create_entry()
    _create_freed_time()
    _create_offer()
    op.create_table(
        "waiting_policy",
        sa.Column("facility_id", sa.Uuid(), nullable=False),
        sa.Column("mode", _one_of("offer_mode", "one-at-a-time", "first-come"), nullable=False),
        sa.Column("offer_minutes", sa.Integer(), nullable=False),
        sa.Column("stop_minutes", sa.Integer(), nullable=False),
        sa.CheckConstraint("offer_minutes BETWEEN 5 AND 1440", name=op.f("ck_waiting_policy_offer_minutes_sane")),
        sa.CheckConstraint("stop_minutes BETWEEN 0 AND 10080", name=op.f("ck_waiting_policy_stop_minutes_sane")),
        _points_at("waiting_policy", "facility"),
        sa.PrimaryKeyConstraint("facility_id", name=op.f("pk_waiting_policy")),
    )


def _create_entry() -> None:
    op.create_table(
        "waiting_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("practitioner_id", sa.Uuid(), nullable=True),
        sa.Column("facility_id", sa.Uuid(), nullable=True),
        sa.Column("appointment_id", sa.Uuid(), nullable=True),
        sa.Column("weekdays", postgresql.ARRAY(sa.SmallInteger()), nullable=False),
        sa.Column("parts", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("from_day", sa.Date(), nullable=False),
        sa.Column("until_day", sa.Date(), nullable=False),
        sa.Column("state", _one_of("entry_state", "waiting", "taken", "ended"), nullable=False),
        sa.Column(
            "end_reason",
            _one_of("entry_end", "patient", "visit.over", "booked", "too_late", "no_right"),
            nullable=True,
        ),
        _moment("created_at"),
        _moment("ended_at", nullable=True),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("from_day <= until_day", name=op.f("ck_waiting_entry_days_in_order")),
        sa.CheckConstraint(
            "weekdays <@ ARRAY[0, 1, 2, 3, 4, 5, 6]::smallint[]", name=op.f("ck_waiting_entry_weekdays_known")
        ),
        sa.CheckConstraint(
            "parts <@ ARRAY['morning', 'afternoon', 'after-work']", name=op.f("ck_waiting_entry_parts_known")
        ),
        sa.CheckConstraint("(state = 'waiting') = (ended_at IS NULL)", name=op.f("ck_waiting_entry_waiting_or_over")),
        sa.CheckConstraint(
            "(state = 'ended') = (end_reason IS NOT NULL)", name=op.f("ck_waiting_entry_reason_when_ended")
        ),
        *(
            _points_at("waiting_entry", other)
            for other in ("patient", "service", "practitioner", "facility", "appointment", "account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waiting_entry")),
    )
    waiting = sa.text("state = 'waiting'")
    op.create_index(
        "ix_waiting_entry_live", "waiting_entry", ["patient_id", "service_id"], unique=True, postgresql_where=waiting
    )
    op.create_index("ix_waiting_entry_order", "waiting_entry", ["created_at", "id"], postgresql_where=waiting)
    op.create_index("ix_waiting_entry_appointment", "waiting_entry", ["appointment_id"])


def _create_freed_time() -> None:
    op.create_table(
        "freed_time",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practitioner_id", sa.Uuid(), nullable=False),
        sa.Column("facility_id", sa.Uuid(), nullable=False),
        _moment("starts_at"),
        _moment("ends_at"),
        _moment("made_at"),
        _moment("closed_at", nullable=True),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_freed_time_period")),
        _points_at("freed_time", "practitioner"),
        _points_at("freed_time", "facility"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_freed_time")),
    )
    op.create_index(
        "ix_freed_time_open",
        "freed_time",
        ["practitioner_id", "facility_id", "starts_at", "ends_at"],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index("ix_freed_time_facility", "freed_time", ["facility_id", "made_at"])


def _create_offer() -> None:
    op.create_table(
        "waiting_offer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("freed_time_id", sa.Uuid(), nullable=False),
        sa.Column("hold_id", sa.Uuid(), nullable=True),
        sa.Column("practitioner_id", sa.Uuid(), nullable=False),
        sa.Column("facility_id", sa.Uuid(), nullable=False),
        _moment("starts_at"),
        sa.Column("state", _one_of("offer_state", "open", "accepted", "declined", "expired", "lost"), nullable=False),
        _moment("made_at"),
        _moment("ends_at"),
        _moment("ended_at", nullable=True),
        sa.Column("appointment_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("made_at < ends_at", name=op.f("ck_waiting_offer_period")),
        sa.CheckConstraint("(state = 'open') = (ended_at IS NULL)", name=op.f("ck_waiting_offer_open_or_over")),
        sa.CheckConstraint(
            "(state = 'accepted') = (appointment_id IS NOT NULL)", name=op.f("ck_waiting_offer_visit_when_accepted")
        ),
        _points_at("waiting_offer", "waiting_entry", "entry_id"),
        _points_at("waiting_offer", "freed_time"),
        _points_at("waiting_offer", "appointment", "hold_id"),
        _points_at("waiting_offer", "practitioner"),
        _points_at("waiting_offer", "facility"),
        _points_at("waiting_offer", "appointment"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waiting_offer")),
        sa.UniqueConstraint("reference", name=op.f("uq_waiting_offer_reference")),
    )
    is_open = sa.text("state = 'open'")
    op.create_index("ix_waiting_offer_entry", "waiting_offer", ["entry_id"], unique=True, postgresql_where=is_open)
    op.create_index(
        "ix_waiting_offer_hold",
        "waiting_offer",
        ["hold_id"],
        unique=True,
        postgresql_where=sa.text("hold_id IS NOT NULL"),
    )
    op.create_index("ix_waiting_offer_open", "waiting_offer", ["ends_at"], postgresql_where=is_open)
    op.create_index("ix_waiting_offer_freed", "waiting_offer", ["freed_time_id"])
    op.create_index("ix_waiting_offer_of_entry", "waiting_offer", ["entry_id"])


def downgrade() -> None:
    op.drop_table("waiting_policy")
    op.drop_table("waiting_offer")
    op.drop_table("freed_time")
    op.drop_table("waiting_entry")
