"""Zones as calendar files spell them out: by the rule of the year, which every program understands.

A list of dates says the same, and some programs read it wrongly: Outlook passes over RDATE, ical.js (Thunderbird, Nextcloud)
over the DTSTART beside it. What follows no rule within these years is spelled change by change, each by itself.

Not by icalendar's own `Timezone.from_tzinfo` (7.3.0), which writes such lists, and gives each change to summer by what the
clocks show after it: an hour late, for RFC 5545 (3.6.5) counts it by the offset before.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from clinic_portal.core.clock import zone

if TYPE_CHECKING:
    from icalendar import Timezone

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
ONE_DAY = timedelta(days=1)
ONE_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Change:
    """One change of the clocks."""

    #: What they show just before, without a zone.
    wall: datetime
    before: timedelta
    after: timedelta
    name: str
    is_summer: bool

    def rule(self, *, is_last: bool) -> tuple[object, ...]:
        """What a change of another year shares with this one when both follow one rule."""
        day = -1 if is_last else (self.wall.day - 1) // 7 + 1
        return (self.wall.month, day, self.wall.weekday(), self.wall.time(), self.before, self.after, self.is_summer)

    @property
    def is_in_last_week(self) -> bool:
        """Whether the day of the week does not come again in this month."""
        return (self.wall + 7 * ONE_DAY).month != self.wall.month


@lru_cache(maxsize=64)
def spelled_out(tz: str, first_year: int, last_year: int) -> "Timezone":
    """Return the zone for these years and the winter before them. Nobody changes what is returned: others get it too."""
    # Takes 0.2 s to load, which every start of every process would pay.
    from icalendar import Timezone

    start = first_year - 1
    changes = list(_changes(zone(tz), start, last_year))
    rules = _rules(changes, years=last_year - start + 1)
    component = Timezone()
    component.add("tzid", tz)
    if not rules:
        _observe(component, _at_new_year(zone(tz), start), None)
    for change, ordinal in [(change, None) for change in changes] if rules is None else rules:
        _observe(component, change, ordinal)
    return component


def _rules(changes: Sequence[Change], *, years: int) -> list[tuple[Change, int | None]] | None:
    """Return the first of each of the year's changes and which of its weekdays in the month it is; None: no rule."""
    if len(changes) % years:
        return None
    a_year = len(changes) // years
    found: list[tuple[Change, int | None]] = []
    for first in range(a_year):
        alike = changes[first::a_year]
        is_last = all(change.is_in_last_week for change in alike)
        if len({change.rule(is_last=is_last) for change in alike}) > 1:
            return None
        found.append((alike[0], -1 if is_last else (alike[0].wall.day - 1) // 7 + 1))
    return found


def _observe(component: "Timezone", change: Change, ordinal: int | None) -> None:
    from icalendar import TimezoneDaylight, TimezoneStandard

    part = TimezoneDaylight() if change.is_summer else TimezoneStandard()
    part.add("dtstart", change.wall)
    if ordinal is not None:
        weekday = f"{ordinal}{WEEKDAYS[change.wall.weekday()]}"
        part.add("rrule", {"freq": "yearly", "bymonth": change.wall.month, "byday": weekday})
    part.add("tzname", change.name)
    part.add("tzoffsetfrom", change.before)
    part.add("tzoffsetto", change.after)
    component.add_component(part)


def _changes(tz: ZoneInfo, first_year: int, last_year: int) -> Iterator[Change]:
    day, end = datetime(first_year, 1, 1, tzinfo=UTC), datetime(last_year + 1, 1, 1, tzinfo=UTC)
    while day < end:
        if _offset(day, tz) != _offset(day + ONE_DAY, tz):
            yield _change(day, tz)
        day += ONE_DAY


def _change(day: datetime, tz: ZoneInfo) -> Change:
    """Return the change on a day of UTC."""
    low, high = 0, 24 * 60
    while high - low > 1:
        middle = (low + high) // 2
        is_before = _offset(day + middle * ONE_MINUTE, tz) == _offset(day, tz)
        low, high = (middle, high) if is_before else (low, middle)
    moment = day + high * ONE_MINUTE
    before, after = _offset(day, tz), moment.astimezone(tz)
    return Change(
        (moment + before).replace(tzinfo=None), before, _offset(moment, tz), after.tzname() or "", bool(after.dst())
    )


def _at_new_year(tz: ZoneInfo, year: int) -> Change:
    since = datetime(year, 1, 1, tzinfo=tz)
    offset = _offset(since, tz)
    return Change(since.replace(tzinfo=None), offset, offset, since.tzname() or "", is_summer=bool(since.dst()))


def _offset(moment: datetime, tz: ZoneInfo) -> timedelta:
    return moment.astimezone(tz).utcoffset() or timedelta()
