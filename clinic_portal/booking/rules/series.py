"""The pure plan of a series: the same days and time every week, and the nearest free time where one of them is not free."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import combinations, groupby
from typing import NamedTuple, TypeVar
from uuid import UUID

from clinic_portal.booking.rules.slots import HOURS_OF_PART, PartOfDay
from clinic_portal.core.clock import zone

#: A minute on the wall clock, counted from the year 1: two with the same weekday and time are whole weeks apart.
Wall = int

Who = TypeVar("Who", bound=UUID)
#: Where a session takes place.
At = TypeVar("At", bound=Hashable)

MINUTES_A_DAY = 1440
DAYS_A_WEEK = 7
#: How many other times a session may be exchanged for.
OTHERS = 3
#: Two sessions a week are this many days apart, if it can be had.
REST_DAYS = 2


class SeriesWish(NamedTuple):
    """What somebody wishes of a series. No weekdays: any of them; no minute: any time in that part of the day."""

    wanted: int
    per_week: int
    first_day: date
    last_day: date
    weekdays: frozenset[int] = frozenset()
    part: PartOfDay = PartOfDay.ANY
    minute: int | None = None

    def suits(self, wall: Wall) -> bool:
        """Whether a time is on one of the wished days, in the wished part of the day."""
        first, last = HOURS_OF_PART[self.part]
        is_day = not self.weekdays or weekday_of(wall) in self.weekdays
        return is_day and first * 60 <= minute_of(wall) < last * 60


class Pattern(NamedTuple):
    """The days and the time of every week."""

    weekdays: tuple[int, ...]
    minute: int


@dataclass(frozen=True)
class Line:
    """One session of a plan."""

    #: When it was wished.
    wished: Wall
    #: None: nothing is free that week.
    chosen: datetime | None
    #: Whether it is chosen as it was wished.
    is_as_wished: bool
    #: For what it can be exchanged: free times of that week on no other session's day, in order.
    others: tuple[datetime, ...]
    #: Which of the sessions it is, where each has a place of its own.
    session: int = 0
    #: Chosen once, then left out: the times can be chosen again.
    is_left_out: bool = False


class Wished(NamedTuple):
    """When a session is wished, and what is free where it takes place. Places may have clocks of their own."""

    session: int
    wall: Wall
    free: Mapping[Wall, datetime]


@dataclass(frozen=True)
class Plan:
    """The sessions in their order. Fewer than were wished when the calendar ends before."""

    pattern: Pattern
    lines: tuple[Line, ...]
    #: How many of the wished sessions do not fit before the calendar ends.
    missing: int
    #: Nothing was free on the wished days and part of the day: the plan is made of what is.
    is_relaxed: bool

    @property
    def sessions(self) -> list[Line]:
        """The lines that have a time."""
        return [line for line in self.lines if line.chosen is not None]


def wall_of(moment: datetime, tz: str) -> Wall:
    """Return what the wall clock of `tz` then shows."""
    local = moment.astimezone(zone(tz))
    return local.toordinal() * MINUTES_A_DAY + local.hour * 60 + local.minute


def day_of(wall: Wall) -> int:
    """Return the day, counted from the year 1."""
    return wall // MINUTES_A_DAY


def minute_of(wall: Wall) -> int:
    """Return the minute of the day."""
    return wall % MINUTES_A_DAY


def weekday_of(wall: Wall) -> int:
    """Return the weekday; Monday is 0."""
    return (day_of(wall) - 1) % DAYS_A_WEEK


def week_of(wall: Wall) -> int:
    """Return the week from Monday to Sunday, counted from the year 1."""
    return (day_of(wall) - 1) // DAYS_A_WEEK


def monday_of(wall: Wall) -> date:
    """Return the Monday of its week."""
    return date.fromordinal(week_of(wall) * DAYS_A_WEEK + 1)


def propose(wish: SeriesWish, starts: Sequence[datetime], tz: str) -> Plan | None:
    """Return a plan over the times that one practitioner offers; None when there is not one.

    Where a day of the pattern is not free, the nearest time of that week is chosen. A week without a free time gets a
    line without a time, and the plan goes on after it.
    """
    walls = {wall_of(start, tz): start for start in starts}
    return propose_each(wish, {None: walls}, [None] * wish.wanted)


def propose_each(wish: SeriesWish, offers: Mapping[At, Mapping[Wall, datetime]], places: Sequence[At]) -> Plan | None:
    """Return the same for sessions that do not all take place at one place; `places` has that of each, in their order.

    The days and the time are those of the place that most of them have. Who has nothing free in a week waits for the
    next one, and is overtaken meanwhile by those who have.
    """
    earliest, after = wish.first_day.toordinal(), wish.last_day.toordinal() + 1
    free = {
        place: {wall: start for wall, start in offer.items() if earliest <= day_of(wall) < after}
        for place, offer in offers.items()
    }
    with_times = [place for place in places if free[place]]
    if not with_times:
        return None
    walls = free[max(with_times, key=with_times.count)]
    suiting = [wall for wall in walls if wish.suits(wall)]
    pattern = _pattern(wish, suiting or sorted(walls), all_days=not suiting)
    lines, waiting = list[Line](), list(range(len(places)))
    weeks = {place: _by_week(offer) for place, offer in free.items()}
    for week, targets in groupby(_targets(pattern, earliest, after), key=week_of):
        frees = {session: weeks[places[session]].get(week, {}) for session in waiting}
        days = list(targets)
        next_ones = sorted(sorted(waiting, key=lambda session: (not frees[session], session))[: len(days)])
        wished = [Wished(session, wall, frees[session]) for session, wall in zip(next_ones, days, strict=False)]
        lines += _lines_of_week(wished, wish.suits)
        placed = {line.session for line in lines if line.chosen is not None}
        waiting = [session for session in waiting if session not in placed]
        if not waiting:
            break
    while lines and lines[-1].chosen is None:
        lines.pop()
    return Plan(pattern, tuple(lines), len(waiting), is_relaxed=not suiting)


def propose_with_one(
    wish: SeriesWish, offered: Mapping[Who, Sequence[datetime]], loads: Mapping[Who, int], tz: str
) -> tuple[Who, Plan] | None:
    """Return the practitioner with the best plan: complete, then soonest, then as wished, then with the fewest visits."""
    found = [(who, plan) for who, starts in offered.items() if (plan := propose(wish, starts, tz)) is not None]
    return min(found, key=lambda one: (*_quality(one[1], tz), loads.get(one[0], 0), one[0]), default=None)


def replan(walls: Sequence[Wall], starts: Mapping[Wall, datetime]) -> list[Line]:
    """Return the lines of sessions that were chosen before: as they were where they are still in `starts`."""
    return replan_each([Wished(session, wall, starts) for session, wall in enumerate(sorted(walls))])


def replan_each(chosen: Sequence[Wished]) -> list[Line]:
    """Return the same for sessions that do not all take place at one place; a time is the first one's who chose it."""
    lines, in_order = list[Line](), sorted(chosen, key=lambda one: (week_of(one.wall), one.session))
    for week, group in groupby(in_order, key=lambda one: week_of(one.wall)):
        wished = [one._replace(free=_by_week(one.free).get(week, {})) for one in group]
        lines += _lines_of_week(wished, lambda wall: True)
    return lines


def _quality(plan: Plan, tz: str) -> tuple[int, bool, int, int]:
    chosen = [line.chosen for line in plan.lines if line.chosen is not None]
    last = max((week_of(wall_of(start, tz)) for start in chosen), default=0)
    return plan.missing, plan.is_relaxed, last, sum(not line.is_as_wished for line in plan.lines)


def _by_week(walls: Mapping[Wall, datetime]) -> Mapping[int, Mapping[Wall, datetime]]:
    by_week: dict[int, dict[Wall, datetime]] = defaultdict(dict)
    for wall in sorted(walls):
        by_week[week_of(wall)][wall] = walls[wall]
    return by_week


def _targets(pattern: Pattern, earliest: int, after: int) -> Iterator[Wall]:
    for day in range(earliest, after):
        wall = day * MINUTES_A_DAY + pattern.minute
        if weekday_of(wall) in pattern.weekdays:
            yield wall


def _pattern(wish: SeriesWish, walls: Sequence[Wall], *, all_days: bool) -> Pattern:
    """Return the days and the time that are free in most of the weeks; of equals, those that begin soonest."""
    weeks = -(-wish.wanted // wish.per_week)
    soon = [wall for wall in walls if day_of(wall) < wish.first_day.toordinal() + weeks * DAYS_A_WEEK] or list(walls)
    if wish.minute is not None:
        away = min(abs(minute_of(wall) - wish.minute) for wall in soon)
        soon = [wall for wall in soon if abs(minute_of(wall) - wish.minute) == away]
    hits = Counter((weekday_of(wall), minute_of(wall)) for wall in soon)
    first: dict[tuple[int, int], Wall] = {}
    for wall in sorted(soon):
        first.setdefault((weekday_of(wall), minute_of(wall)), wall)
    weekdays = sorted({weekday for weekday, _ in hits} | (set() if all_days else wish.weekdays))
    days = list(combinations(weekdays, min(wish.per_week, len(weekdays))))

    def rank(pattern: Pattern) -> tuple[bool, int, Wall]:
        spots = [spot for weekday in pattern.weekdays if (spot := (weekday, pattern.minute)) in hits]
        begins = min((first[spot] for spot in spots), default=max(first.values()) + 1)
        return _is_close(pattern.weekdays), -sum(hits[spot] for spot in spots), begins

    return min((Pattern(some, minute) for minute in sorted({minute for _, minute in hits}) for some in days), key=rank)


def _is_close(weekdays: tuple[int, ...]) -> bool:
    if len(weekdays) == 1:
        return False
    apart = weekdays[1] - weekdays[0]
    return min(apart, DAYS_A_WEEK - apart) < REST_DAYS


def _lines_of_week(wished: Sequence[Wished], suits: Callable[[Wall], bool]) -> Iterator[Line]:
    """Yield the sessions of one week: as wished where that is free, else the nearest time on a day of its own."""
    chosen: dict[int, Wall] = {}
    given = set[datetime]()
    for one in wished:
        if one.wall in one.free and one.free[one.wall] not in given:
            chosen[one.session] = one.wall
            given.add(one.free[one.wall])
    for one in wished:
        if one.session not in chosen:
            days = {day_of(wall) for wall in chosen.values()}
            left = [wall for wall in one.free if day_of(wall) not in days]
            if left:
                chosen[one.session] = min(left, key=lambda wall: _distance(wall, one.wall, suits))
    for one in sorted(wished, key=lambda one: chosen.get(one.session, one.wall)):
        own = chosen.get(one.session)
        days = {day_of(wall) for other, wall in chosen.items() if other != one.session}
        others = [wall for wall in one.free if wall != own and day_of(wall) not in days] if own is not None else []
        nearest = sorted(others, key=lambda wall: _distance(wall, one.wall, suits))[:OTHERS]
        start, exchange = None if own is None else one.free[own], tuple(one.free[wall] for wall in sorted(nearest))
        yield Line(one.wall, start, own == one.wall, exchange, one.session)


def _distance(wall: Wall, target: Wall, suits: Callable[[Wall], bool]) -> tuple[bool, int, int, Wall]:
    """Rank a time: wished days and part of the day first, then the nearest day, then the nearest time of the day."""
    days, minutes = abs(day_of(wall) - day_of(target)), abs(minute_of(wall) - minute_of(target))
    return not suits(wall), days, minutes, wall
