"""Reads of the queue, of the screens, and of what a screen shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session

from clinic_portal.accounts.queries import token_hash
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock, local_day
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import (
    AppointmentId,
    FacilityId,
    PatientId,
    PractitionerId,
    RoomId,
    ScreenId,
    TicketId,
)
from clinic_portal.core.statements import built_once, read_columns
from clinic_portal.facilities.queries import facility_by_id, works_at
from clinic_portal.waiting_room.models import Queue, Screen, Ticket
from clinic_portal.waiting_room.rules import (
    Place,
    ScreenLabel,
    TicketState,
    Wait,
    expected_waits,
    in_order,
    typical_wait,
)

__all__ = [
    "QueueDay",
    "ScreenFacts",
    "ScreenLabel",
    "TicketFacts",
    "TicketState",
    "Wait",
    "facility_screens",
    "find_screen",
    "queue_day",
    "queue_version",
    "screen_is_paired",
    "ticket_facts",
]


@dataclass(frozen=True)
class TicketFacts:
    """A place in the queue, as it was when it was read."""

    id: TicketId
    facility_id: FacilityId
    day: date
    number: int
    code: str
    state: TicketState
    #: None for a walk-in.
    appointment_id: AppointmentId | None
    patient_id: PatientId
    practitioner_id: PractitionerId
    room_id: RoomId | None
    arrived_at: datetime
    called_at: datetime | None
    calls: int
    entered_at: datetime | None
    ended_at: datetime | None
    #: What was promised on arrival; None when nobody could tell.
    promised: Wait | None


@dataclass(frozen=True)
class QueueDay:
    """Everybody who has arrived at a facility on a day, those who wait first and in order, with what they wait."""

    version: int
    waiting: Sequence[tuple[TicketFacts, Wait | None]]
    #: Called, in a room, done or left; by number.
    others: Sequence[TicketFacts]

    @property
    def tickets(self) -> Sequence[TicketFacts]:
        """All of them."""
        return [*(ticket for ticket, _ in self.waiting), *self.others]

    @property
    def typical_wait(self) -> Wait | None:
        """The wait in the middle of those who wait; None when nobody waits or nobody can tell."""
        return typical_wait([wait for _, wait in self.waiting])


@dataclass(frozen=True)
class ScreenFacts:
    """A TV that was not revoked."""

    id: ScreenId
    #: None until it is paired.
    facility_id: FacilityId | None
    name: str
    language: str
    #: Shown while it is not paired.
    pairing_code: str | None
    pairing_expires_at: datetime | None
    paired_at: datetime | None
    last_seen_at: datetime | None


def ticket_facts(row: Ticket) -> TicketFacts:
    """Return what other features may know of a row."""
    low, high = row.wait_from_minutes, row.wait_to_minutes
    return TicketFacts(
        id=TicketId(row.id),
        facility_id=FacilityId(row.facility_id),
        day=row.day,
        number=row.number,
        code=row.code,
        state=row.state,
        appointment_id=AppointmentId(row.appointment_id) if row.appointment_id else None,
        patient_id=PatientId(row.patient_id),
        practitioner_id=PractitionerId(row.practitioner_id),
        room_id=RoomId(row.room_id) if row.room_id else None,
        arrived_at=row.arrived_at,
        called_at=row.called_at,
        calls=row.calls,
        entered_at=row.entered_at,
        ended_at=row.ended_at,
        promised=None if low is None or high is None else Wait(low, high),
    )


def queue_day(db: Session, clock: Clock, *, facility_id: FacilityId, day: date) -> QueueDay:
    """Return the queue of a facility on a local day. For its staff and its screens: the caller has checked that."""
    version = queue_version(db, facility_id)
    rows = {row.id: row for row in _tickets(db, facility_id, day)}
    places = [row.place() for row in rows.values()]
    waits = expected_waits(places, now=clock.now())
    return QueueDay(
        version=version,
        waiting=[(ticket_facts(rows[place.key]), waits[place.key]) for place in in_order(places)],
        others=[ticket_facts(row) for row in rows.values() if row.state is not TicketState.WAITING],
    )


def queue_version(db: Session, facility_id: FacilityId) -> int:
    """Return the version of a facility's queue, 0 before its first ticket."""
    found = read_columns(db, *_version(facility_id=facility_id))
    return found[0][0] if found else 0


@built_once
def _version(*, facility_id: FacilityId) -> Select[int]:
    return select(Queue.version).where(Queue.facility_id == facility_id)


def day_places(db: Session, facility_id: FacilityId, day: date) -> list[Place]:
    """Return a day's tickets as the rules see them."""
    return [row.place() for row in _tickets(db, facility_id, day)]


def day_codes(db: Session, facility_id: FacilityId, day: date) -> list[str]:
    """Return the ticket codes that are taken on a day."""
    return list(db.scalars(select(Ticket.code).where(Ticket.facility_id == facility_id, Ticket.day == day)))


def _tickets(db: Session, facility_id: FacilityId, day: date) -> Sequence[Ticket]:
    return db.scalars(
        select(Ticket)
        .where(Ticket.facility_id == facility_id, Ticket.day == day)
        .order_by(Ticket.number)
        .execution_options(populate_existing=True)
    ).all()


def today_at(db: Session, clock: Clock, facility_id: FacilityId) -> date:
    """Return the day on the facility's wall clock. Raises: NotFound."""
    return local_day(clock.now(), facility_by_id(db, facility_id).tz)


def ticket_for_staff(db: Session, ticket_id: TicketId, *, facility_id: FacilityId, actor: Actor) -> Ticket:
    """Return a ticket of a facility at which the actor works. Raises: NotFound."""
    row = db.get(Ticket, ticket_id)
    if row is None or row.facility_id != facility_id or not works_at(db, facility_id, actor=actor):
        raise NotFound
    return row


def lock_queue(db: Session, facility_id: FacilityId) -> Queue | None:
    """Return the queue's row, locked; None before the facility's first ticket."""
    return db.scalar(
        select(Queue)
        .where(Queue.facility_id == facility_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def lock_ticket(db: Session, ticket_id: TicketId) -> Ticket:
    """Return the row, locked, as it is now. Raises: NotFound."""
    row = db.scalar(
        select(Ticket).where(Ticket.id == ticket_id).with_for_update().execution_options(populate_existing=True)
    )
    if row is None:
        raise NotFound
    return row


def lock_waiting(db: Session, facility_id: FacilityId, day: date) -> Sequence[Ticket]:
    """Return those who wait, locked; a row that somebody else is changing right now is passed over."""
    return db.scalars(
        select(Ticket)
        .where(Ticket.facility_id == facility_id, Ticket.day == day, Ticket.state == TicketState.WAITING)
        .order_by(Ticket.id)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()


def ticket_of_appointment(db: Session, appointment_id: AppointmentId) -> Ticket | None:
    """Return the visit's ticket, None before arrival."""
    return db.scalar(
        select(Ticket).where(Ticket.appointment_id == appointment_id).execution_options(populate_existing=True)
    )


def find_screen(db: Session, token: str) -> ScreenFacts | None:
    """Return the screen of a cookie; None when there is none or it was revoked."""
    row = db.scalar(
        select(Screen)
        .where(Screen.token_hash == token_hash(token), Screen.revoked_at.is_(None))
        .execution_options(populate_existing=True)
    )
    return screen_facts(row) if row else None


def screen_is_paired(db: Session, token: str) -> bool:
    """Whether the cookie belongs to a screen that a facility has paired and not revoked."""
    screen = find_screen(db, token)
    return screen is not None and screen.facility_id is not None


def facility_screens(db: Session, facility_id: FacilityId) -> list[ScreenFacts]:
    """Return the screens of a facility by name. For its staff: the caller has checked that."""
    rows = db.scalars(
        select(Screen)
        .where(Screen.facility_id == facility_id, Screen.revoked_at.is_(None))
        .order_by(func.lower(Screen.name), Screen.id)
    )
    return [screen_facts(row) for row in rows]


def lock_screen(db: Session, screen_id: ScreenId) -> Screen:
    """Return the row of a screen that was not revoked, locked. Raises: NotFound."""
    row = db.scalar(
        select(Screen)
        .where(Screen.id == screen_id, Screen.revoked_at.is_(None))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise NotFound
    return row


def lock_screen_for_staff(db: Session, screen_id: ScreenId, *, facility_id: FacilityId, actor: Actor) -> Screen:
    """Return the row of a screen of a facility at which the actor works, locked. Raises: NotFound."""
    row = lock_screen(db, screen_id)
    if row.facility_id != facility_id or not works_at(db, facility_id, actor=actor):
        raise NotFound
    return row


def lock_screen_with_code(db: Session, code: str, *, now: datetime) -> Screen | None:
    """Return the row of the unpaired screen that shows this code now, locked."""
    return db.scalar(
        select(Screen)
        .where(
            Screen.pairing_code == code,
            Screen.pairing_expires_at > now,
            Screen.paired_at.is_(None),
            Screen.revoked_at.is_(None),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def pairing_code_exists(db: Session, code: str) -> bool:
    """Whether a screen shows this pairing code, run out or not."""
    return bool(db.scalar(select(exists().where(Screen.pairing_code == code))))


def screen_facts(row: Screen) -> ScreenFacts:
    """Return what other features may know of a row."""
    return ScreenFacts(
        id=ScreenId(row.id),
        facility_id=FacilityId(row.facility_id) if row.facility_id else None,
        name=row.name,
        language=row.language,
        pairing_code=row.pairing_code,
        pairing_expires_at=row.pairing_expires_at,
        paired_at=row.paired_at,
        last_seen_at=row.last_seen_at,
    )
