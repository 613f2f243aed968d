"""Zones of calendar files, read as the simplest programs do."""

from bisect import bisect_right
from datetime import datetime, timedelta

from dateutil.rrule import rrulestr
from icalendar import Timezone

YEARS = timedelta(days=5 * 366)


def changes_spelled(zone: Timezone) -> list[tuple[datetime, timedelta]]:
    """Read the changes of the clocks as a program does that understands a rule of the year and nothing else."""
    changes: list[tuple[datetime, timedelta]] = []
    for part in zone.subcomponents:
        assert "RDATE" not in part  # Outlook passes over it.
        first = part.decoded("DTSTART")
        assert first.tzinfo is None
        text = part["RRULE"].to_ical().decode() if "RRULE" in part else "FREQ=YEARLY;COUNT=1"
        found = rrulestr(text, dtstart=first).between(first, first + YEARS, inc=True)
        assert found[0] == first  # Otherwise it is a change that the rule does not know.
        changes += [(change, part.decoded("TZOFFSETTO")) for change in found]
    return sorted(changes)


def offset_spelled(changes: list[tuple[datetime, timedelta]], wall: datetime) -> timedelta:
    """Return what the clocks are ahead of UTC when they show this: the last change counts."""
    return changes[bisect_right(changes, (wall, timedelta.max)) - 1][1]
