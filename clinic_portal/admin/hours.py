"""What the pages of somebody's hours show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from clinic_portal.core.clock import day_bounds, local_day, wall_to_utc
from clinic_portal.core.ids import FacilityId, PractitionerId, RoomId
from clinic_portal.core.modes import Mode
from clinic_portal.facilities.queries import FacilityFacts, RoomFacts, find_facilities, find_rooms, rooms_of
from clinic_portal.practitioners.queries import (
    HoursFacts,
    HoursRow,
    PractitionerFacts,
    Timetable,
    active_practitioners,
    hours_between,
    timetable_of,
)

ONLINE = "online"
ANY_ROOM = "any"


@dataclass(frozen=True)
class Plan:
    """Somebody's hours with the names of places and rooms."""

    practitioner: PractitionerFacts
    timetable: Timetable
    places: Mapping[FacilityId, FacilityFacts]
    rooms: Mapping[RoomId, RoomFacts]
    #: The wall clock on which their absences are shown and typed: that of the place where they work.
    tz: str
    today: date

    def weekdays(self) -> Sequence[tuple[int, Sequence[HoursRow]]]:
        """Return all seven days, with or without hours."""
        return [(day, [row for row in self.timetable.weekly if row.hours.weekday == day]) for day in range(7)]

    def is_whole(self, start: datetime, end: datetime) -> bool:
        """Whether an absence begins and ends with a day."""
        first, last = local_day(start, self.tz), local_day(end - timedelta(minutes=1), self.tz)
        return (start, end) == (day_bounds(first, self.tz)[0], day_bounds(last, self.tz)[1])

    def first_day(self, start: datetime) -> date:
        """Return the first day that an absence touches."""
        return local_day(start, self.tz)

    def last_day(self, end: datetime) -> date:
        """Return the last day that an absence touches."""
        return local_day(end - timedelta(minutes=1), self.tz)


@dataclass(frozen=True)
class Place:
    """Somewhere to work: a room, any room that is free (in person, without one), or online."""

    facility: FacilityFacts
    room: RoomFacts | None
    mode: Mode = Mode.IN_PERSON

    @property
    def value(self) -> str:
        """The place as one word: what the form sends."""
        return _value(self.facility.id, self.room.id if self.room else None, self.mode)


def value_of(hours: HoursFacts) -> str:
    """Return the value of the place where hours are worked."""
    return _value(hours.facility_id, hours.room_id, hours.mode)


def _value(facility_id: FacilityId, room_id: RoomId | None, mode: Mode) -> str:
    return f"{facility_id}:{room_id or (ONLINE if mode is Mode.ONLINE else ANY_ROOM)}"


def read_plan(db: Session, practitioner: PractitionerFacts, *, now: datetime) -> Plan:
    """Return somebody's hours from today on."""
    places = find_facilities(db)
    # A day back: today's hours of a place whose day is not over yet.
    timetable = timetable_of(db, practitioner.id, from_day=now.date() - timedelta(days=1), now=now)
    rows = [*timetable.weekly, *timetable.extra]
    used = [row.hours.facility_id for row in rows] or list(places)
    tz = places[used[0]].tz
    today = local_day(now, tz)
    shown = Timetable(
        tuple(row for row in timetable.weekly if row.hours.valid_until is None or row.hours.valid_until >= today),
        tuple(row for row in timetable.extra if row.hours.valid_from >= today),
        timetable.absences,
    )
    rooms = find_rooms(db, {row.hours.room_id for row in rows if row.hours.room_id})
    return Plan(practitioner, shown, places, rooms, tz, today)


def places_to_work(db: Session) -> Sequence[Place]:
    """Return every room of every facility, then any of them, and online work for each."""
    found: list[Place] = []
    for facility in find_facilities(db).values():
        rooms = [Place(facility, room) for room in rooms_of(db, facility.id)]
        found += [*rooms, *([Place(facility, None)] if rooms else []), Place(facility, None, Mode.ONLINE)]
    return found


def hours_at(
    place: Place, who: PractitionerId, *, weekday: int, at: tuple[int, int], days: tuple[date, date | None]
) -> HoursFacts:
    """Return hours at a place: `at` are minutes after midnight, `days` the first and the last day."""
    room_id = place.room.id if place.room else None
    return HoursFacts(who, place.facility.id, room_id, place.mode, weekday, *at, *days)


def absence_instants(
    plan: Plan, first: date, last: date, starts: int | None, ends: int | None
) -> tuple[datetime, datetime]:
    """Return when an absence begins and ends; without times it is whole days, wherever the practitioner works."""
    tzs = {plan.places[row.hours.facility_id].tz for row in [*plan.timetable.weekly, *plan.timetable.extra]} or {
        plan.tz
    }
    begin = min(day_bounds(first, tz)[0] for tz in tzs)
    end = max(day_bounds(last, tz)[1] for tz in tzs)
    if starts is not None:
        begin = _instant(first, starts, plan.tz)
    if ends is not None:
        end = _instant(last, ends, plan.tz)
    return begin, end


def _instant(day: date, minute: int, tz: str) -> datetime:
    # A minute that the clock skips counts as the end of the skipped hour.
    for later in range(181):
        found = wall_to_utc(day, minute + later, tz)
        if found is not None:
            return found
    raise ValueError(f"{day} has no minute {minute} in {tz}")


@dataclass(frozen=True)
class Person:
    """A line of the list: somebody, where they work in the coming week, and how long."""

    practitioner: PractitionerFacts
    places: Sequence[FacilityFacts]
    minutes: int


def read_people(db: Session, *, today: date) -> Sequence[Person]:
    """Return everybody who works here with their coming seven days."""
    people, places = active_practitioners(db), find_facilities(db)
    week = [today + timedelta(days=offset) for offset in range(7)]
    hours = hours_between(db, [one.id for one in people], from_day=week[0], to_day=week[-1])
    found = []
    for person in people:
        own = [one for one in hours if one.practitioner_id == person.id]
        minutes = sum(one.ends_minute - one.starts_minute for one in own for day in week if one.holds_on(day))
        where = {one.facility_id for one in own}
        found.append(Person(person, [place for id_, place in places.items() if id_ in where], minutes))
    return found
