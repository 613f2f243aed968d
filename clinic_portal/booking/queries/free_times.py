"""Free times, worked out in memory from the rota and from what is taken."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from sqlalchemy.orm import Session

from clinic_portal.booking.queries.lately import shifted_lately
from clinic_portal.booking.queries.rota import ONE_DAY, Rota, Taken, Taker, Window, Wish, read_rota, read_taken
from clinic_portal.booking.rules import PartOfDay, Stretch, free_starts, in_part, turns_of
from clinic_portal.core.clock import Clock, day_bounds, local_day
from clinic_portal.core.ids import FacilityId, PractitionerId
from clinic_portal.facilities.queries import ServiceFacts

#: A check on `service`.
LONGEST_HORIZON_DAYS = 365

#: A next free day is looked for in these stretches of days, one statement each: soon first, then up to the horizon.
SEARCH_STEPS = (0, 14, 42, 120, LONGEST_HORIZON_DAYS + 2)


@dataclass(frozen=True)
class FreeTime:
    """A start, once, and who can take it: whoever has the fewest visits that day comes first, of equals whose turn it is."""

    start: datetime
    facility_id: FacilityId
    practitioner_ids: tuple[PractitionerId, ...]


@dataclass(frozen=True)
class FreeDay:
    """A day on which somebody works. Without times it is full, or none is in the part of the day that was asked for."""

    day: date
    times: tuple[FreeTime, ...]


@dataclass(frozen=True)
class FreeTimes:
    """The days of [from_day, to_day] on which somebody works."""

    service: ServiceFacts
    days: tuple[FreeDay, ...]
    from_day: date
    to_day: date
    #: Where to go on; None when the calendar ends before.
    next_from: date | None


def free_times(db: Session, clock: Clock, wish: Wish, *, from_day: date, days: int = 14) -> FreeTimes:
    """Return the free times of `days` days in two statements. Days before today and after the horizon have none.

    Raises: NotFound when there is no such service or facility.
    """
    to_day, now = from_day + timedelta(days=days - 1), clock.now()
    rota = read_rota(db, wish, from_day=from_day, to_day=to_day, now=now)
    return _times_of(db, rota, wish, from_day, days, now)


def first_free_times(
    db: Session,
    clock: Clock,
    wish: Wish,
    *,
    from_day: date,
    days: int,
    jump_days: int,
) -> FreeTimes:
    """Return the free times of `days` days; when there is none, of `jump_days` from the first day that has one.

    No days when none has. Two statements for days on which somebody works, and for a jump over days on which nobody does;
    one more for each stretch of full days that is looked through.
    Raises: NotFound when there is no such service or facility.
    """
    now = clock.now()
    rota = _whole_rota(db, wish, from_day=from_day, now=now)
    end, search_from = _end_of(rota, from_day), from_day + timedelta(days=days)
    if _worked_day(rota, from_day, search_from - ONE_DAY) is not None:
        found = _times_of(db, rota, wish, from_day, days, now)
        if any(day.times for day in found.days):
            return found
    nothing = FreeTimes(rota.service, (), from_day, search_from - ONE_DAY, None)
    worked = _worked_day(rota, search_from, end)
    if worked is None:
        return nothing
    found = _times_of(db, rota, wish, worked, jump_days, now)
    if found.days[0].times:
        return found
    later = _next_free_day(db, rota, wish, from_day=worked + ONE_DAY, end=end, now=now)
    return nothing if later is None else _times_of(db, rota, wish, later, jump_days, now)


def _worked_day(rota: Rota, first: date, last: date) -> date | None:
    return next((day for day in _days_between(first, last) if any(rota.windows(day))), None)


def _times_of(db: Session, rota: Rota, wish: Wish, from_day: date, days: int, now: datetime) -> FreeTimes:
    to_day, end = from_day + timedelta(days=days - 1), _end_of(rota, from_day)
    taken = read_taken(db, rota, wish, from_day=from_day, to_day=to_day, now=now)
    return FreeTimes(
        service=rota.service,
        days=tuple(_free_days(rota, taken, wish, from_day, to_day, now)),
        from_day=from_day,
        to_day=to_day,
        next_from=to_day + ONE_DAY if to_day < end else None,
    )


def _whole_rota(db: Session, wish: Wish, *, from_day: date, now: datetime) -> Rota:
    reach = max(from_day, now.date() + timedelta(days=LONGEST_HORIZON_DAYS + 1))
    return read_rota(db, wish, from_day=from_day, to_day=reach, now=now)


def _end_of(rota: Rota, from_day: date) -> date:
    return max((last for _, last in rota.open_days.values()), default=from_day)


def _days_between(first: date, last: date) -> Iterator[date]:
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)


def next_free_day(db: Session, clock: Clock, wish: Wish, *, from_day: date) -> date | None:
    """Return the first day from `from_day` on that has a free time; None when there is none up to the horizon.

    Hours, absences and closures are read once, appointments in at most four stretches of days.
    """
    now = clock.now()
    rota = _whole_rota(db, wish, from_day=from_day, now=now)
    return _next_free_day(db, rota, wish, from_day=from_day, end=_end_of(rota, from_day), now=now)


def _next_free_day(db: Session, rota: Rota, wish: Wish, *, from_day: date, end: date, now: datetime) -> date | None:
    for first, after in pairwise(SEARCH_STEPS):
        start, stop = from_day + timedelta(days=first), min(from_day + timedelta(days=after - 1), end)
        if start > end or not rota.hours:
            return None
        taken = read_taken(db, rota, wish, from_day=start, to_day=stop, now=now)
        for day in _free_days(rota, taken, wish, start, stop, now):
            if day.times:
                return day.day
    return None


def nearest_times(db: Session, clock: Clock, wish: Wish, *, around: datetime, count: int = 3) -> list[FreeTime]:
    """Return the free times nearest to an instant, whatever the part of the day, in order of time."""
    anyhow = replace(wish, part=PartOfDay.ANY)
    from_day = max(around.astimezone(UTC).date() - timedelta(days=3), clock.now().date())
    found = [time for day in free_times(db, clock, anyhow, from_day=from_day).days for time in day.times]
    if len(found) < count:
        later = next_free_day(db, clock, anyhow, from_day=from_day + timedelta(days=14))
        if later is not None:
            found += [time for day in free_times(db, clock, anyhow, from_day=later).days for time in day.times]
    nearest = sorted(found, key=lambda time: (abs(time.start - around), time.start))[:count]
    return sorted(nearest, key=lambda time: time.start)


def takers(
    db: Session, clock: Clock, wish: Wish, *, start: datetime, only_offered: bool = False
) -> tuple[ServiceFacts, list[Taker]]:
    """Return the service and who could take this start now, in the order in which to ask them.

    Everything that a page judged is judged again: hours, closures, absences, notice, horizon, what is taken. Of the starts
    that are free, `only_offered` leaves those that a page offers, or may have offered a moment ago (ADR 10).
    Raises: NotFound when there is no such service or facility.
    """
    now, around = clock.now(), start.astimezone(UTC).date()
    rota = read_rota(db, wish, from_day=around - ONE_DAY, to_day=around + ONE_DAY, now=now, with_room_plan=True)
    # Nobody's hours go on past midnight.
    days = sorted({local_day(start, one.tz) for one in rota.facilities.values()})
    taken = read_taken(db, rota, wish, from_day=days[0], to_day=days[-1], now=now)
    found = list[tuple[int, int, Taker, Window]]()
    if start >= now + rota.service.rules.notice:
        for day in days:
            worked = list(rota.windows(day))
            turns = _turns(worked, day)
            for window in worked:
                for taker in taken.takers(window, rota, start):
                    load = taken.load(taker.practitioner_id, Stretch(*day_bounds(day, window.tz)))
                    found.append((load, turns[_whose(window)], taker, window))
    if only_offered and found:
        windows = {window for *_, window in found}
        offering = {window for window in windows if taken.offers(window, rota, start)}
        offering = offering or shifted_lately(db, rota, windows, now=now)
        found = [one for one in found if one[3] in offering]
    found.sort(key=lambda entry: entry[:2])
    return rota.service, [taker for _, _, taker, _ in found]


def _free_days(rota: Rota, taken: Taken, wish: Wish, from_day: date, to_day: date, now: datetime) -> Iterator[FreeDay]:
    for day in _days_between(from_day, to_day):
        windows = list(rota.windows(day))
        if windows:
            yield _free_day(rota, taken, wish, day, windows, now)


def _free_day(rota: Rota, taken: Taken, wish: Wish, day: date, windows: list[Window], now: datetime) -> FreeDay:
    need, earliest = rota.need, now + rota.service.rules.notice
    who: dict[FacilityId, dict[datetime, list[PractitionerId]]] = defaultdict(lambda: defaultdict(list))
    # Whoever has the fewest visits comes first into every list, so that none has to be sorted.
    for window in _by_load(taken, wish, day, windows):
        hours, tz, stretch = window
        starts = who[hours.facility_id]
        for start in free_starts(stretch, need, taken.beside(window, rota), tz=tz, earliest=earliest):
            if wish.part is PartOfDay.ANY or in_part(start, tz, wish.part):
                starts[start].append(hours.practitioner_id)
    times = [
        FreeTime(start, facility_id, tuple(ids)) for facility_id, starts in who.items() for start, ids in starts.items()
    ]
    times.sort(key=lambda time: (time.start, time.facility_id))
    return FreeDay(day, tuple(times))


def _by_load(taken: Taken, wish: Wish, day: date, windows: list[Window]) -> list[Window]:
    if wish.practitioner_id is not None:
        return windows  # With one practitioner there is nobody to choose from.
    bounds = {tz: Stretch(*day_bounds(day, tz)) for tz in {window.tz for window in windows}}
    whose = {(window.hours.practitioner_id, window.tz) for window in windows}
    loads = {(id_, tz): taken.load(id_, bounds[tz]) for id_, tz in whose}
    turns = _turns(windows, day)
    return sorted(
        windows,
        key=lambda window: (loads[window.hours.practitioner_id, window.tz], turns[_whose(window)]),
    )


def _turns(windows: list[Window], day: date) -> Mapping[tuple[FacilityId, PractitionerId], int]:
    """Return whose turn it is first at each place: the same for a page of all places as for a time at one of them."""
    there: dict[FacilityId, set[PractitionerId]] = defaultdict(set)
    for window in windows:
        there[window.hours.facility_id].add(window.hours.practitioner_id)
    return {(place, who): turn for place, people in there.items() for who, turn in turns_of(people, day).items()}


def _whose(window: Window) -> tuple[FacilityId, PractitionerId]:
    return window.hours.facility_id, window.hours.practitioner_id
