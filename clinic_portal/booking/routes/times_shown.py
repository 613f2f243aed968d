"""Times as pages show them: days, buttons, and whose clock they are on."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from markupsafe import Markup

from clinic_portal.booking.queries import FreeTime, PartOfDay
from clinic_portal.booking.routes.common import Way
from clinic_portal.core.clock import zone
from clinic_portal.facilities.queries import FacilityFacts
from clinic_portal.web.filters import clinic_date, clinic_zone, local_text

SLOT_FORMAT = "%Y-%m-%dT%H:%MZ"
#: Between a time and the clinic, where any would do: "2026-11-24T10:00Z@lisbon".
AT = "@"


@dataclass(frozen=True)
class Slot:
    """A time as the page shows it: as a button."""

    value: str
    #: "10:30".
    text: str
    #: Who takes it, when there is no preference.
    who: str
    #: Which clinic, when any would do.
    where: str = ""
    #: On whose clock, when it could be misread: "Azores time".
    clock: str = ""


@dataclass(frozen=True)
class Day:
    """A day as the page shows it."""

    anchor: str
    #: "Tomorrow, Tuesday 24 November".
    title: str
    slots: Sequence[Slot]
    #: Unfolded from the start: the first days, until there is enough to choose from on one screen.
    is_open: bool
    #: Whether times are left out because of what the patient has that day.
    is_elsewhere: bool = False


@dataclass(frozen=True)
class Later:
    """What "Show later days" asks for."""

    #: The last day shown stays in sight, whatever comes after it.
    anchor: str
    from_day: str | None
    days: int


@dataclass(frozen=True)
class Times:
    """What the page of times shows. The days are rendered, as they are kept in the cache."""

    #: Empty when nothing is free.
    days: Markup
    #: The first day that is free, when it is not among the first days that were asked for.
    first_free: str
    #: None at the end of the calendar.
    later: Later | None
    #: Whether they are of the days that were asked for, not of later ones because those are full.
    is_as_asked: bool
    #: Why some are left out for this patient: nobody's in what is kept for all.
    left_out: Sequence[str] = ()

    def dump(self) -> str:
        """Return it as text."""
        return json.dumps(asdict(self))

    @staticmethod
    def load(text: str) -> "Times":
        """Return what `dump` wrote."""
        found = json.loads(text)
        later = Later(**found["later"]) if found["later"] else None
        return Times(Markup(found["days"]), found["first_free"], later, found["is_as_asked"])  # noqa: S704 - rendered by _days.html, which escapes


def slots_of(way: Way, times: Sequence[FreeTime], *, with_day: bool = False) -> list[Slot]:
    """Return times as buttons."""
    names = {person.id: person.short_name for person in way.practitioners()} if way.practitioner is None else {}
    places = {one.id: _place_of(way, one, is_alone=with_day) for one in way.facilities.values()}
    slots = []
    for time in times:
        place = places[time.facility_id]
        local = time.start.astimezone(place.zone)
        text = f"{local:%H:%M}"
        if with_day:
            text = f"{clinic_date(local.date())}, {text}"
        value = time.start.strftime(SLOT_FORMAT) + place.suffix
        slots.append(Slot(value, text, names.get(time.practitioner_ids[0], ""), place.name, place.clock))
    return slots


class _Place(NamedTuple):
    """What the buttons of one clinic's times have in common."""

    zone: ZoneInfo
    #: What tells the value of a time from the same time elsewhere.
    suffix: str
    name: str
    clock: str


def _place_of(way: Way, facility: FacilityFacts, *, is_alone: bool) -> _Place:
    suffix = f"{AT}{facility.slug}" if way.is_any_facility else ""
    name = local_text(facility.names) if way.is_any_facility and not way.is_online else ""
    is_said = way.has_several_clocks or (way.is_online and is_alone)
    return _Place(zone(facility.tz), suffix, name, clock_name(facility.tz) if is_said else "")


def clock_name(tz: str) -> str:
    """Return whose clock it is: "Lisbon time"."""
    return str(_("%(place)s time", place=clinic_zone(tz)))


def day_title(day: date, today: date | None) -> str:
    """Return "Tomorrow, Tuesday 24 November"; the day alone where nobody can say what day it is."""
    if today is None:
        return clinic_date(day)
    inside = clinic_date(day, inside=True)
    if day == today:
        return str(_("Today, %(day)s", day=inside))
    if day == today + timedelta(days=1):
        return str(_("Tomorrow, %(day)s", day=inside))
    return clinic_date(day)


def part_name(part: PartOfDay) -> str:
    """Return the words on a part's button."""
    names: dict[PartOfDay, str] = {
        PartOfDay.ANY: _("Any time"),
        PartOfDay.MORNING: _("Morning"),
        PartOfDay.AFTERNOON: _("Afternoon"),
        PartOfDay.AFTER_WORK: _("After work"),
    }
    return names[part]


def anchor_of(day: date) -> str:
    """Return the id of a day on the page."""
    return f"day-{day.isoformat()}"
