"""The pure grid of times: which starts a stretch of working hours offers, given what is already taken."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from clinic_portal.core.clock import wall_to_utc, zone

#: After a busy stretch the next start falls on a full step of the clock.
STEP = timedelta(minutes=5)

#: What is kept of free times is forgotten by quarters of UTC days.
QUARTER_OF_DAY = timedelta(hours=6)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_GAP_MINUTES = 180


class PartOfDay(StrEnum):
    """Which part of the day somebody has time in."""

    ANY = "any"
    MORNING = "morning"
    AFTERNOON = "afternoon"
    AFTER_WORK = "after-work"


#: Part → first and last hour (not included) on the wall clock.
HOURS_OF_PART = {
    PartOfDay.ANY: (0, 24),
    PartOfDay.MORNING: (0, 12),
    PartOfDay.AFTERNOON: (12, 17),
    PartOfDay.AFTER_WORK: (17, 24),
}


class Need(NamedTuple):
    """How much of practitioner's and room's time a visit takes up: itself, and what its service wants on either side."""

    length: timedelta
    before: timedelta = timedelta(0)
    after: timedelta = timedelta(0)

    def busy(self, start: datetime) -> "Stretch":
        """Return what a visit that starts then takes up."""
        return Stretch(start - self.before, start + self.length + self.after)


class Stretch(NamedTuple):
    """From `start` up to, not including, `end`; both aware."""

    start: datetime
    end: datetime

    def touches(self, other: "Stretch") -> bool:
        """Whether the two have an instant in common."""
        return self.start < other.end and other.start < self.end


@lru_cache(maxsize=4096)
def working_stretch(day: date, starts_minute: int, ends_minute: int, tz: str) -> Stretch | None:
    """Return the instants of a stretch of wall-clock hours on one day; None when the clock skips all of it.

    An edge inside the skipped hour moves to its end; an edge inside the repeated hour is the first of the two.
    """
    start, end = _edge(day, starts_minute, tz), _edge(day, ends_minute, tz)
    return Stretch(start, end) if start < end else None


def _edge(day: date, minute: int, tz: str) -> datetime:
    for later in range(_LONGEST_GAP_MINUTES):
        instant = wall_to_utc(day, minute + later, tz)
        if instant is not None:
            return instant
    raise ValueError(f"the clock of {tz} skips more than {_LONGEST_GAP_MINUTES} minutes on {day}")


def free_starts(
    window: Stretch, need: Need, busy: Sequence[Stretch], *, tz: str, earliest: datetime
) -> Iterator[datetime]:
    """Yield the offered starts in a window of work, none before `earliest`.

    They step by what a visit takes up from the window's start, and again from the end of every busy stretch, always on
    full steps of the clock. Buffers may reach beyond the window, visits may not. In the night in which an hour is
    repeated, nothing starts in the second one: "01:30" would mean two times. `busy` is in the order of starts.
    """
    length, before, after = need
    repeats = _offset(window.start, tz) > _offset(window.end, tz)
    step, taken = _full_steps(length + before + after), length + after
    start, index = _round_up(window.start), 0
    while start + length <= window.end:
        while index < len(busy) and busy[index].end <= start - before:
            index += 1
        if index < len(busy) and busy[index].start < start + taken:
            start = _round_up(busy[index].end + before)
        elif repeats and is_repeated(start, tz):
            start += STEP
        else:
            if start >= earliest:
                yield start
            start += step


def fits(start: datetime, window: Stretch, need: Need, busy: Sequence[Stretch], *, tz: str) -> bool:
    """Say whether a visit may start there: inside the window, beside everything that is busy, on a full step.

    Wider than the grid, which shifts when a neighbour's time is taken or given back: who was promised a time, or chose it
    from the page of a moment ago, must not hear "taken" of a time that is free (ADR 10).
    """
    wanted = need.busy(start)
    return (
        window.start <= start
        and start + need.length <= window.end
        and _round_up(start) == start
        and not is_repeated(start, tz)
        and not any(wanted.touches(taken) for taken in busy)
    )


def is_repeated(moment: datetime, tz: str) -> bool:
    """Say whether the wall clock shows this time for the second time that night."""
    return moment.astimezone(zone(tz)).fold == 1


def in_part(moment: datetime, tz: str, part: PartOfDay) -> bool:
    """Say whether the wall clock then shows an hour of that part of the day."""
    first, last = HOURS_OF_PART[part]
    return first <= moment.astimezone(zone(tz)).hour < last


def quarters_touched(start: datetime, end: datetime) -> tuple[str, ...]:
    """Return the quarters of UTC days that a stretch touches, by name: "2026-11-24/1" begins at 06:00.

    So an appointment of one day is nothing to a page of the next, whose first visits may begin at midnight with buffers before.
    """
    first, last = ((moment - _EPOCH) // QUARTER_OF_DAY for moment in (start, end))
    return tuple(f"{(_EPOCH + number * QUARTER_OF_DAY).date()}/{number % 4}" for number in range(first, last + 1))


def first_day(now: datetime, tz: str, *, notice: timedelta) -> date:
    """Return the day on which the earliest start can be."""
    return (now + notice).astimezone(zone(tz)).date()


def last_day(now: datetime, tz: str, *, horizon_days: int) -> date:
    """Return the last day for which the calendar is open."""
    return now.astimezone(zone(tz)).date() + timedelta(days=horizon_days)


def _offset(moment: datetime, tz: str) -> timedelta:
    return moment.astimezone(zone(tz)).utcoffset() or timedelta(0)


def _full_steps(length: timedelta) -> timedelta:
    return -(-length // STEP) * STEP


def _round_up(moment: datetime) -> datetime:
    # Every zone in use is a whole number of quarters of an hour from UTC, so steps of UTC are steps of the wall clock.
    return _EPOCH - ((_EPOCH - moment) // STEP) * STEP
