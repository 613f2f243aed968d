"""What somebody wishes of a series, kept in the address as the way to a single visit is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Protocol, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from flask import request
from flask_babel import gettext as _

from clinic_portal.booking.forms import LaterForm, SeriesForm
from clinic_portal.booking.queries import Taker
from clinic_portal.booking.queries.openings import ANYWAY_DAYS, Openings, read_openings
from clinic_portal.booking.routes.common import ANY, Way, own_hold_hash
from clinic_portal.booking.routes.times import parse_slot
from clinic_portal.booking.routes.times_shown import SLOT_FORMAT, part_name
from clinic_portal.booking.rules import PartOfDay
from clinic_portal.booking.rules.series import Plan, SeriesWish, propose_with_one
from clinic_portal.core.clock import local_day
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import PractitionerId
from clinic_portal.core.typed import write_time
from clinic_portal.core.wording import weekday_in_words, weekdays_in_words
from clinic_portal.facilities.queries import FacilityFacts, ServiceFacts
from clinic_portal.web.database import clock, db_session
from clinic_portal.web.filters import clinic_date, local_text
from clinic_portal.web.i18n import current_language

#: What the wish page proposes at first, where the service allows as many.
USUAL_COUNT = 10
#: Weeks that are read beyond those that are needed, before the rest of the calendar is.
SPARE_WEEKS = 4
FIRST_MINUTE, LAST_MINUTE, HALF_HOUR = 7 * 60, 20 * 60, 30


Form = TypeVar("Form", bound=SeriesForm)


class OwnTimesForm(Protocol):
    """What staff write of sessions at times that are not offered."""

    @property
    def errors(self) -> Mapping[str, Sequence[str]]:
        """What is wrong, by field."""

    @property
    def own(self) -> Mapping[datetime, Taker]:
        """When they are, and where each is taken; without those that something is wrong with."""

    def refuse(self, start: datetime, words: str) -> None:
        """Say why one cannot be had."""

    def query(self) -> list[tuple[str, str]]:
        """Return what stands in the address of them."""


@dataclass(frozen=True)
class SeriesWay:
    """A checked wish, and the way that it belongs to."""

    way: Way
    facility: FacilityFacts
    wanted: int
    per_week: int
    weekdays: tuple[int, ...]
    part: PartOfDay
    minute: int | None
    first: date
    #: Staff set notice, the calendar's end, visits a day and the number of sessions aside; they write why before booking.
    is_aside: bool = False
    #: Then sessions may be at times that are not offered.
    own_times: OwnTimesForm | None = None

    @property
    def own(self) -> Mapping[datetime, Taker]:
        """The sessions at times that are not offered: when, and where each is taken."""
        return self.own_times.own if self.own_times else {}

    def query(self) -> list[tuple[str, str]]:
        """The query string: the way's own, and the wish."""
        at = self.part.value if self.minute is None else write_time(self.minute)
        own = self.way.query() | {
            "facility": self.facility.slug,
            "practitioner": self.way.query().get("practitioner", ANY),
        }
        own.pop("part", None)
        # As soon as possible is written as nothing: the address is good tomorrow, too.
        first = str(self.first) if self.first > local_day(clock().now(), self.facility.tz) else ""
        wish = [("count", str(self.wanted)), ("per_week", str(self.per_week)), ("at", at), ("first", first)]
        days = [("weekday", str(weekday)) for weekday in self.weekdays]
        return [*own.items(), *wish, *days, *([("aside", "y")] if self.is_aside else [])]

    def link(self, endpoint: str, times: Sequence[datetime] = ()) -> str:
        """The address of a page of this series, with the times that were chosen, offered or not."""
        own = self.own_times.query() if times and self.own_times else []
        query = [*self.query(), *(("time", start.strftime(SLOT_FORMAT)) for start in times), *own]
        return f"{self.way.address(endpoint)}?{urlencode(query)}"

    def with_one(self, practitioner_id: UUID) -> "SeriesWay":
        """The same with the practitioner whom the plan is made with."""
        who = next(one for one in self.way.practitioners() if one.id == practitioner_id)
        return replace(self, way=replace(self.way, practitioner=who, is_practitioner_chosen=True))

    def aside(self) -> "SeriesWay":
        """The same with the rules set aside."""
        return replace(self, is_aside=True)

    def openings(self, *, to_day: date, from_day: date | None = None) -> Openings:
        """What is offered, from the first day on."""
        wish = replace(self.way.wish(own_hold_hash()), facility_id=self.facility.id, part=PartOfDay.ANY)
        return read_openings(
            db_session(), clock(), wish, from_day=from_day or self.first, to_day=to_day,
            patient_id=self.way.patient_id, anyway=self.is_aside,
        )  # fmt: skip

    def plan(self) -> tuple[PractitionerId, Plan, Openings] | None:
        """Return the best plan and with whom it is; None when there is not one free time."""
        weeks = -(-self.wanted // self.per_week) + SPARE_WEEKS
        openings = self.openings(to_day=self.first + timedelta(weeks=weeks))
        found = self._propose(openings)
        if (found is None or found[1].missing) and openings.last_day > self.first + timedelta(weeks=weeks):
            openings = self.openings(to_day=openings.last_day)
            found = self._propose(openings)
        return (*found, openings) if found else None

    def _propose(self, openings: Openings) -> tuple[PractitionerId, Plan] | None:
        wish = SeriesWish(
            self.wanted, self.per_week, self.first, openings.last_day, frozenset(self.weekdays), self.part, self.minute
        )
        return propose_with_one(wish, openings.starts, openings.loads, openings.tz)


def series_form(way: Way, kind: type[Form], *, most: int | None = None) -> Form:
    """Return the form with what the address says. `most`: how many sessions can be chosen, if not as the service says.

    Raises: NotFound (not a service for series).
    """
    longest = way.service.rules.series_max
    places = replace(way, practitioner=None).fitting()
    if longest is None or not places:
        raise NotFound
    form = kind(formdata=request.args if "count" in request.args else None, data=_before(way, longest))
    form.count.choices = [(number, str(number)) for number in range(2, (most or longest) + 1)]
    form.weekday.choices = [(str(number), name) for number, name in enumerate(weekday_names())]
    form.at.choices = times_of_day()
    form.practitioner.choices = [
        (ANY, _("No preference")),
        *((str(one.id), one.full_name) for one in way.practitioners()),
    ]
    form.facility.choices = [(one.slug, _place(way, one)) for one in places]
    today = min(local_day(clock().now(), one.tz) for one in places)
    show_calendar(form, today, way.service, is_desk=way.patient is not None)
    return form


def _place(way: Way, facility: FacilityFacts) -> str:
    name = local_text(facility.names)
    return str(_("Online, from %(place)s", place=name)) if way.is_online else name


def series_way(way: Way, form: SeriesForm) -> SeriesWay | None:
    """Return what the form wishes; None when it is not valid: its errors say why."""
    if not form.validate():
        return None
    facility = next((one for one in way.fitting() if one.slug == form.facility.data), None)
    if facility is None:
        form.facility.errors = [
            _("%(name)s does not work there", name=way.practitioner.full_name if way.practitioner else "")
        ]
        return None
    first = first_of(form, local_day(clock().now(), facility.tz), way.service, is_desk=way.patient is not None)
    if first is None:
        return None
    at = form.at.data
    part = next((part for part in PartOfDay if part.value == at), None)
    return SeriesWay(
        way=replace(
            way,
            is_practitioner_chosen=True,
            facility=facility,
            is_any_facility=False,
            part=PartOfDay.ANY,
            from_day=None,
        ),
        facility=facility,
        wanted=form.count.data,
        per_week=int(form.per_week.data),
        weekdays=tuple(sorted(int(one) for one in form.weekday.data or ())),
        part=part or PartOfDay.ANY,
        minute=None if part else minute_of_day(at),
        first=first,
        is_aside=form.is_aside,
    )


def chosen_times(longest: int) -> tuple[datetime, ...]:
    """Return the times in the address, each once, in order; what is none counts as left out."""
    found = {start for text in request.args.getlist("time") if (start := parse_slot(text)) is not None}
    return tuple(sorted(found)[:longest])


def weekday_names() -> list[str]:
    """Return the seven names, Monday first, as they stand at the beginning of a line."""
    return [weekday_in_words(weekday, current_language()) for weekday in range(7)]


def pattern_in_words(plan: Plan) -> str:
    """Return "Monday and Thursday, 10:30"."""
    days = weekdays_in_words(plan.pattern.weekdays, current_language())
    return f"{days}, {write_time(plan.pattern.minute)}"


def times_of_day() -> dict[str, list[tuple[str, str]]]:
    """Return the choices: parts of the day, and times by the clock."""
    times = [write_time(minute) for minute in range(FIRST_MINUTE, LAST_MINUTE + 1, HALF_HOUR)]
    return {
        _("Part of the day"): [(part.value, part_name(part)) for part in PartOfDay],
        _("A certain time"): [(time, time) for time in times],
    }


def show_calendar(form: SeriesForm | LaterForm, today: date, service: ServiceFacts, *, is_desk: bool) -> None:
    """Say at the box of the first day how far the calendar is open; where staff may look further, the box lets them."""
    days = service.rules.horizon_days
    form.first.description = _(
        "Leave it empty for as soon as possible. The calendar is open until %(day)s.", day=_day(today, days)
    )
    last = today + timedelta(days=ANYWAY_DAYS if is_desk else days)
    form.first.render_kw = {"min": str(today), "max": str(last)}


def first_of(form: SeriesForm | LaterForm, today: date, service: ServiceFacts, *, is_desk: bool) -> date | None:
    """Return the first day that is wished, today where none is; None, with an error that says why, outside of the calendar."""
    days, day = ANYWAY_DAYS if form.is_aside else service.rules.horizon_days, form.first.value or today
    if today <= day <= today + timedelta(days=days):
        return day
    if day < today:
        form.first.errors = [_("Choose a day that is still to come")]
    elif is_desk and not form.is_aside:
        form.first.errors = [
            _(
                "The calendar is open until %(day)s. Choose a day until then, or set the rules aside",
                day=_day(today, days),
            )
        ]
    else:
        form.first.errors = [_("The calendar is open until %(day)s. Choose a day until then", day=_day(today, days))]
    return None


def _day(today: date, days: int) -> str:
    day = today + timedelta(days=days)
    return clinic_date(day, year=day.year != today.year, inside=True)


def minute_of_day(at: str) -> int:
    """Return the minute of "10:30"."""
    return int(at[:2]) * 60 + int(at[3:])


def _before(way: Way, longest: int) -> dict[str, object]:
    """What the form shows when nothing was answered yet."""
    places = replace(way, practitioner=None).fitting()
    place = way.facility or (places[0] if len(places) == 1 else None)
    return {
        "count": min(USUAL_COUNT, longest),
        "per_week": "1",
        "at": way.part.value,
        "practitioner": str(way.practitioner.id) if way.practitioner else ANY,
        "facility": place.slug if place else None,
    }
