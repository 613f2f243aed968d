"""The rules of what can be booked once more, from the words of docs and ADRs: minutes of a wall clock, no shared code.

* A service is given at the clinic, online, or both; only hours of a way in which it is given count.
* Hours are worked while the place's wall clock shows them; the second of two equal hours belongs to what the minute
  before it belongs to.
* A day counts from the day of `now + notice` to `horizon` days after today, on the place's clock, unless the place is
  closed: by a closure, or by a public holiday that nobody overruled.
* A visit lies within one stretch of hours. It starts on a full five minutes, never in the second of two equal hours,
  and not before `now + notice`. With its buffers it touches no absence of the practitioner, and nothing live that takes
  up (with its own buffers) the practitioner or the room; where any room will do, one of them is free all that time.
* Offered is a grid of these: from the beginning of the hours on the first start that is possible, the next one after
  what that visit takes up, and so on. The notice takes away the beginning of the grid and does not shift it.
* What is offered can be held, and nothing else; but where the last half hour took time or gave it back, and so shifted the
  grid under somebody's eyes, whatever is possible can be held.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import holidays

from clinic_portal.core.modes import Mode
from tests.booking.worlds import DAY, MINUTE, ZONES, Visit, World

STEP = 5 * MINUTE
PARTS = {"any": range(24), "morning": range(12), "afternoon": range(12, 17), "after-work": range(17, 24)}
Period = tuple[datetime, datetime]


class Minute(NamedTuple):
    """A minute that happens, and what the wall clock shows then."""

    at: datetime
    wall: int
    is_second: bool


@lru_cache(maxsize=400)
def minutes_of(day: date, tz: str) -> tuple[Minute, ...]:
    """Every minute that the clock of a place counts to a day, in order: 1380, 1440 or 1500 of them, or so."""
    zone, found = ZoneInfo(tz), []
    at = datetime(day.year, day.month, day.day, 12, tzinfo=zone).astimezone(UTC) - 15 * 60 * MINUTE
    for _ in range(30 * 4):
        # Clocks change on quarters of an hour.
        local = at.astimezone(zone)
        if local.date() == day:
            first = local.hour * 60 + local.minute
            found += [Minute(at + more * MINUTE, first + more, local.fold == 1) for more in range(15)]
        at += 15 * MINUTE
    return tuple(found)


@lru_cache
def holidays_in(tz: str, year: int) -> frozenset[date]:
    country, region = ZONES[tz]
    return frozenset(holidays.country_holidays(country, subdiv=region, years=year))


@dataclass(frozen=True)
class Shift:
    """Hours of one day as they really happen."""

    who: int
    place: int
    room: int | None
    mode: Mode
    start: datetime
    end: datetime

    @property
    def is_anywhere(self) -> bool:
        """Whether any room will do."""
        return self.room is None and self.mode is Mode.IN_PERSON


@dataclass(frozen=True)
class Wished:
    """What is looked for. None: no preference. Nobody meets online who has not asked for it."""

    who: int | None = None
    place: int | None = None
    mode: Mode = Mode.IN_PERSON
    part: str = "any"


def touch(one: Period, other: Period) -> bool:
    return one[0] < other[1] and other[0] < one[1]


@dataclass(frozen=True, eq=False)
class Rulebook:
    """Answers for one world. `visits` are the rows that there are."""

    world: World
    visits: tuple[Visit, ...]
    #: For the control: a rule that is not the clinic's.
    before: int
    after: int
    #: For the control: whether whatever is possible can be held.
    is_wide: bool = False
    #: What was worked out before.
    known: dict[Shift, list[datetime]] = field(default_factory=dict)

    @classmethod
    def of(cls, world: World, visits: tuple[Visit, ...]) -> "Rulebook":
        return cls(world, visits, world.service.before, world.service.after)

    # Days and hours.

    def is_open(self, place: int, day: date) -> bool:
        world, where = self.world, self.world.places[place]
        zone = ZoneInfo(where.tz)
        earliest = (world.now + world.service.notice * MINUTE).astimezone(zone).date()
        last = world.now.astimezone(zone).date() + world.service.horizon * DAY
        is_holiday = where.keeps_holidays and day in holidays_in(where.tz, day.year) and day not in where.opened
        return earliest <= day <= last and day not in where.closed and not is_holiday

    def shifts(self, wished: Wished, day: date) -> list[Shift]:
        """Who works when on a day of their place's calendar."""
        found = []
        for work in self.world.works:
            person = self.world.people[work.who]
            is_today = work.weekday == day.weekday() and work.since <= day and (work.until is None or day <= work.until)
            if (
                is_today
                and person.gives_it
                and person.is_active
                and wished.who in (None, work.who)
                and wished.place in (None, work.place)
                and wished.mode is work.mode
                and self.world.service.modes.value in ("both", wished.mode.value)
                and self.is_open(work.place, day)
            ):
                worked, belongs = [], False
                for minute in minutes_of(day, self.world.places[work.place].tz):
                    if not minute.is_second:
                        belongs = work.starts <= minute.wall < work.ends
                    if belongs:
                        worked.append(minute.at)
                if worked:
                    found.append(Shift(work.who, work.place, work.room, work.mode, worked[0], worked[-1] + MINUTE))
        return found

    # One start.

    def busy(self, start: datetime) -> Period:
        return start - self.before * MINUTE, start + self.world.service.length + self.after * MINUTE

    def is_in(self, shift: Shift, start: datetime) -> bool:
        """Whether a visit of those hours can start then, as far as the clock goes."""
        local = start.astimezone(ZoneInfo(self.world.places[shift.place].tz))
        is_step = local.minute % 5 == 0 and local.second == 0
        inside = shift.start <= start and start + self.world.service.length <= shift.end
        return is_step and inside and local.fold == 0

    def rooms(self, shift: Shift, start: datetime) -> list[int | None]:
        """Where it could be: one place, or the rooms that are free where any will do; online that is no room."""
        if shift.mode is Mode.ONLINE:
            return [None]
        of_place = range(self.world.places[shift.place].rooms) if shift.is_anywhere else [shift.room]
        return [
            room
            for room in of_place
            if self._is_free(start, lambda visit: (visit.place, visit.room), (shift.place, room))
        ]

    def is_unbooked(self, shift: Shift, start: datetime) -> bool:
        """Whether nothing live takes up the practitioner then, or every room that would do."""
        return self._is_free(start, lambda visit: visit.who, shift.who) and bool(self.rooms(shift, start))

    def _is_free(self, start: datetime, whose: Callable[[Visit], object], this: object) -> bool:
        return not any(
            visit.is_live and whose(visit) == this and touch(visit.busy, self.busy(start)) for visit in self.visits
        )

    def is_there(self, shift: Shift, start: datetime) -> bool:
        return not any(
            away.who == shift.who and touch((away.start, away.end), self.busy(start)) for away in self.world.aways
        )

    def is_possible(self, shift: Shift, start: datetime) -> bool:
        return self.is_in(shift, start) and self.is_unbooked(shift, start) and self.is_there(shift, start)

    def is_in_time(self, start: datetime) -> bool:
        return start >= self.world.now + self.world.service.notice * MINUTE

    # What is offered.

    def grid(self, shift: Shift) -> list[datetime]:
        """The starts of a stretch of hours, without a look at the notice."""
        if shift not in self.known:
            self.known[shift] = list(self._grid(shift))
        return self.known[shift]

    def _grid(self, shift: Shift) -> Iterator[datetime]:
        start = _full_step(shift.start)
        while start < shift.end:
            if self.is_possible(shift, start):
                yield start
                start = _full_step(start + self.world.service.length + (self.before + self.after) * MINUTE)
            else:
                start += STEP

    def offered(self, wished: Wished, day: date) -> dict[tuple[datetime, int], set[int]] | None:
        """(Start, place) → who can take it; None when nobody works."""
        shifts = self.shifts(wished, day)
        found: dict[tuple[datetime, int], set[int]] = defaultdict(set)
        for shift in shifts:
            zone = ZoneInfo(self.world.places[shift.place].tz)
            for start in self.grid(shift):
                if self.is_in_time(start) and start.astimezone(zone).hour in PARTS[wished.part]:
                    found[start, shift.place].add(shift.who)
        return dict(found) if shifts else None

    def takers(self, wished: Wished, start: datetime) -> set[tuple[int, int | None, Mode]]:
        """Who could take a start, and where: more than are offered."""
        return {
            (shift.who, room, shift.mode) for shift in self._able(wished, start) for room in self.rooms(shift, start)
        }

    def holders(self, wished: Wished, start: datetime) -> set[tuple[int, int | None, Mode]]:
        """Who takes a start that was pressed on a page, and where."""
        able = self._able(wished, start)
        offering = [shift for shift in able if start in self.grid(shift)]
        found = able if self.is_wide else offering or [shift for shift in able if self.has_shifted(shift)]
        return {(shift.who, room, shift.mode) for shift in found for room in self.rooms(shift, start)}

    def _able(self, wished: Wished, start: datetime) -> list[Shift]:
        if not self.is_in_time(start):
            return []
        day = start.astimezone(UTC).date()
        shifts = [shift for near in (day - DAY, day, day + DAY) for shift in self.shifts(wished, near)]
        return [shift for shift in shifts if self.is_possible(shift, start)]

    def has_shifted(self, shift: Shift) -> bool:
        """Whether the last half hour took time of these hours, or gave it back."""
        of_place = range(self.world.places[shift.place].rooms) if shift.is_anywhere else [shift.room]
        rooms = [(shift.place, room) for room in of_place if room is not None]
        around = shift.start - self.before * MINUTE, shift.end + self.after * MINUTE
        return any(
            visit.is_fresh
            and (visit.who == shift.who or (visit.place, visit.room) in rooms)
            and touch(visit.busy, around)
            for visit in self.visits
        )

    def next_day(self, wished: Wished, first: date) -> date | None:
        """The first day with an offered time."""
        for ahead in range(366 + 2):
            day = first + ahead * DAY
            if self.offered(wished, day):
                return day
        return None

    def refusal(self, place: int, start: datetime) -> str:
        """Why the patient cannot have a start that is free; empty when they can."""
        zone, end = ZoneInfo(self.world.places[place].tz), start + self.world.service.length
        mine = [visit for visit in self.visits if visit.is_mine and visit.is_live]
        if any(touch((visit.start, visit.end), (start, end)) for visit in mine):
            return "appointment.patient_overlap"
        that_day = [visit for visit in mine if visit.start.astimezone(zone).date() == start.astimezone(zone).date()]
        limit = self.world.service.per_day
        return "appointment.too_many_that_day" if limit is not None and len(that_day) >= limit else ""


def _full_step(moment: datetime) -> datetime:
    while moment.minute % 5 or moment.second:
        moment += timedelta(seconds=60 - moment.second)
    return moment
