"""Appointments. The database refuses two live ones that overlap for a practitioner, a room or a patient."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    SmallInteger,
    UniqueConstraint,
    false,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import Mapped, mapped_column

from clinic_portal.booking.rules import AppointmentState, StrandedAnswer
from clinic_portal.core.db import Base, state_type
from clinic_portal.core.ids import new_id
from clinic_portal.core.modes import Mode
from clinic_portal.core.money import Money
from clinic_portal.notifications.queries import Channel

_LIVE = "state IN ('proposed', 'pending', 'booked', 'arrived', 'checked-in', 'fulfilled')"


def _parameter(name: str) -> Callable[[DefaultExecutionContext], object]:
    """Return a default that is the value of another column."""

    def read(context: DefaultExecutionContext) -> object:
        return context.get_current_parameters()[name]  # type: ignore[no-untyped-call]  # SQLAlchemy has no types here

    return read


def _no_overlap(column: str, error: str) -> ExcludeConstraint:
    where = _LIVE if column == "practitioner_id" else f"{_LIVE} AND {column} IS NOT NULL"
    # A patient may come out of one visit and go into the next; practitioner and room need the buffers between.
    period = "starts_at, ends_at" if column == "patient_id" else "busy_from, busy_until"
    return ExcludeConstraint(
        (literal_column(f"uuidrange({column}, {column}, '[]')"), "&&"),
        (literal_column(f"tstzrange({period})"), "&&"),
        where=text(where),
        name=f"ex_appointment_{column.removesuffix('_id')}",
        info={"error": error},
    )


class Appointment(Base):
    """A time with a practitioner: held, booked, going on, over, or given back."""

    __tablename__ = "appointment"
    __table_args__ = (
        _no_overlap("practitioner_id", "appointment.slot_taken"),
        _no_overlap("room_id", "appointment.slot_taken"),
        _no_overlap("patient_id", "appointment.patient_overlap"),
        UniqueConstraint("reference"),
        CheckConstraint("starts_at < ends_at", name="period"),
        CheckConstraint("busy_from <= starts_at AND ends_at <= busy_until", name="busy_around_period"),
        CheckConstraint("price_minor > 0", name="price_positive"),
        CheckConstraint("(state = 'proposed') = (held_until IS NOT NULL)", name="held_while_proposed"),
        CheckConstraint("patient_id IS NOT NULL OR state IN ('proposed', 'cancelled')", name="patient_once_booked"),
        CheckConstraint("(mode = 'online') = (room_id IS NULL)", name="room_unless_online"),
        Index("ix_appointment_practitioner_starts", "practitioner_id", "starts_at"),
        Index("ix_appointment_facility_starts", "facility_id", "starts_at"),
        Index("ix_appointment_patient_starts", "patient_id", "starts_at"),
        # What reminders and the job that ends the day go through.
        Index("ix_appointment_booked", "starts_at", postgresql_where=text("state = 'booked'")),
        Index("ix_appointment_series", "series_id", postgresql_where=text("series_id IS NOT NULL")),
        Index("ix_appointment_held_until", "held_until", postgresql_where=text("state = 'proposed'")),
        Index(
            "ix_appointment_untold",
            "facility_id",
            "starts_at",
            postgresql_where=text("cancelled_by_clinic_at IS NOT NULL AND told_at IS NULL"),
        ),
        # One browser holds one time, however often it asks at once.
        Index("ix_appointment_hold_key", "hold_key_hash", unique=True, postgresql_where=text("state = 'proposed'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    #: What is said on the phone: eight letters and digits.
    reference: Mapped[str]
    state: Mapped[AppointmentState] = mapped_column(state_type(AppointmentState))
    practitioner_id: Mapped[UUID] = mapped_column(ForeignKey("practitioner.id"))
    service_id: Mapped[UUID] = mapped_column(ForeignKey("service.id"))
    facility_id: Mapped[UUID] = mapped_column(ForeignKey("facility.id"))
    #: None when online.
    room_id: Mapped[UUID | None] = mapped_column(ForeignKey("room.id"))
    mode: Mapped[Mode] = mapped_column(state_type(Mode))
    #: None while a visitor without an account holds the time.
    patient_id: Mapped[UUID | None] = mapped_column(ForeignKey("patient.id"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    #: What it takes up of practitioner's and room's time: the period with the buffers that its service had.
    busy_from: Mapped[datetime] = mapped_column(default=_parameter("starts_at"))
    busy_until: Mapped[datetime] = mapped_column(default=_parameter("ends_at"))
    #: The price when it was chosen; a later price list does not change it.
    price_minor: Mapped[int]
    currency: Mapped[str] = mapped_column(default="EUR")
    #: The hold ends by itself then.
    held_until: Mapped[datetime | None]
    #: SHA-256 of the key in the browser that holds the time.
    hold_key_hash: Mapped[str | None]
    #: Whether the patient said "no preference".
    any_practitioner: Mapped[bool] = mapped_column(default=False)
    #: Whether they said "any of our clinics", or met online, where it does not matter.
    any_facility: Mapped[bool] = mapped_column(default=False, server_default=false())
    #: What the patient wrote: why they come.
    patient_note: Mapped[str] = mapped_column(default="")
    #: Who booked it; for a child, the parent.
    booked_by_account_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    #: The series of which it is a session.
    series_id: Mapped[UUID | None] = mapped_column(ForeignKey("series.id"))
    created_at: Mapped[datetime]
    booked_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    #: When the patient said "I'm coming" to the time that it has now.
    confirmed_at: Mapped[datetime | None]
    #: When the clinic, not the patient, cancelled it: the patient must hear of that.
    cancelled_by_clinic_at: Mapped[datetime | None]
    #: When staff told the patient by phone that the clinic cancelled it, because no message could.
    told_at: Mapped[datetime | None]
    #: Counts changes that a calendar must hear of (RFC 5545 SEQUENCE).
    sequence: Mapped[int] = mapped_column(default=0)

    @property
    def price(self) -> Money:
        """The price as money."""
        return Money(self.price_minor, self.currency)


class AppointmentHistory(Base):
    """One change of state. Append-only: a trigger refuses updates and deletes."""

    __tablename__ = "appointment_history"
    __table_args__ = (Index("ix_appointment_history_appointment", "appointment_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    appointment_id: Mapped[UUID] = mapped_column(ForeignKey("appointment.id"))
    #: None for the first row.
    from_state: Mapped[AppointmentState | None] = mapped_column(state_type(AppointmentState, "from_state"))
    to_state: Mapped[AppointmentState] = mapped_column(state_type(AppointmentState, "to_state"))
    at: Mapped[datetime]
    #: When the visit starts, from this change on.
    starts_at: Mapped[datetime]
    #: None for the system and for a visitor without an account; `actor_name` then says which.
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    actor_name: Mapped[str]
    #: For whom, when known.
    patient_id: Mapped[UUID | None] = mapped_column(ForeignKey("patient.id"))
    #: A code ("patient.unwell", "hold.expired"), never free text about health.
    reason: Mapped[str]
    #: What staff wrote when they set a rule aside; for staff only.
    note: Mapped[str] = mapped_column(default="")


class OutsideHours(Base):
    """What was decided about a visit that a change of hours left outside of them."""

    __tablename__ = "outside_hours"

    appointment_id: Mapped[UUID] = mapped_column(ForeignKey("appointment.id"), primary_key=True)
    #: When the visit started then: for another time it says nothing.
    starts_at: Mapped[datetime]
    answer: Mapped[StrandedAnswer] = mapped_column(state_type(StrandedAnswer))
    decided_at: Mapped[datetime]
    decided_by_account_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))


class ReminderPlan(Base):
    """How one channel reminds: of the visits of a service or, without one, of all that have no plan of their own.

    Without any row `rules.EMAIL_PLAN` and `rules.SMS_PLAN` hold. The columns mean what `rules.Plan` says.
    """

    __tablename__ = "reminder_plan"
    __table_args__ = (
        UniqueConstraint("service_id", "channel", postgresql_nulls_not_distinct=True),
        CheckConstraint("early_days BETWEEN 0 AND 60", name="early_days_sane"),
        CheckConstraint("last_days BETWEEN 0 AND 60", name="last_days_sane"),
        CheckConstraint("early_days > last_days", name="early_before_last"),
        CheckConstraint("0 <= from_minute AND from_minute <= until_minute AND until_minute < 1440", name="window"),
        CheckConstraint("late_from_minute BETWEEN 0 AND 1440", name="late_from_sane"),
        CheckConstraint("late_minutes BETWEEN 1 AND 1440", name="late_minutes_sane"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    service_id: Mapped[UUID | None] = mapped_column(ForeignKey("service.id"))
    channel: Mapped[Channel] = mapped_column(state_type(Channel))
    early_days: Mapped[int | None] = mapped_column(SmallInteger)
    last_days: Mapped[int | None] = mapped_column(SmallInteger)
    early_instead_after_days: Mapped[int | None] = mapped_column(SmallInteger)
    from_minute: Mapped[int] = mapped_column(SmallInteger)
    until_minute: Mapped[int] = mapped_column(SmallInteger)
    late_from_minute: Mapped[int] = mapped_column(SmallInteger)
    late_minutes: Mapped[int | None] = mapped_column(SmallInteger)


class VisitPolicy(Base):
    """What the clinic has decided for all its visits: one row, made by the migration."""

    __tablename__ = "visit_policy"
    __table_args__ = (
        CheckConstraint("id = 1", name="one_row"),
        CheckConstraint(
            "quiet_from_minute BETWEEN 0 AND 1439 AND quiet_until_minute BETWEEN 0 AND 1439", name="quiet_hours"
        ),
        CheckConstraint("noshow_limit BETWEEN 1 AND 20", name="noshow_limit_sane"),
        CheckConstraint("noshow_days BETWEEN 1 AND 730", name="noshow_days_sane"),
    )

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, default=1)
    #: Minutes of the day between which nobody is reminded, on the facility's clock; the same twice: none.
    quiet_from_minute: Mapped[int] = mapped_column(SmallInteger)
    quiet_until_minute: Mapped[int] = mapped_column(SmallInteger)
    #: After so many missed visits in `noshow_days` a patient books by phone only. None: never.
    noshow_limit: Mapped[int | None] = mapped_column(SmallInteger)
    noshow_days: Mapped[int] = mapped_column(SmallInteger)


class CalendarFeed(Base):
    """The private address under which a calendar program reads somebody's visits. Renewed: the old one is gone."""

    __tablename__ = "calendar_feed"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), primary_key=True)
    #: The token is derived from it and the secret key, and so can be shown again.
    seed: Mapped[UUID] = mapped_column(default=new_id)
    #: SHA-256 of the token: who reads this table cannot read the calendar.
    token_hash: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
