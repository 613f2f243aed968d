"""The waiting list: who waits for what, times that came free, and to whom they were offered."""

from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from clinic_portal.booking.rules import EntryEnd, EntryState, OfferMode, OfferState, Unserved, WaitingRules
from clinic_portal.core.db import Base, state_type
from clinic_portal.core.ids import new_id
from clinic_portal.core.modes import Mode


class WaitingEntry(Base):
    """Somebody who wants a time, or an earlier one, as soon as it comes free."""

    __tablename__ = "waiting_entry"
    __table_args__ = (
        CheckConstraint("from_day <= until_day", name="days_in_order"),
        CheckConstraint("weekdays <@ ARRAY[0, 1, 2, 3, 4, 5, 6]::smallint[]", name="weekdays_known"),
        CheckConstraint("parts <@ ARRAY['morning', 'afternoon', 'after-work']", name="parts_known"),
        CheckConstraint("notice_days BETWEEN 0 AND 7", name="notice_asked"),
        CheckConstraint("(state = 'waiting') = (ended_at IS NULL)", name="waiting_or_over"),
        CheckConstraint("(state = 'ended') = (end_reason IS NOT NULL)", name="reason_when_ended"),
        CheckConstraint("(unserved IS NULL) = (unserved_since IS NULL)", name="since_when_unserved"),
        Index(
            "ix_waiting_entry_live",
            "patient_id",
            "service_id",
            unique=True,
            postgresql_where=text("state = 'waiting'"),
            info={"error": "waiting.already_waiting"},
        ),
        Index("ix_waiting_entry_order", "created_at", "id", postgresql_where=text("state = 'waiting'")),
        Index("ix_waiting_entry_appointment", "appointment_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    service_id: Mapped[UUID] = mapped_column(ForeignKey("service.id"))
    #: None: whoever has a time.
    practitioner_id: Mapped[UUID | None] = mapped_column(ForeignKey("practitioner.id"))
    #: None: wherever there is a time.
    facility_id: Mapped[UUID | None] = mapped_column(ForeignKey("facility.id"))
    #: Whether they come or meet online; with a visit to bring forward, as that visit is.
    mode: Mapped[Mode] = mapped_column(state_type(Mode))
    #: The visit to bring forward; None: there is none yet.
    appointment_id: Mapped[UUID | None] = mapped_column(ForeignKey("appointment.id"))
    #: Monday is 0. None in it: any day.
    weekdays: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger))
    #: Values of PartOfDay. None in it: any time of day.
    parts: Mapped[list[str]] = mapped_column(ARRAY(Text))
    from_day: Mapped[date]
    until_day: Mapped[date]
    #: How many times 24 hours before it starts they want to hear of a time.
    notice_days: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    state: Mapped[EntryState] = mapped_column(state_type(EntryState))
    end_reason: Mapped[EntryEnd | None] = mapped_column(state_type(EntryEnd))
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    #: Who asked; for a child, the parent, who is then written to. None: they asked at the desk, or by phone.
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    #: Why nothing can be offered to them at the moment, as the sweep found; None: something can.
    unserved: Mapped[Unserved | None] = mapped_column(state_type(Unserved))
    unserved_since: Mapped[datetime | None]


class FreedTime(Base):
    """A stretch of a practitioner's time that came free: work to do, until nobody is left to whom to offer it."""

    __tablename__ = "freed_time"
    __table_args__ = (
        CheckConstraint("starts_at < ends_at", name="period"),
        CheckConstraint("NOT is_by_room OR room_id IS NOT NULL", name="room_when_by_room"),
        CheckConstraint("NOT is_room_only OR (room_id IS NOT NULL AND NOT is_by_room)", name="room_when_room_only"),
        Index(
            "ix_freed_time_open",
            "practitioner_id",
            "facility_id",
            "starts_at",
            "ends_at",
            unique=True,
            postgresql_where=text("closed_at IS NULL AND NOT is_room_only"),
        ),
        # A visit may leave one room after the other.
        Index(
            "ix_freed_time_open_room",
            "room_id",
            "practitioner_id",
            "starts_at",
            "ends_at",
            unique=True,
            postgresql_where=text("closed_at IS NULL AND is_room_only"),
        ),
        Index("ix_freed_time_facility", "facility_id", "made_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    practitioner_id: Mapped[UUID] = mapped_column(ForeignKey("practitioner.id"))
    facility_id: Mapped[UUID] = mapped_column(ForeignKey("facility.id"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    #: The room that came free with it.
    room_id: Mapped[UUID | None] = mapped_column(ForeignKey("room.id"))
    #: The practitioner was free before, and had no room: another one's visit made place.
    is_by_room: Mapped[bool] = mapped_column(default=False)
    #: The practitioner is busy as before: their visit takes place at its time, in another room.
    is_room_only: Mapped[bool] = mapped_column(default=False)
    made_at: Mapped[datetime]
    #: When there was nothing more to offer, or nobody more to offer it to.
    closed_at: Mapped[datetime | None]


class WaitingOffer(Base):
    """A time offered to one who waits."""

    __tablename__ = "waiting_offer"
    __table_args__ = (
        UniqueConstraint("reference"),
        # Nobody has to choose between two offers, and no time is held twice for one person.
        Index("ix_waiting_offer_entry", "entry_id", unique=True, postgresql_where=text("state = 'open'")),
        # One at a time: that two holds are never for the same time is the exclusion constraint of `appointment`.
        Index("ix_waiting_offer_hold", "hold_id", unique=True, postgresql_where=text("hold_id IS NOT NULL")),
        Index("ix_waiting_offer_open", "ends_at", postgresql_where=text("state = 'open'")),
        Index("ix_waiting_offer_freed", "freed_time_id"),
        Index("ix_waiting_offer_of_entry", "entry_id"),
        CheckConstraint("made_at < ends_at", name="period"),
        CheckConstraint("(state = 'open') = (ended_at IS NULL)", name="open_or_over"),
        CheckConstraint("(state = 'accepted') = (appointment_id IS NOT NULL)", name="visit_when_accepted"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    #: In its link: eight letters and digits.
    reference: Mapped[str]
    entry_id: Mapped[UUID] = mapped_column(ForeignKey("waiting_entry.id"))
    freed_time_id: Mapped[UUID] = mapped_column(ForeignKey("freed_time.id"))
    #: The row that holds the time meanwhile; None when it goes to whoever is first.
    hold_id: Mapped[UUID | None] = mapped_column(ForeignKey("appointment.id"))
    practitioner_id: Mapped[UUID] = mapped_column(ForeignKey("practitioner.id"))
    facility_id: Mapped[UUID] = mapped_column(ForeignKey("facility.id"))
    starts_at: Mapped[datetime]
    state: Mapped[OfferState] = mapped_column(state_type(OfferState))
    made_at: Mapped[datetime]
    #: Until when it stands.
    ends_at: Mapped[datetime]
    #: When it was answered, or ran out.
    ended_at: Mapped[datetime | None]
    #: The visit that took the time.
    appointment_id: Mapped[UUID | None] = mapped_column(ForeignKey("appointment.id"))


class WaitingPolicy(Base):
    """How a facility offers times that come free. Without a row, `rules.WaitingRules()` counts."""

    __tablename__ = "waiting_policy"
    __table_args__ = (
        CheckConstraint("offer_minutes BETWEEN 5 AND 1440", name="offer_minutes_sane"),
        CheckConstraint("stop_minutes BETWEEN 0 AND 10080", name="stop_minutes_sane"),
    )

    facility_id: Mapped[UUID] = mapped_column(ForeignKey("facility.id"), primary_key=True)
    mode: Mapped[OfferMode] = mapped_column(state_type(OfferMode))
    #: How long an offer stands.
    offer_minutes: Mapped[int]
    #: How long before its start a time is no longer offered.
    stop_minutes: Mapped[int]

    @property
    def rules(self) -> WaitingRules:
        """What it says."""
        return WaitingRules(self.mode, timedelta(minutes=self.offer_minutes), timedelta(minutes=self.stop_minutes))
