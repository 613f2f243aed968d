"""The only source of the current time, and the conversions between a clinic's wall clock and UTC."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo


class Clock(Protocol):
    """Something that knows the time."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the machine's time in UTC."""
        return datetime.now(UTC)


@dataclass
class FixedClock:
    """A clock that stands until it is moved: for tests and for the demo clinic."""

    at: datetime = field(default_factory=lambda: datetime(2026, 11, 23, 10, 12, tzinfo=UTC))

    def now(self) -> datetime:
        """Return the time that was set."""
        return self.at

    def advance(self, by: timedelta) -> None:
        """Move the clock forwards (or back, when negative)."""
        self.at += by


def stopped(clock: Clock) -> Clock:
    """Return a clock that stands at this moment, for one act that writes several rows: they all say the same time."""
    return FixedClock(clock.now())


def zone(name: str) -> ZoneInfo:
    """Return the IANA zone of that name. Raises: ZoneInfoNotFoundError."""
    return ZoneInfo(name)


def local_day(moment: datetime, tz: str) -> date:
    """Return the calendar day of an instant on the wall clock of `tz`."""
    return moment.astimezone(zone(tz)).date()


def wall_to_utc(day: date, minute_of_day: int, tz: str) -> datetime | None:
    """Return the instant at which the wall clock of `tz` shows this minute of this day.

    None when the clock never shows it (the hour that is skipped in spring). When it is shown twice (autumn), the first.
    A minute of 1440 is midnight at the end of the day.
    """
    naive = datetime(day.year, day.month, day.day) + timedelta(minutes=minute_of_day)  # noqa: DTZ001 - wall time on purpose
    local = naive.replace(tzinfo=zone(tz))
    instant = local.astimezone(UTC)
    if instant.astimezone(zone(tz)).replace(tzinfo=None) != naive:
        return None
    return instant


def day_bounds(day: date, tz: str) -> tuple[datetime, datetime]:
    """Return the first instant of a local day and of the next one (23, 24 or 25 hours apart)."""
    return _midnight(day, tz), _midnight(day + timedelta(days=1), tz)


def _midnight(day: date, tz: str) -> datetime:
    # In zones whose clock change falls at midnight (Azores, spring) 00:00 is skipped: the day then starts at 01:00.
    for minute in range(0, 181, 30):
        instant = wall_to_utc(day, minute, tz)
        if instant is not None:
            return instant
    raise ValueError(f"no start of day {day} in {tz}")
