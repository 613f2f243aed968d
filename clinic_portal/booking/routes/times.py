"""Choosing day and time, and holding it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from clinic_portal.booking.queries import (
    FreeDay,
    FreeTime,
    FreeTimes,
    PartOfDay,
    VisitFacts,
    free_times,
    nearest_times,
    next_free_day,
)
from clinic_portal.booking.routes.common import (
    DAYS_AT_ONCE,
    Way,
    blueprint,
    make_hold_key,
    own_hold_hash,
    stage,
    unless_final,
    way_so_far,
)
from clinic_portal.booking.use_cases.hold_time import Choice, hold_time
from clinic_portal.core.clock import local_day, zone
from clinic_portal.core.errors import Conflict
from clinic_portal.core.ids import FacilityId
from clinic_portal.web.access import Right, current_actor, right
from clinic_portal.web.database import clock, db_session
from clinic_portal.web.filters import clinic_date
from clinic_portal.web.limits import limiter
from clinic_portal.web.pages import render_page, see_other

SLOT_FORMAT = "%Y-%m-%dT%H:%MZ"

#: Days are unfolded until this many times are in sight; the others show how many they have.
ENOUGH_TIMES = 16

#: How many other times are shown beside one that is gone.
NEAREST = 3

#: A time further away than this is a typing error of somebody who writes addresses by hand.
FAR = timedelta(days=400)


@dataclass(frozen=True)
class Slot:
    """A time as the page shows it: as a button."""

    value: str
    #: "10:30".
    text: str
    #: Who takes it, when there is no preference.
    who: str


@dataclass(frozen=True)
class Day:
    """A day as the page shows it."""

    anchor: str
    #: "Tomorrow, Tuesday 24 November".
    title: str
    slots: Sequence[Slot]
    #: Unfolded from the start: the first days, until there is enough to choose from on one screen.
    is_open: bool


@dataclass(frozen=True)
class Times:
    """What the page of times shows."""

    days: Sequence[Day]
    #: The first day that is free, when it is not among the first days that were asked for.
    first_free: str
    #: Where "Show later days" leads; empty at the end of the calendar.
    later: str


@blueprint.get("/book/<service>/times")
@right(Right.PUBLIC)
def choose_time(service: str) -> ResponseReturnValue:
    """Choose a day and a time from a plain list."""
    way = way_so_far(service)
    if way.facility is None:
        return redirect(way.link("choose_facility"), 303)
    return times_page(way)


@blueprint.post("/book/<service>/times")
@right(Right.PUBLIC)
@limiter.limit("40 per minute")
def hold_chosen_time(service: str) -> ResponseReturnValue:
    """Hold the time that was pressed, then go on; when somebody was faster, say so and show the nearest."""
    way = way_so_far(service)
    start = parse_slot(request.form.get("slot"))
    if way.facility is None or start is None:
        return redirect(way.link("choose_facility"), 303) if way.facility is None else times_page(way, status=422)
    choice = Choice(
        service_id=way.service.id,
        facility_id=FacilityId(way.facility.id),
        starts_at=start,
        practitioner_id=way.practitioner.id if way.practitioner else None,
        patient_id=way.person.patient_id if way.person else None,
        instead_of=way.instead,
    )
    try:
        held = hold_time(db_session(), clock(), choice=choice, hold_key=make_hold_key(), actor=current_actor())
    except Conflict as refusal:
        return times_page(way, status=409, lost=start, reason=unless_final(refusal))
    return see_other(url_for("booking.check_answers", appointment_id=held.id))


def parse_slot(text: str | None) -> datetime | None:
    """Return the instant of a button; None for anything else."""
    try:
        start = datetime.strptime(text or "", SLOT_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None
    return start if abs(start - clock().now()) < FAR else None


def times_page(
    way: Way,
    template: str = "booking/choose_time.html",
    *,
    status: int = 200,
    lost: datetime | None = None,
    reason: str = "",
    moving: VisitFacts | None = None,
) -> Response:
    """Return the page with the times of a way; when one was `lost`, it says why and shows the nearest."""
    return render_page(
        template,
        block="times",
        status=status,
        way=way,
        times=find_times(way),
        parts=[
            (part, part_name(part), way.link("choose_time", part=part, from_day=None, days=DAYS_AT_ONCE))
            for part in PartOfDay
        ],
        lost=lost,
        reason=reason,
        nearest=slots_of(way, _nearest(way, lost), with_day=True) if lost else (),
        unchosen=status == 422,
        others=[
            one
            for one in way.facilities.values()
            if one in replace(way, practitioner=None).fitting() and one != way.facility
        ],
        moving=moving,
        stage=stage("time"),
    )


def _nearest(way: Way, lost: datetime) -> list[FreeTime]:
    found = nearest_times(db_session(), clock(), way.wish(own_hold_hash()), around=lost, count=NEAREST + 1)
    return [time for time in found if time.start != way.left_out][:NEAREST]


def find_times(way: Way) -> Times:
    """Return the days to show: from the first that has a free time, however far ahead it is."""
    if way.facility is None:
        raise ValueError("a page of times needs a place")
    db, time, wish = db_session(), clock(), way.wish(own_hold_hash())
    today = local_day(time.now(), way.facility.tz)
    start, days = way.from_day or today, way.days
    found = free_times(db, time, wish, from_day=start, days=days)
    if way.left_out is not None:
        found = _without(found, way.left_out)
    if not any(day.times for day in found.days):
        free_day = next_free_day(db, time, wish, from_day=found.to_day + timedelta(days=1)) if found.next_from else None
        if free_day is None:
            return Times(days=(), first_free="", later="")
        start, days = free_day, DAYS_AT_ONCE
        found = free_times(db, time, wish, from_day=start, days=days)
    first = next(index for index, day in enumerate(found.days) if day.times)
    shown = _days(way, found.days[first:], today)
    later = ""
    if found.next_from is not None:
        from_day = start if start != today else None
        # The last day shown stays in sight, whatever comes after it.
        later = way.link("choose_time", shown[-1].anchor, from_day=from_day, days=days + DAYS_AT_ONCE)
    first_free = clinic_date(found.days[first].day, inside=True) if first or start != (way.from_day or today) else ""
    return Times(shown, first_free, later)


def _without(found: FreeTimes, start: datetime) -> FreeTimes:
    days = [replace(day, times=tuple(time for time in day.times if time.start != start)) for day in found.days]
    return replace(found, days=tuple(days))


def _days(way: Way, days: Sequence[FreeDay], today: date) -> list[Day]:
    shown: list[Day] = []
    unfolded = 0
    for day in days:
        is_open = unfolded < ENOUGH_TIMES
        unfolded += len(day.times) if is_open else 0
        shown.append(Day(_anchor(day.day), day_title(day.day, today), slots_of(way, day.times), is_open))
    return shown


def slots_of(way: Way, times: Sequence[FreeTime], *, with_day: bool = False) -> list[Slot]:
    """Return times as buttons."""
    names = {person.id: person.short_name for person in way.practitioners()} if way.practitioner is None else {}
    tz = zone(way.facility.tz) if way.facility else UTC
    slots = []
    for time in times:
        local = time.start.astimezone(tz)
        text = f"{local:%H:%M}"
        if with_day:
            text = f"{clinic_date(local.date())}, {text}"
        slots.append(Slot(time.start.strftime(SLOT_FORMAT), text, names.get(time.practitioner_ids[0], "")))
    return slots


def day_title(day: date, today: date) -> str:
    """Return "Tomorrow, Tuesday 24 November"."""
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


def _anchor(day: date) -> str:
    return f"day-{day.isoformat()}"
