"""Choosing day and time, and holding it."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from werkzeug.wrappers import Response

from clinic_portal.booking.queries import (
    FreeDay,
    FreeTime,
    FreeTimes,
    PartOfDay,
    VisitFacts,
    first_free_times,
    free_times,
    nearest_times,
    next_free_day,
)
from clinic_portal.booking.queries.rota import LONGEST_BUFFER
from clinic_portal.booking.routes.common import (
    DAYS_AT_ONCE,
    Way,
    blueprint,
    make_hold_key,
    own_hold_hash,
    parse_uuid,
    unless_final,
    way_so_far,
)
from clinic_portal.booking.routes.guests import one_of_few
from clinic_portal.booking.routes.other_ways import other_ways
from clinic_portal.booking.routes.stages import Question, stage
from clinic_portal.booking.routes.theirs import is_elsewhere, left_out_lines, with_diary
from clinic_portal.booking.routes.times_shown import (
    AT,
    SLOT_FORMAT,
    Day,
    Later,
    Times,
    anchor_of,
    day_title,
    part_name,
    slots_of,
)
from clinic_portal.booking.rules import Stretch, quarters_touched
from clinic_portal.booking.use_cases.hold_time import Choice, hold_time
from clinic_portal.core.cache import FREE_TIMES, cache_of
from clinic_portal.core.clock import local_day
from clinic_portal.core.errors import Conflict
from clinic_portal.core.ids import PatientId
from clinic_portal.facilities.queries import FacilityFacts
from clinic_portal.web.access import Right, current_actor, right
from clinic_portal.web.database import clock, db_session
from clinic_portal.web.filters import clinic_date
from clinic_portal.web.i18n import current_language
from clinic_portal.web.limits import limited
from clinic_portal.web.pages import page_for_visitors, render_page, see_other

#: Days are unfolded until this many times are in sight; the others show how many they have.
ENOUGH_TIMES = 16

#: A page of more days than these is forgotten with every change, whatever its day.
MOST_DAYS_TOLD_APART = 31

#: How many other times are shown beside one that is gone.
NEAREST = 3
#: How many times as many are looked at where not all of them can be chosen.
MANY = 10

#: A time further away than this is a typing error of somebody who writes addresses by hand.
FAR = timedelta(days=400)


class Chosen(NamedTuple):
    """A time that was pressed, and where it is."""

    facility: FacilityFacts
    start: datetime


@blueprint.get("/book/<service>/times")
@right(Right.PUBLIC)
def choose_time(service: str) -> ResponseReturnValue:
    """Choose a day and a time from a plain list."""
    way = way_so_far(service)
    if not way.is_placed:
        return redirect(way.link("choose_facility"), 303)
    is_own = current_actor() is not None or own_hold_hash() is not None or way.instead is not None
    # The page repeats its own address (the language switch leads back to it): what else somebody's has is theirs alone.
    if is_own or request.full_path != way.link("choose_time"):
        return times_page(way)
    today = [str(day) for day in way.days_of_today()]

    def render() -> tuple[Response, bool]:
        times = _compute(way, None)  # The whole page is kept: nobody would ask for the days alone.
        return times_page(way, times=times), times.is_as_asked

    key = f"{today} {request.full_path}"
    return page_for_visitors(FREE_TIMES, key, render, parts=_looked_at(way))


@blueprint.post("/book/<service>/times")
@right(Right.PUBLIC)
@limited("40 per minute")
def hold_chosen_time(service: str) -> ResponseReturnValue:
    """Hold the time that was pressed, then go on; when somebody was faster, say so and show the nearest."""
    way = way_so_far(service, with_person=False)
    chosen, patient_id = chosen_slot(way, request.form.get("slot")), parse_uuid(request.args.get("patient"))
    if not way.is_placed:
        return redirect(way_so_far(service).link("choose_facility"), 303)
    if chosen is None:
        return times_page(way_so_far(service), status=422)
    choice = Choice(
        service_id=way.service.id,
        facility_id=chosen.facility.id,
        starts_at=chosen.start,
        mode=way.mode,
        any_facility=way.is_any_facility,
        practitioner_id=way.practitioner.id if way.practitioner else None,
        patient_id=PatientId(patient_id) if patient_id and current_actor() else None,
        instead_of=way.instead,
    )
    try:
        with one_of_few():
            held = hold_time(db_session(), clock(), choice=choice, hold_key=make_hold_key(), actor=current_actor())
    except Conflict as refusal:
        return times_page(way_so_far(service), status=409, lost=chosen, reason=unless_final(refusal))
    return see_other(url_for("booking.check_answers", appointment_id=held.id))


def parse_slot(text: str | None) -> datetime | None:
    """Return the instant of a button; None for anything else."""
    try:
        start = datetime.strptime(text or "", SLOT_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None
    return start if abs(start - clock().now()) < FAR else None


def chosen_slot(way: Way, text: str | None) -> Chosen | None:
    """Return the time of a button and where it is; None for anything else, and for a clinic that was not asked for."""
    moment, _sign, slug = (text or "").partition(AT)
    start = parse_slot(moment)
    where = way.facility if way.facility and not slug else None
    if way.is_any_facility:
        where = next((one for one in way.fitting() if one.slug == slug), None)
    return Chosen(where, start) if where and start else None


def times_page(  # noqa: PLR0913 - all but the way have defaults
    way: Way,
    template: str = "booking/choose_time.html",
    *,
    status: int = 200,
    lost: Chosen | None = None,
    reason: str = "",
    moving: VisitFacts | None = None,
    times: Times | None = None,
) -> Response:
    """Return the page with the times of a way; when one was `lost`, it says why and shows the nearest."""
    way = with_diary(way)
    times = times or find_times(way)
    kept = way.from_day if moving else None  # Another part of the same days, where the days were chosen.
    return render_page(
        template,
        block="times",
        status=status,
        way=way,
        times=times,
        later=_later_link(way, times.later),
        parts=[
            (part, part_name(part), way.link("choose_time", part=part, from_day=kept, days=DAYS_AT_ONCE))
            for part in PartOfDay
        ],
        lost=lost,
        reason=reason,
        nearest=slots_of(way, _nearest(way, lost), with_day=True) if lost else (),
        unchosen=status == 422,
        others=other_ways(way, only_free=not times.days),
        moving=moving,
        stage=stage(Question.TIME, way),
    )


def _later_link(way: Way, later: Later | None) -> str:
    if later is None:
        return ""
    from_day = date.fromisoformat(later.from_day) if later.from_day else None
    return way.link("choose_time", later.anchor, from_day=from_day, days=later.days)


def _nearest(way: Way, lost: Chosen) -> list[FreeTime]:
    wish = way.wish(own_hold_hash())
    count = NEAREST if way.diary is None else NEAREST * MANY
    found = way.choosable(nearest_times(db_session(), clock(), wish, around=lost.start, count=count))
    nearest = sorted(found, key=lambda time: abs(time.start - lost.start))[:NEAREST]
    return sorted(nearest, key=lambda time: time.start)


def find_times(way: Way) -> Times:
    """Return the days to show: from the first that has a free time, however far ahead it is.

    Nobody's own hold or visit is in what is kept for all: who has one then gets it computed.
    """
    if not way.is_placed:
        raise ValueError("a page of times needs a place")
    own_hold = own_hold_hash()
    if own_hold is not None or way.left_out is not None or way.wish().own_visit is not None:
        return _compute(way, own_hold)
    has_some = way.diary is not None and bool(way.diary.visits)
    if has_some and way.diary is not None and way.diary.has_any_in(Stretch(*way.span())):
        return _compute(way, None)
    times = _shared(replace(way, diary=None))
    return _compute(way, None) if has_some and not times.is_as_asked else times


def _shared(way: Way) -> Times:
    """Return the days to show to everybody who has nothing on them."""
    today = [str(day) for day in way.days_of_today()]
    key = json.dumps([current_language(), today, str(way.wish()), str(way.from_day), way.days])
    cache = cache_of(db_session())
    answer = cache.get(FREE_TIMES, key, parts=_looked_at(way))
    if answer.text is not None:
        return Times.load(answer.text)
    times = _compute(way, None)
    cache.put(FREE_TIMES, key, answer, times.dump(), of_parts=times.is_as_asked)
    return times


def _looked_at(way: Way) -> tuple[str, ...]:
    """Return the quarters of days in which an appointment can change what a page of these days shows; none of a long page."""
    if way.days > MOST_DAYS_TOLD_APART:
        return ()
    start, end = way.span()
    return quarters_touched(start - LONGEST_BUFFER, end + LONGEST_BUFFER)


def _compute(way: Way, own_hold: str | None) -> Times:
    db, time, wish = db_session(), clock(), way.wish(own_hold)
    today = way.days_of_today()[0]
    start, days = way.from_day or today, way.days
    nothing = Times(days=Markup(), first_free="", later=None, is_as_asked=False)
    offered = first_free_times(db, time, wish, from_day=start, days=days, jump_days=DAYS_AT_ONCE)
    found, elsewhere = _choosable(way, offered), _elsewhere(way, offered)
    if not found.days:
        return nothing
    while not any(day.times for day in found.days):
        free_day = next_free_day(db, time, wish, from_day=found.to_day + timedelta(days=1)) if found.next_from else None
        if free_day is None:
            return replace(nothing, left_out=left_out_lines(way, elsewhere))
        offered = free_times(db, time, wish, from_day=free_day, days=DAYS_AT_ONCE)
        found, elsewhere = _choosable(way, offered), elsewhere + _elsewhere(way, offered)
    is_as_asked = found.from_day == start
    if not is_as_asked:
        start, days = found.from_day, DAYS_AT_ONCE
    first = next(index for index, day in enumerate(found.days) if day.times)
    shown = _days(way, found.days[first:], elsewhere)
    later = None
    if found.next_from is not None:
        later = Later(shown[-1].anchor, str(start) if start != today else None, days + DAYS_AT_ONCE)
    first_free = clinic_date(found.days[first].day, inside=True) if first or start != (way.from_day or today) else ""
    html = Markup(render_template("booking/_days.html", days=shown))  # noqa: S704 - a template's own output
    return Times(html, first_free, later, is_as_asked, left_out_lines(way, elsewhere))


def _elsewhere(way: Way, found: FreeTimes) -> list[FreeTime]:
    return [time for day in found.days for time in day.times if is_elsewhere(way, time)] if way.may_name_visits else []


def _choosable(way: Way, found: FreeTimes) -> FreeTimes:
    if way.diary is None:
        return found
    kept = set(way.choosable([time for day in found.days for time in day.times]))
    days = [replace(day, times=tuple(time for time in day.times if time in kept)) for day in found.days]
    return replace(found, days=tuple(days))


def _days(way: Way, days: Sequence[FreeDay], elsewhere: Sequence[FreeTime]) -> list[Day]:
    busy = {local_day(time.start, way.facilities[time.facility_id].tz) for time in elsewhere}
    now = way.days_of_today()
    # Around midnight "today" is not the same day at clinics whose clocks differ.
    today = now[0] if len(now) == 1 else None
    shown: list[Day] = []
    unfolded = 0
    for day in days:
        is_open = unfolded < ENOUGH_TIMES
        unfolded += len(day.times) if is_open else 0
        shown.append(
            Day(anchor_of(day.day), day_title(day.day, today), slots_of(way, day.times), is_open, day.day in busy)
        )
    return shown
