"""The demo clinic as it stands in the database, keyed by the names of its content."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.accounts.models import Account
from clinic_portal.booking.rules import Need, Stretch, working_stretch
from clinic_portal.core.actor import Role
from clinic_portal.core.clock import day_bounds, local_day
from clinic_portal.core.ids import FacilityId
from clinic_portal.core.modes import Mode
from clinic_portal.demo.content import FACILITIES, PRACTITIONERS, FacilityContent
from clinic_portal.demo.people import FAMILY, PATIENTS, STAFF, PatientContent
from clinic_portal.demo.people_rows import staff_email
from clinic_portal.dependents.models import Relationship
from clinic_portal.facilities.models import Facility, Room, Service
from clinic_portal.facilities.queries import closed_days_of
from clinic_portal.patients.models import Patient
from clinic_portal.practitioners.models import Absence, Practitioner, PractitionerService, WeeklyHours

#: The days of which the demo knows whether they are closed.
CLOSED_BACK, CLOSED_AHEAD = timedelta(days=35), timedelta(days=366)


class Who(NamedTuple):
    """Who does something, as history names them."""

    account_id: UUID | None
    name: str


@dataclass(frozen=True)
class Treatment:
    """A service."""

    id: UUID
    slug: str
    minutes: int
    price_minor: int
    #: Minutes that practitioner and room are kept free for beside it.
    before: int = 0
    after: int = 0

    @property
    def need(self) -> Need:
        """How much of practitioner's and room's time it takes up."""
        return Need(self.length, timedelta(minutes=self.before), timedelta(minutes=self.after))

    @property
    def length(self) -> timedelta:
        """How long it takes."""
        return timedelta(minutes=self.minutes)


@dataclass(frozen=True)
class Hours:
    """A row of weekly hours."""

    weekday: int
    starts_minute: int
    ends_minute: int
    valid_from: date
    valid_until: date | None

    def holds_on(self, day: date) -> bool:
        """Whether it is worked on that day."""
        last = self.valid_until or day
        return day.weekday() == self.weekday and self.valid_from <= day <= last


@dataclass(eq=False)
class Worker:
    """A practitioner at their facility. Their visits of the demo's own are all in one room."""

    id: UUID
    facility_id: UUID
    name: str
    who: Who
    #: None: they meet patients online.
    room_id: UUID | None
    tz: str
    treatments: tuple[Treatment, ...]
    hours: list[Hours] = field(default_factory=list)
    #: The days on which they are away.
    away: frozenset[date] = frozenset()
    #: Their hours say "any free room".
    is_in_any_room: bool = False

    def hours_on(self, day: date) -> list[Hours]:
        """Return the hours of a day, in order."""
        if day in self.away:
            return []
        return sorted((row for row in self.hours if row.holds_on(day)), key=lambda row: row.starts_minute)

    def stretches(self, day: date) -> list[Stretch]:
        """Return when they work on a day; hours that follow without a pause are one stretch."""
        joined: list[Stretch] = []
        for row in self.hours_on(day):
            stretch = working_stretch(day, row.starts_minute, row.ends_minute, self.tz)
            if stretch is None:
                continue
            if joined and joined[-1].end == stretch.start:
                stretch = Stretch(joined.pop().start, stretch.end)
            joined.append(stretch)
        return joined

    def works_at(self, moment: datetime) -> bool:
        """Whether they work at an instant."""
        return any(one.start <= moment < one.end for one in self.stretches(local_day(moment, self.tz)))


@dataclass(frozen=True)
class Person:
    """A patient and who books for them: themselves, a relative, or (without an account) the front desk."""

    id: UUID
    content: PatientContent
    booker: Who


@dataclass(frozen=True)
class Wanted:
    """A visit that somebody would like to have."""

    worker: Worker
    treatment: Treatment
    person: Person
    start: datetime

    @property
    def stretch(self) -> Stretch:
        """From when to when."""
        return Stretch(self.start, self.start + self.treatment.length)

    @property
    def busy(self) -> Stretch:
        """What it takes up of practitioner's and room's time."""
        return self.treatment.need.busy(self.start)

    @property
    def is_in_hours(self) -> bool:
        """Whether they work from its start to its end."""
        day = local_day(self.start, self.worker.tz)
        return any(one.start <= self.start and self.stretch.end <= one.end for one in self.worker.stretches(day))


@dataclass(eq=False)
class Place:
    """A facility with its people."""

    id: UUID
    content: FacilityContent
    desk: Who
    closed_days: frozenset[date]
    workers: list[Worker]
    people: list[Person]

    @property
    def tz(self) -> str:
        """The zone of its wall clock."""
        return self.content.tz

    def bounds(self, day: date) -> Stretch:
        """Return a local day as instants."""
        return Stretch(*day_bounds(day, self.tz))

    @property
    def strangers(self) -> list[Person]:
        """The patients whose visits are left to chance."""
        return [person for person in self.people if person.content not in FAMILY]


def load_places(db: Session, today: date) -> list[Place]:
    """Return the demo's facilities as they are now. A patient who was renamed since does not take part any more."""
    rows = db.execute(select(Account.id, Account.email, Account.given_name, Account.family_name)).all()
    by_email = {row.email: Who(row.id, f"{row.given_name} {row.family_name}") for row in rows}
    ids = {row.slug: row.id for row in db.execute(select(Facility.slug, Facility.id))}
    first, last = today - CLOSED_BACK, today + CLOSED_AHEAD
    workers = _workers(db, by_email, ids)
    desks = {
        facility: by_email[staff_email(one.email)]
        for one in STAFF
        for facility in one.facilities
        if one.role is Role.RECEPTIONIST
    }
    people = _people(db, {row.id: by_email[row.email] for row in rows}, desks)
    return [
        Place(
            id=ids[content.slug],
            content=content,
            desk=desks[content.slug],
            closed_days=closed_days_of(db, FacilityId(ids[content.slug]), from_day=first, to_day=last),
            workers=[worker for worker in workers if worker.facility_id == ids[content.slug]],
            people=[person for person in people if person.content.facility == content.slug],
        )
        for content in FACILITIES
    ]


def _people(db: Session, names: dict[UUID, Who], desks: dict[str, Who]) -> list[Person]:
    bookers = {
        patient_id: names[account_id]
        for patient_id, account_id in db.execute(select(Relationship.patient_id, Relationship.account_id))
    }
    rows = {
        (row.given_name, row.family_name, row.birth_date): row.id
        for row in db.execute(select(Patient.id, Patient.given_name, Patient.family_name, Patient.birth_date))
    }
    found = [(rows.get((one.given_name, one.family_name, one.birth_date)), one) for one in PATIENTS]
    return [Person(id_, one, bookers.get(id_, desks[one.facility])) for id_, one in found if id_ is not None]


def _workers(db: Session, accounts: dict[str, Who], facilities: dict[str, UUID]) -> list[Worker]:
    given = db.execute(
        select(
            PractitionerService.practitioner_id,
            Service.id,
            Service.slug,
            Service.minutes,
            Service.price_minor,
            Service.buffer_before_minutes,
            Service.buffer_after_minutes,
        )
        .join(Service, Service.id == PractitionerService.service_id)
        .order_by(Service.position)
    ).all()
    ids = {row.account_id: row.id for row in db.execute(select(Practitioner.account_id, Practitioner.id))}
    zones = {place.slug: place.tz for place in FACILITIES}
    rooms = {(facility, name): id_ for facility, name, id_ in db.execute(select(Room.facility_id, Room.name, Room.id))}
    hours, away = _hours(db), list(db.scalars(select(Absence)))
    workers: list[Worker] = []
    for one in PRACTITIONERS:
        who = accounts[staff_email(one.email)]
        worker_id = ids[who.account_id]
        own = rooms[facilities[one.facility], one.room]
        room_id, rows = hours[worker_id]
        workers.append(
            Worker(
                id=worker_id,
                facility_id=facilities[one.facility],
                name=one.email,
                who=who,
                room_id=room_id or own,
                tz=zones[one.facility],
                treatments=tuple(Treatment(*row[1:]) for row in given if row.practitioner_id == worker_id),
                hours=rows,
                away=frozenset(
                    day for row in away if row.practitioner_id == worker_id for day in _days(row, zones[one.facility])
                ),
                is_in_any_room=room_id is None,
            )
        )
    return workers


def _days(absence: Absence, tz: str) -> list[date]:
    """Return the days that an absence touches."""
    first, last = local_day(absence.starts_at, tz), local_day(absence.ends_at - timedelta(minutes=1), tz)
    return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]


def _hours(db: Session) -> dict[UUID, tuple[UUID | None, list[Hours]]]:
    """Return, by practitioner, the room and the hours in it. None: any room that is free."""
    found: dict[UUID, tuple[UUID | None, list[Hours]]] = {}
    columns = (
        WeeklyHours.weekday,
        WeeklyHours.starts_minute,
        WeeklyHours.ends_minute,
        WeeklyHours.valid_from,
        WeeklyHours.valid_until,
    )
    statement = select(WeeklyHours.practitioner_id, WeeklyHours.room_id, *columns).order_by(WeeklyHours.id)
    for row in db.execute(statement.where(WeeklyHours.mode == Mode.IN_PERSON)):
        if found.setdefault(row.practitioner_id, (row.room_id, []))[0] == row.room_id:
            found[row.practitioner_id][1].append(
                Hours(row.weekday, row.starts_minute, row.ends_minute, row.valid_from, row.valid_until)
            )
    return found
