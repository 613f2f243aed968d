"""The receptionist's day: visits, tickets and people of one facility, put side by side for one page. Decides nothing."""

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy.orm import Session

from clinic_portal.booking.queries import AppointmentFacts, AppointmentState, day_list
from clinic_portal.booking.queries.missed import missed_counts
from clinic_portal.booking.queries.phoning import ToPhone, offers_to_phone
from clinic_portal.booking.queries.staff import Untold, visits_to_phone
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock, day_bounds, local_day, zone
from clinic_portal.core.ids import PatientId, PractitionerId, RoomId, ServiceId
from clinic_portal.core.text import LocalizedText
from clinic_portal.dependents.queries import companions_of
from clinic_portal.facilities.queries import FacilityFacts, RoomFacts, find_services, rooms_of
from clinic_portal.patients.queries import PatientFacts, patients_for_staff
from clinic_portal.patients.rules import age_on
from clinic_portal.practitioners.queries import practitioners
from clinic_portal.waiting_room.queries import (
    QueueDay,
    ScreenFacts,
    TicketFacts,
    TicketState,
    Wait,
    facility_screens,
    queue_day,
)

#: Days around today that the desk may look at; further away is somebody's mistyped address.
REACH = timedelta(days=400)
#: Younger people come with somebody.
ADULT_YEARS = 18
#: A press is confirmed, and its undo offered, for this long.
SAID_FOR = timedelta(seconds=12)
#: A screen that asked for its board this long ago is alive.
ALIVE_FOR = timedelta(seconds=25)


class DeskState(StrEnum):
    """What the pill of a row says."""

    PENDING = "pending"
    BOOKED = "booked"
    LATE = "late"
    ONLINE = "online"
    ONLINE_NOW = "online_now"
    WAITING = "waiting"
    CALLED = "called"
    IN_ROOM = "in_room"
    DONE = "done"
    LEFT = "left"
    NOSHOW = "noshow"


OF_TICKET = {
    TicketState.WAITING: DeskState.WAITING,
    TicketState.CALLED: DeskState.CALLED,
    TicketState.IN_ROOM: DeskState.IN_ROOM,
    TicketState.DONE: DeskState.DONE,
    TicketState.LEFT: DeskState.LEFT,
}


@dataclass(frozen=True)
class Row:
    """One visit of the day."""

    id: UUID
    ticket_id: UUID | None
    reference: str
    starts_at: datetime
    patient: str
    phone: str
    #: None for adults.
    age: int | None
    companions: tuple[str, ...]
    service: LocalizedText
    practitioner: str
    room_id: UUID | None
    room: str
    is_online: bool
    state: DeskState
    #: Late, waiting, in the room: for how long.
    minutes: int
    #: When the state began, for those that show a clock time.
    since: datetime | None
    #: How often they were called.
    calls: int
    #: They wait longer than they were told on arrival.
    over_promise: bool
    #: How many visits the patient missed lately: staff alone see it.
    missed: int
    #: A press of a moment ago led to the state.
    is_fresh: bool

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do."""
        return self.state in {DeskState.DONE, DeskState.NOSHOW, DeskState.LEFT}


@dataclass(frozen=True)
class QueueLine:
    """One person of the queue's side card."""

    patient: str
    #: Where they were called to; empty while they wait.
    room: str
    wait: Wait | None


@dataclass(frozen=True)
class ScreenLine:
    """One TV of the side card; `silent_s` is None while it is alive, -1 when it was never heard of."""

    name: str
    silent_s: int | None


@dataclass(frozen=True)
class Stats:
    """The numbers on top of the page."""

    visits: int
    waiting: int
    wait: Wait | None
    in_room: int
    late: int


@dataclass(frozen=True)
class Day:
    """Everything that the page shows."""

    day: date
    today: date
    #: The facility's wall clock: the page shows it, and what counts minutes is new with each of them.
    time: str
    rows: Sequence[Row]
    #: How many rows there are without the filter.
    total: int
    stats: Stats
    queue: Sequence[QueueLine]
    screens: Sequence[ScreenLine]
    rooms: Sequence[RoomFacts]
    #: Visits that the clinic cancelled or moved and whose patients somebody must phone.
    untold: Sequence[Untold]
    #: Visits of which a message did not go because the phone answered STOP: somebody should phone.
    stopped: Sequence[Untold]
    #: Offers of times that came free, of which somebody must phone the patient.
    offers_to_phone: Sequence[ToPhone]
    #: Practitioners for whom somebody waits, by name.
    callable: Sequence[tuple[UUID, str]]

    @property
    def is_today(self) -> bool:
        """Whether anything can be done here."""
        return self.day == self.today

    @property
    def previous(self) -> date:
        """The day before."""
        return self.day - timedelta(days=1)

    @property
    def next(self) -> date:
        """The day after."""
        return self.day + timedelta(days=1)

    @property
    def version(self) -> str:
        """What changes when anything on the page changes, and says nothing about it."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:20]


def read_day(db: Session, clock: Clock, facility: FacilityFacts, *, actor: Actor, wanted: str, query: str) -> Day:
    """Return the day that is asked for ("2026-11-24"; today when it is none), with the rows that match the query."""
    now = clock.now()
    today = local_day(now, facility.tz)
    day = chosen_day(wanted, today)
    start, end = day_bounds(day, facility.tz)
    visits = [
        visit for visit in day_list(db, facility_id=facility.id, start=start, end=end) if visit.patient_id is not None
    ]
    queue = queue_day(db, clock, facility_id=facility.id, day=day)
    rooms = rooms_of(db, facility.id)
    people = _People.read(db, visits, queue, actor=actor, rooms=rooms, clock=clock, today=today)
    tickets = {ticket.appointment_id: ticket for ticket in queue.tickets}
    rows = [people.row(visit, tickets.get(visit.id), now, today) for visit in visits]
    waiting_for = {ticket.practitioner_id for ticket, _ in queue.waiting}
    to_phone = visits_to_phone(db, facility.id, now=now, actor=actor)
    return Day(
        day=day,
        today=today,
        time=now.astimezone(zone(facility.tz)).strftime("%H:%M"),
        rows=[row for row in rows if matches(row, query)],
        total=len(rows),
        stats=_stats(rows, queue),
        queue=people.queue_lines(queue),
        screens=[_screen_line(screen, now) for screen in facility_screens(db, facility.id)],
        rooms=rooms,
        untold=[one for one in to_phone if not one.is_stopped],
        stopped=[one for one in to_phone if one.is_stopped],
        offers_to_phone=offers_to_phone(db, clock, facility.id, actor=actor),
        callable=sorted(((id_, people.practitioners[id_]) for id_ in waiting_for), key=lambda pair: pair[1]),
    )


def chosen_day(wanted: str, today: date) -> date:
    """Return the day of an address, or today when it is not one or too far away."""
    try:
        day = date.fromisoformat(wanted)
    except ValueError:
        return today
    return day if abs(day - today) <= REACH else today


def matches(row: Row, query: str) -> bool:
    """Whether every word of the query is in the row's name, reference or phone number, accents and case aside."""
    haystack = " ".join([_folded(row.patient), _folded(row.reference), row.phone])
    return all(word in haystack for word in _folded(query).split())


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in plain if not unicodedata.combining(character))


@dataclass(frozen=True)
class _People:
    """Names of everybody and everything that the day mentions, read in one go."""

    patients: Mapping[PatientId, PatientFacts]
    companions: Mapping[PatientId, Sequence[str]]
    practitioners: Mapping[PractitionerId, str]
    services: Mapping[ServiceId, LocalizedText]
    missed: Mapping[PatientId, int]
    rooms: Mapping[RoomId, str]

    @classmethod
    def read(  # noqa: PLR0913 - the day is about that much
        cls,
        db: Session,
        visits: Sequence[AppointmentFacts],
        queue: QueueDay,
        *,
        actor: Actor,
        rooms: Sequence[RoomFacts],
        clock: Clock,
        today: date,
    ) -> "_People":
        ids = {visit.known_patient_id for visit in visits} | {ticket.patient_id for ticket in queue.tickets}
        patients = patients_for_staff(db, ids, actor=actor)
        children = [id_ for id_, one in patients.items() if age_on(one.birth_date, today) < ADULT_YEARS]
        staff = {visit.practitioner_id for visit in visits} | {ticket.practitioner_id for ticket in queue.tickets}
        return cls(
            patients=patients,
            companions=companions_of(db, children, today=today),
            practitioners={id_: one.full_name for id_, one in practitioners(db, staff).items()},
            services={id_: one.names for id_, one in find_services(db, {visit.service_id for visit in visits}).items()},
            missed=missed_counts(db, clock, {visit.known_patient_id for visit in visits}, actor=actor),
            rooms={room.id: room.name for room in rooms},
        )

    def row(self, visit: AppointmentFacts, ticket: TicketFacts | None, now: datetime, today: date) -> Row:
        patient = self.patients[visit.known_patient_id]
        age = age_on(patient.birth_date, today)
        state, since = _state(visit, ticket, now)
        room_id = ticket.room_id if ticket and ticket.room_id else visit.room_id
        waited = int((now - since).total_seconds() // 60) if since else 0
        return Row(
            id=visit.id,
            ticket_id=ticket.id if ticket else None,
            reference=visit.reference,
            starts_at=visit.starts_at,
            patient=patient.full_name,
            phone=patient.phone or "",
            age=age if age < ADULT_YEARS else None,
            companions=tuple(self.companions.get(visit.known_patient_id, ())[:2]) if age < ADULT_YEARS else (),
            service=self.services[visit.service_id],
            practitioner=self.practitioners[visit.practitioner_id],
            room_id=room_id,
            room=self.rooms.get(room_id, "") if room_id else "",
            is_online=visit.is_online,
            state=state,
            minutes=max(waited, 0),
            since=since,
            calls=ticket.calls if ticket else 0,
            over_promise=_is_over_promise(ticket, now),
            missed=self.missed.get(visit.known_patient_id, 0),
            is_fresh=since is not None and state not in {DeskState.LATE, DeskState.ONLINE} and now - since < SAID_FOR,
        )

    def queue_lines(self, queue: QueueDay) -> list[QueueLine]:
        called = [ticket for ticket in queue.others if ticket.state is TicketState.CALLED]
        lines = [
            QueueLine(self.patients[ticket.patient_id].full_name, self.rooms.get(ticket.room_id, ""), None)
            for ticket in called
            if ticket.room_id
        ]
        return lines + [
            QueueLine(self.patients[ticket.patient_id].full_name, "", wait) for ticket, wait in queue.waiting
        ]


def _state(visit: AppointmentFacts, ticket: TicketFacts | None, now: datetime) -> tuple[DeskState, datetime | None]:
    """Return what the pill says and since when."""
    if ticket is not None:
        since = {
            TicketState.WAITING: ticket.arrived_at,
            TicketState.CALLED: ticket.called_at,
            TicketState.IN_ROOM: ticket.entered_at,
            TicketState.DONE: ticket.ended_at,
            TicketState.LEFT: ticket.ended_at,
        }[ticket.state]
        return OF_TICKET[ticket.state], since
    if visit.state is AppointmentState.NOSHOW:
        return DeskState.NOSHOW, None
    if visit.state is AppointmentState.FULFILLED:
        return DeskState.DONE, visit.ends_at
    if visit.state is AppointmentState.PENDING:
        return DeskState.PENDING, None
    if visit.is_online:
        return _online_state(visit, now)
    if now - visit.starts_at >= timedelta(minutes=1):
        return DeskState.LATE, visit.starts_at
    return DeskState.BOOKED, None


def _online_state(visit: AppointmentFacts, now: datetime) -> tuple[DeskState, datetime | None]:
    """Return what the pill says of an online visit that is to come or going on, and since when it should have begun."""
    if visit.state is not AppointmentState.BOOKED:
        return DeskState.ONLINE_NOW, None
    return DeskState.ONLINE, visit.starts_at if visit.starts_at <= now else None


def _is_over_promise(ticket: TicketFacts | None, now: datetime) -> bool:
    if ticket is None or ticket.promised is None or ticket.state is not TicketState.WAITING:
        return False
    return now - ticket.arrived_at > timedelta(minutes=ticket.promised.to_minutes)


def _stats(rows: Sequence[Row], queue: QueueDay) -> Stats:
    count = {state: sum(row.state is state for row in rows) for state in DeskState}
    return Stats(
        visits=len(rows),
        waiting=len(queue.waiting),
        wait=queue.typical_wait,
        in_room=count[DeskState.IN_ROOM],
        late=count[DeskState.LATE],
    )


def _screen_line(screen: ScreenFacts, now: datetime) -> ScreenLine:
    if screen.last_seen_at is None:
        return ScreenLine(screen.name, -1)
    silent = now - screen.last_seen_at
    # In steps of ten seconds, so that a silent screen does not make the whole page new every second.
    return ScreenLine(screen.name, None if silent < ALIVE_FOR else int(silent.total_seconds()) // 10 * 10)
