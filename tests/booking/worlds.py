"""Random clinics for property tests: plain values that print readably, and how they get into the database."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from sqlalchemy import insert
from sqlalchemy.dialects.postgresql import insert as insert_or_skip
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment, AppointmentHistory
from clinic_portal.booking.rules import LIVE_STATES, AppointmentState
from clinic_portal.core.ids import new_id, spoken_code
from clinic_portal.core.modes import Mode, Modes
from clinic_portal.facilities.models import Closure, Facility, OpenHoliday, Room, Service
from clinic_portal.facilities.rules import Direction
from clinic_portal.practitioners.models import Absence, ExtraHours, Practitioner, PractitionerService, WeeklyHours

#: Zone → country and region of its public holidays. Lord Howe changes by half an hour, Santiago at midnight, Kathmandu
#: never and is a quarter of an hour beside the full one.
ZONES = {
    "Europe/Lisbon": ("PT", None),
    "Atlantic/Azores": ("PT", "20"),
    "America/St_Johns": ("CA", "NL"),
    "Australia/Lord_Howe": ("AU", "NSW"),
    "America/Santiago": ("CL", None),
    "Asia/Kathmandu": ("NP", None),
}

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@lru_cache
def clock_changes(tz: str) -> tuple[date, ...]:
    """The days of 2026 and 2027 that are not 24 hours long."""
    zone, day, found = ZoneInfo(tz), date(2026, 1, 1), []
    while day.year < 2028:
        noons = [datetime(one.year, one.month, one.day, 12, tzinfo=zone) for one in (day - DAY, day)]
        if noons[0].utcoffset() != noons[1].utcoffset():
            found.append(day)
        day += DAY
    return tuple(found)


@dataclass(frozen=True)
class Place:
    """A facility."""

    tz: str
    rooms: int
    keeps_holidays: bool = False
    closed: tuple[date, ...] = ()
    #: Public holidays on which it is open.
    opened: tuple[date, ...] = ()


@dataclass(frozen=True)
class Work:
    """Hours: of a weekday while they are valid, or (`day`) of one day. Numbers are places in the world's lists."""

    who: int
    place: int
    #: None in person: in any room that is free.
    room: int | None
    mode: Mode
    starts: int
    ends: int
    weekday: int
    since: date
    until: date | None
    is_extra: bool

    def __repr__(self) -> str:
        when = f"extra {self.since}" if self.is_extra else f"{DAYS[self.weekday]} {self.since}…{self.until or ''}"
        hours = f"{self.starts // 60:02}:{self.starts % 60:02}-{self.ends // 60:02}:{self.ends % 60:02}"
        return f"Work(who={self.who} place={self.place} {self.mode.value} room={self.room} {when} {hours})"


@dataclass(frozen=True)
class Away:
    """An absence."""

    who: int
    start: datetime
    end: datetime

    def __repr__(self) -> str:
        return f"Away(who={self.who} {self.start:%Y-%m-%dT%H:%M}…{self.end:%Y-%m-%dT%H:%M}Z)"


@dataclass(frozen=True)
class Visit:
    """A row of the calendar, with the buffers that its service had. `is_mine`: of the patient who will book."""

    who: int
    place: int
    room: int | None
    start: datetime
    minutes: int
    before: int
    after: int
    state: AppointmentState
    #: A hold that ran out.
    is_over: bool = False
    is_mine: bool = False
    #: Whether it was made, given back or ran out while somebody may have been reading a page.
    is_fresh: bool = False

    @property
    def end(self) -> datetime:
        return self.start + self.minutes * MINUTE

    @property
    def busy(self) -> tuple[datetime, datetime]:
        return self.start - self.before * MINUTE, self.end + self.after * MINUTE

    @property
    def is_live(self) -> bool:
        return self.state in LIVE_STATES and not self.is_over

    def __repr__(self) -> str:
        state = f"{self.state.value}{' over' if self.is_over else ''}{' mine' if self.is_mine else ''}"
        state += " fresh" if self.is_fresh else ""
        around = f"{self.before}+{self.minutes}+{self.after}"
        return (
            f"Visit(who={self.who} place={self.place} room={self.room} {self.start:%Y-%m-%dT%H:%M}Z {around} {state})"
        )


@dataclass(frozen=True)
class Treatment:
    """The service that is looked for."""

    minutes: int
    before: int
    after: int
    notice: int
    horizon: int
    per_day: int | None
    modes: Modes = Modes.BOTH

    @property
    def length(self) -> timedelta:
        return self.minutes * MINUTE


@dataclass(frozen=True)
class Person:
    """A practitioner."""

    gives_it: bool = True
    is_active: bool = True


@dataclass(frozen=True)
class World:
    """Everything that decides which times are free."""

    now: datetime
    first: date
    service: Treatment
    people: tuple[Person, ...]
    places: tuple[Place, ...]
    works: tuple[Work, ...]
    aways: tuple[Away, ...]
    visits: tuple[Visit, ...]
    #: What is tried out of many.
    seed: int

    def __repr__(self) -> str:
        parts = [
            f"now={self.now:%Y-%m-%dT%H:%M}Z look from {self.first} seed={self.seed}", self.service, *self.people,
            *self.places, *self.works, *self.aways, *self.visits,
        ]  # fmt: skip
        return "World(\n    " + "\n    ".join(map(str, parts)) + ")"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """How hypothesis prints the world in which something failed."""
        printer.text(repr(self))


DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
#: Full steps of the clock; now and then somebody types another minute.
steps = st.integers(0, 287).map(lambda step: 5 * step)
night = st.integers(0, 48).map(lambda step: 5 * step)
minutes_of_day = st.one_of(night, st.integers(32, 80).map(lambda quarter: 15 * quarter), steps, st.integers(0, 1435))
lengths = st.one_of(st.sampled_from([15, 20, 30, 45, 60, 90]), st.sampled_from([15, 30, 60, 240]), st.integers(5, 480))
buffers = st.one_of(st.just(0), st.sampled_from([5, 10, 15, 30, 120]), st.integers(0, 120))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A clinic around some night: every second time one in which the clocks of one of its places change."""
    places = draw(st.lists(_places(), min_size=1, max_size=3))
    changes = [day for place in places for day in clock_changes(place.tz)] or [date(2026, 10, 25)]
    anchor = draw(st.sampled_from(changes))
    if draw(st.booleans()):
        anchor += draw(st.integers(-200, 200)) * DAY
    ahead = draw(st.one_of(st.integers(0, 3), st.integers(0, 40), st.integers(0, 200)))
    now = _at(anchor, draw(st.integers(-720, 1440))) - ahead * DAY
    people = [Person(), *draw(st.lists(_people, max_size=2))]
    near = st.integers(-2, 3).map(lambda days: anchor + days * DAY)
    works = draw(st.lists(_works(len(people), places, near), min_size=2, max_size=6))
    aways = draw(st.lists(_aways(len(people), near), max_size=3))
    visits = draw(st.lists(_visits(len(people), places, near), max_size=7))
    places = [draw(_closed(place, near)) for place in places]
    return World(
        now=now, first=anchor + draw(st.integers(-2, 0)) * DAY, service=draw(_treatments(ahead)), people=tuple(people),
        places=tuple(places), works=tuple(_beside_each_other(works)), aways=tuple(aways), visits=tuple(visits),
        seed=draw(st.integers(0, 999)),
    )  # fmt: skip


_people = st.builds(
    Person,
    gives_it=st.sampled_from([True, True, True, False]),
    is_active=st.sampled_from([True, True, True, True, False]),
)


@st.composite
def _treatments(draw: st.DrawFn, ahead: int) -> Treatment:
    """The calendar is open for the night that is looked at, or ends before, or begins after it."""
    return Treatment(
        minutes=draw(lengths), before=draw(buffers), after=draw(buffers),
        notice=draw(st.one_of(st.just(0), st.just(60), st.integers(0, 1440 * min(ahead + 1, 14)))),
        horizon=draw(st.one_of(st.just(365), st.integers(1, 5).map(lambda more: min(ahead + more, 365)), st.integers(1, 365))),
        per_day=draw(st.sampled_from([None, None, 1, 2])),
        modes=draw(st.sampled_from([Modes.BOTH, Modes.BOTH, Modes.BOTH, *Modes])),
    )  # fmt: skip


@st.composite
def _places(draw: st.DrawFn) -> Place:
    tz = draw(st.sampled_from(list(ZONES)))
    return Place(tz, rooms=draw(st.integers(1, 2)), keeps_holidays=draw(st.booleans()))


@st.composite
def _closed(draw: st.DrawFn, place: Place, near: st.SearchStrategy[date]) -> Place:
    closed, opened = draw(st.sets(near, max_size=1)), draw(st.sets(near, max_size=2))
    return Place(place.tz, place.rooms, place.keeps_holidays, tuple(sorted(closed)), tuple(sorted(opened)))


@st.composite
def _works(draw: st.DrawFn, people: int, places: list[Place], near: st.SearchStrategy[date]) -> Work:
    place = draw(st.integers(0, len(places) - 1))
    mode = draw(st.sampled_from([Mode.IN_PERSON, Mode.IN_PERSON, Mode.ONLINE]))
    room = draw(st.one_of(st.none(), st.integers(0, places[place].rooms - 1))) if mode is Mode.IN_PERSON else None
    starts = draw(minutes_of_day)
    ends = draw(
        st.one_of(st.just(1440), st.integers(starts + 1, 1440), st.integers(starts // 5 + 1, 288).map((5).__mul__))
    )
    day, is_extra = draw(near), draw(st.sampled_from([False, False, True]))
    since = day if is_extra else day - draw(st.integers(0, 300)) * DAY
    until = day if is_extra else draw(st.one_of(st.none(), st.integers(0, 60).map(lambda more: day + more * DAY)))
    return Work(
        draw(st.integers(0, people - 1)), place, room, mode, starts, ends, day.weekday(), since, until, is_extra
    )


@st.composite
def _aways(draw: st.DrawFn, people: int, near: st.SearchStrategy[date]) -> Away:
    start = _at(draw(near), draw(st.integers(0, 1439)))
    length = draw(st.one_of(st.integers(1, 1440), st.integers(1, 120).map((1440).__mul__)))
    return Away(draw(st.integers(0, people - 1)), start, start + length * MINUTE)


@st.composite
def _visits(draw: st.DrawFn, people: int, places: list[Place], near: st.SearchStrategy[date]) -> Visit:
    place = draw(st.integers(0, len(places) - 1))
    room = draw(st.one_of(st.none(), st.integers(0, places[place].rooms - 1)))
    state = draw(st.sampled_from([AppointmentState.BOOKED, AppointmentState.PROPOSED, *AppointmentState]))
    return Visit(
        draw(st.integers(0, people - 1)), place, room, _at(draw(near), draw(st.one_of(steps, minutes_of_day))),
        draw(lengths), draw(buffers), draw(buffers), state,
        is_over=state is AppointmentState.PROPOSED and draw(st.booleans()), is_mine=draw(st.integers(0, 5)) == 5,
        is_fresh=draw(st.integers(0, 4)) == 4,
    )  # fmt: skip


def _at(day: date, minute: int) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + minute * MINUTE


def _beside_each_other(works: list[Work]) -> list[Work]:
    """Without those that are refused when they are typed: the same person's at the same minutes."""
    kept: list[Work] = []
    for work in works:
        if not any(
            work.who == other.who
            and work.weekday == other.weekday
            and (work.starts < other.ends and other.starts < work.ends)
            and work.since <= (other.until or work.since)
            and other.since <= (work.until or other.since)
            for other in kept
        ):
            kept.append(work)
    return kept


@dataclass(frozen=True)
class Built:
    """The ids of a world in the database, in the order of its lists, and the visits that the database took."""

    service: UUID
    people: list[UUID]
    places: list[UUID]
    #: Place → its rooms.
    rooms: list[list[UUID]]
    visits: tuple[Visit, ...]


def build(db: Session, world: World, *, my_id: UUID, patient_ids: list[UUID]) -> Built:
    """Insert the world. Of visits that exclude each other the first is taken, as the database decides."""
    service = Service(
        slug="drawn", names={"en": "Drawn"}, minutes=world.service.minutes, price_minor=1000, series_max=12,
        buffer_before_minutes=world.service.before, buffer_after_minutes=world.service.after,
        notice_minutes=world.service.notice, horizon_days=world.service.horizon, visits_per_day=world.service.per_day,
        modes=world.service.modes,
    )  # fmt: skip
    people = [
        Practitioner(given_name=f"Person{number}", family_name="Drawn", is_active=one.is_active)
        for number, one in enumerate(world.people)
    ]
    places = [
        Facility(
            slug=f"drawn-{number}", names={"en": place.tz}, street="Street 1", postal_code="1000-001", city="City",
            country=ZONES[place.tz][0], region=ZONES[place.tz][1], tz=place.tz, phone="+351210000009",
            observes_holidays=place.keeps_holidays,
        )
        for number, place in enumerate(world.places)
    ]  # fmt: skip
    db.add_all([service, *people, *places])
    db.flush()
    rooms = [
        [
            Room(id=new_id(), facility_id=row.id, name=str(number), direction=Direction.LEFT)
            for number in range(place.rooms)
        ]
        for row, place in zip(places, world.places, strict=True)
    ]
    db.add_all([room for group in rooms for room in group])
    for row, place in zip(places, world.places, strict=True):
        db.add_all(Closure(facility_id=row.id, day=day, reason="drawn") for day in place.closed)
        db.add_all(OpenHoliday(facility_id=row.id, day=day) for day in place.opened)
    for row, one in zip(people, world.people, strict=True):
        if one.gives_it:
            db.add(PractitionerService(practitioner_id=row.id, service_id=service.id))
    db.flush()
    built = Built(
        service.id, [row.id for row in people], [row.id for row in places],
        [[room.id for room in group] for group in rooms], (),
    )  # fmt: skip
    _insert_hours(db, world, built)
    taken = _insert_visits(db, world, built, my_id, patient_ids)
    db.commit()
    return Built(built.service, built.people, built.places, built.rooms, taken)


def _insert_hours(db: Session, world: World, built: Built) -> None:
    for work in world.works:
        shared = {
            "practitioner_id": built.people[work.who], "facility_id": built.places[work.place], "mode": work.mode,
            "room_id": None if work.room is None else built.rooms[work.place][work.room],
            "starts_minute": work.starts, "ends_minute": work.ends,
        }  # fmt: skip
        if work.is_extra:
            db.add(ExtraHours(day=work.since, **shared))
        else:
            db.add(WeeklyHours(weekday=work.weekday, valid_from=work.since, valid_until=work.until, **shared))
    away = [
        {
            "id": new_id(),
            "practitioner_id": built.people[one.who],
            "starts_at": one.start,
            "ends_at": one.end,
            "reason": "x",
        }
        for one in world.aways
    ]
    db.flush()
    if away:
        db.execute(insert(Absence), away)


def _insert_visits(db: Session, world: World, built: Built, my_id: UUID, patient_ids: list[UUID]) -> tuple[Visit, ...]:
    taken = []
    for number, visit in enumerate(world.visits):
        patient_id = my_id if visit.is_mine else patient_ids[number % len(patient_ids)]
        row = row_of(world, built, visit, patient_id)
        if count_taken(db, [row]):
            taken.append(visit)
            if visit.is_over:
                continue  # Nothing is written down when a hold runs out.
            past = world.now - timedelta(minutes=29 if visit.is_fresh else 31)
            said = {"id": new_id(), "at": past, "actor_name": "drawn", "reason": "drawn", "note": ""}
            line = {"appointment_id": row["id"], "to_state": row["state"], "starts_at": row["starts_at"]}
            db.execute(insert(AppointmentHistory), {**said, **line})
    return tuple(taken)


def row_of(world: World, built: Built, visit: Visit, patient_id: UUID | None) -> dict[str, object]:
    """The columns of a visit."""
    held = world.now + timedelta(minutes=9 if not visit.is_over else -1 if visit.is_fresh else -31)
    return {
        "id": new_id(), "reference": spoken_code(8), "state": visit.state, "service_id": built.service,
        "practitioner_id": built.people[visit.who], "facility_id": built.places[visit.place],
        "room_id": None if visit.room is None else built.rooms[visit.place][visit.room],
        "mode": Mode.ONLINE if visit.room is None else Mode.IN_PERSON, "patient_id": patient_id,
        "starts_at": visit.start, "ends_at": visit.end, "busy_from": visit.busy[0], "busy_until": visit.busy[1],
        "price_minor": 1000, "held_until": held if visit.state is AppointmentState.PROPOSED else None,
        "created_at": world.now,
    }  # fmt: skip


def count_taken(db: Session, rows: list[dict[str, object]]) -> int:
    """Insert rows as they are; how many the database takes beside those that it has."""
    if not rows:
        return 0
    statement = insert_or_skip(Appointment).values(rows).on_conflict_do_nothing().returning(Appointment.id)
    return len(db.scalars(statement).all())
