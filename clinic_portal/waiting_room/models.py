"""Today's queue and the screens that show it."""

from datetime import date, datetime
from typing import assert_never
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from clinic_portal.core.db import Base, state_type
from clinic_portal.core.ids import new_id
from clinic_portal.waiting_room.rules import Place, ScreenLabel, TicketState


class Queue(Base):
    """One row a facility: locked by whoever changes the queue; its version tells pages that they are old."""

    __tablename__ = "queue"

    facility_id: Mapped[UUID] = mapped_column(ForeignKey("facility.id"), primary_key=True)
    version: Mapped[int] = mapped_column(default=0)
    #: The day to which `last_number` belongs.
    day: Mapped[date]
    last_number: Mapped[int] = mapped_column(default=0)


class Ticket(Base):
    """A place in today's queue. A walk-in has one without an appointment."""

    __tablename__ = "ticket"
    __table_args__ = (
        UniqueConstraint("facility_id", "day", "number"),
        UniqueConstraint("facility_id", "day", "code"),
        UniqueConstraint("appointment_id", info={"error": "ticket.exists"}),
        CheckConstraint("wait_from_minutes IS NULL OR 0 <= wait_from_minutes", name="wait_not_negative"),
        CheckConstraint("wait_from_minutes <= wait_to_minutes", name="wait_range"),
        CheckConstraint("state = 'waiting' OR state = 'left' OR called_at IS NOT NULL", name="called_before_room"),
        Index("ix_ticket_facility_day", "facility_id", "day", "state"),
        # Two patients are never in one room at once.
        Index(
            "uq_ticket_room_in_use",
            "room_id",
            "day",
            unique=True,
            postgresql_where=text("state = 'in_room'"),
            info={"error": "ticket.room_in_use"},
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    facility_id: Mapped[UUID] = mapped_column(ForeignKey("facility.id"))
    #: The local day.
    day: Mapped[date]
    number: Mapped[int]
    #: What the screen shows for somebody who wants no name there: "K-41". Says nothing about the order.
    code: Mapped[str]
    state: Mapped[TicketState] = mapped_column(state_type(TicketState), default=TicketState.WAITING)
    appointment_id: Mapped[UUID | None] = mapped_column(ForeignKey("appointment.id"))
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    practitioner_id: Mapped[UUID] = mapped_column(ForeignKey("practitioner.id"))
    #: The time of the appointment, or of arrival for a walk-in: what the order starts from.
    due_at: Mapped[datetime]
    #: How long the consultation is expected to take.
    minutes: Mapped[int]
    arrived_at: Mapped[datetime]
    called_at: Mapped[datetime | None]
    #: How often they were called.
    calls: Mapped[int] = mapped_column(default=0)
    entered_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    #: Where they are called to; known from the appointment, and again when called.
    room_id: Mapped[UUID | None] = mapped_column(ForeignKey("room.id"))
    #: What was promised on arrival, kept so that it can be graded.
    wait_from_minutes: Mapped[int | None]
    wait_to_minutes: Mapped[int | None]

    def place(self) -> Place:
        """The ticket as the rules see it."""
        return Place(
            key=self.id,
            state=self.state,
            practitioner=self.practitioner_id,
            due_at=self.due_at,
            arrived_at=self.arrived_at,
            minutes=self.minutes,
            number=self.number,
            entered_at=self.entered_at,
            ended_at=self.ended_at,
        )

    def call(self, *, at: datetime, room_id: UUID) -> None:
        """Show it on the screens, for the first time or again."""
        self.state = TicketState.CALLED
        self.called_at = at
        self.calls += 1
        self.room_id = room_id

    def enter(self, *, at: datetime, room_id: UUID | None) -> None:
        """The patient is in the room; without a call when the door was open."""
        self.state = TicketState.IN_ROOM
        self.called_at = self.called_at or at
        self.entered_at = at
        self.room_id = room_id

    def finish(self, *, at: datetime) -> None:
        """The consultation is over."""
        self.state = TicketState.DONE
        self.ended_at = at

    def leave(self, *, at: datetime) -> None:
        """The patient went away without having been seen."""
        self.state = TicketState.LEFT
        self.ended_at = at

    def wait_again(self, *, due_at: datetime | None = None) -> None:
        """Back in the queue, at the same place or at that of another time."""
        self.state = TicketState.WAITING
        self.called_at = None
        self.ended_at = None
        self.due_at = due_at or self.due_at

    def step_back(self) -> None:
        """Take the last move back: done → in the room → called → waiting, left → waiting."""
        match self.state:
            case TicketState.DONE:
                self.state, self.ended_at = TicketState.IN_ROOM, None
            case TicketState.IN_ROOM if self.calls == 0:
                self.entered_at = None
                self.wait_again()
            case TicketState.IN_ROOM:
                self.state, self.entered_at = TicketState.CALLED, None
            case TicketState.CALLED:
                self.calls -= 1
                self.wait_again()
            case TicketState.LEFT:
                self.wait_again()
            case TicketState.WAITING:
                raise ValueError("a waiting ticket has no move to take back")
            case _:
                assert_never(self.state)


class Screen(Base):
    """A TV. It shows a pairing code until a receptionist types that in; then it belongs to a facility."""

    __tablename__ = "screen"
    __table_args__ = (
        Index(
            "uq_screen_pairing_code",
            "pairing_code",
            unique=True,
            postgresql_where=text("pairing_code IS NOT NULL"),
        ),
        CheckConstraint("(paired_at IS NULL) = (facility_id IS NULL)", name="facility_once_paired"),
        Index("ix_screen_facility", "facility_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    #: SHA-256 of the token in the TV's cookie.
    token_hash: Mapped[str] = mapped_column(unique=True)
    #: Shown on the TV until it is paired, or until it runs out and a new one is made.
    pairing_code: Mapped[str | None]
    pairing_expires_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    facility_id: Mapped[UUID | None] = mapped_column(ForeignKey("facility.id"))
    #: "Waiting room A".
    name: Mapped[str] = mapped_column(default="")
    #: What the screen speaks.
    language: Mapped[str] = mapped_column(default="pt_PT")
    paired_at: Mapped[datetime | None]
    paired_by_account_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    #: Refreshed whenever it fetches the board: the desk says when a screen is silent.
    last_seen_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    def show_code(self, code: str, *, until: datetime) -> None:
        """Show another pairing code."""
        self.pairing_code = code
        self.pairing_expires_at = until

    def pair(self, *, facility_id: UUID, label: ScreenLabel, at: datetime, by: UUID | None) -> None:
        """Belong to a facility from now on; the code is used up."""
        self.facility_id = facility_id
        self.relabel(label)
        self.paired_at = at
        self.paired_by_account_id = by
        self.pairing_code = None
        self.pairing_expires_at = None

    def relabel(self, label: ScreenLabel) -> None:
        """Change what it is called and what it speaks."""
        self.name = label.name
        self.language = label.language
