"""The pages on which several sessions are planned: the wish, the plan, and what was lost meanwhile.

Patients plan at their own addresses and the front desk at its own (`SeriesWay.link`): the pages are the same.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from flask import redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from clinic_portal.booking.forms import SeriesForm
from clinic_portal.booking.queries import Taker
from clinic_portal.booking.queries.openings import Openings, Wanted, refusals_of
from clinic_portal.booking.queries.series import same_series
from clinic_portal.booking.routes.common import Way
from clinic_portal.booking.routes.series_way import SeriesWay, chosen_times, pattern_in_words
from clinic_portal.booking.routes.stages import Question, stage
from clinic_portal.booking.routes.times_shown import SLOT_FORMAT
from clinic_portal.booking.rules.series import Line, Wall, day_of, minute_of, monday_of, replan, wall_of
from clinic_portal.booking.steps.series import MOST_SESSIONS, TIMES_LOST, SeriesChoice
from clinic_portal.core.clock import local_day
from clinic_portal.core.errors import Conflict
from clinic_portal.core.ids import FacilityId, PatientId, PractitionerId, SeriesId
from clinic_portal.core.money import Money
from clinic_portal.core.typed import write_time
from clinic_portal.practitioners.queries import PractitionerFacts
from clinic_portal.web.database import db_session
from clinic_portal.web.filters import clinic_date, short_moment
from clinic_portal.web.pages import render_page, see_other

A_WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Option:
    """A time that a session can have."""

    value: str
    text: str
    is_chosen: bool


@dataclass(frozen=True)
class Session:
    """A line of the plan as the page shows it. Number 0: a week without a free time."""

    number: int
    note: str
    options: Sequence[Option] = ()
    is_lost: bool = False


@dataclass(frozen=True)
class Remarks:
    """What the plan's page says beside the sessions."""

    #: "Thursday, 10:30".
    pattern: str = ""
    #: Whether nobody was chosen by name.
    is_proposed: bool = False
    is_relaxed: bool = False
    is_empty: bool = False
    #: How many sessions do not fit before the calendar ends, and when that is.
    missing: int = 0
    last_day: str = ""
    #: How many of the chosen times are gone.
    lost: int = 0


@dataclass(frozen=True)
class Booking:
    """What differs between a patient who books sessions and the desk that does."""

    #: Shows the chosen times once more, before they are booked.
    check: Callable[[SeriesWay, Sequence[datetime]], Response]
    book: Callable[[SeriesChoice], SeriesId]
    #: The address at which a booked series is shown.
    shown_at: Callable[[SeriesId], str]
    #: Whose series these may be already.
    people: Sequence[PatientId]


def wish_page(way: Way, form: SeriesForm, *, status: int = 200) -> Response:
    """Ask how many sessions, how often, when, with whom and where."""
    return render_page(
        "booking/wish_series.html", status=status, way=way, form=form, stage=stage(Question.TIME, way, is_series=True)
    )


def ask_again(way: Way, form: SeriesForm) -> ResponseReturnValue:
    """Answer a wish that is none: when nothing was wished yet, the page that asks; else the same with its errors."""
    if "count" not in request.args:
        return redirect(way.link("wish_series"), 303)
    return wish_page(way, form, status=422)


def plan_page(wished: SeriesWay, *, is_empty: bool = False, is_wrong: bool = False) -> Response:
    """Propose a plan, with what was chosen on it before.

    `is_empty`: every session of the one before was left out. `is_wrong`: something that was written is.
    """
    found = wished.plan()
    if found is None:
        return _sessions_page(wished, (), Remarks())
    who, plan, openings = found
    lines = list(plan.lines)
    if wished.way.practitioner is not None and not is_empty:
        lines = _kept(lines, times_of(wished), openings, who)
    remarks = Remarks(
        pattern=pattern_in_words(plan),
        is_proposed=wished.way.practitioner is None,
        is_relaxed=plan.is_relaxed,
        is_empty=is_empty,
        missing=plan.missing,
        last_day=clinic_date(openings.last_day, inside=True),
    )
    sessions = session_lines(lines, openings.tz, {})
    return _sessions_page(wished.with_one(who), sessions, remarks, status=422 if is_empty or is_wrong else 200)


def _kept(lines: Sequence[Line], times: Sequence[datetime], openings: Openings, who: PractitionerId) -> list[Line]:
    """Return a plan with what was chosen on it before: what comes back from the next page finds it so.

    A session that is none of those that were chosen was left out, and can be chosen again.
    """
    if not times:
        return list(lines)
    walls = [wall_of(start, openings.tz) for start in times]
    chosen = replan(walls, still_free(openings, who, times, {}))
    left = set(times)
    out = list[Line]()
    for line in lines:
        mine = min(left & {line.chosen, *line.others}, default=None, key=lambda one: one != line.chosen)
        left.discard(mine)
        if mine is None:
            out.append(replace(line, is_left_out=True))
    return sorted([*chosen, *out], key=lambda line: line.wished)


def times_of(wished: SeriesWay) -> tuple[datetime, ...]:
    """Return the times that were chosen: no more than can be booked at once."""
    return chosen_times(MOST_SESSIONS if wished.is_aside else wished.way.service.rules.series_max or 0)


def chosen(wished: SeriesWay) -> tuple[PractitionerFacts, tuple[datetime, ...]] | None:
    """Return with whom and when the sessions are; None when that was not chosen."""
    who, times = wished.way.practitioner, times_of(wished)
    return (who, times) if who and times else None


def check_times(wished: SeriesWay, booking: Booking) -> ResponseReturnValue:
    """Answer what was chosen: with the page that checks it, or with the plan again when something is lost or nothing chosen."""
    found = chosen(wished)
    if found is None:
        return plan_page(wished, is_empty=not times_of(wished))
    who, times = found
    openings = _openings(wished, times)
    lost = refusals_of([Wanted(openings, who.id, start, where) for start, where in _places(wished, times).items()])
    if not lost:
        return booking.check(wished, times)
    booked = _booked_before(wished, who, all_times(wished, times), booking.people)
    if booked is not None:
        return redirect(booking.shown_at(booked), 303)
    return _lost_page(wished, who, times, lost)


def check_page(
    template: str, wished: SeriesWay, times: Sequence[datetime], *, status: int, **context: object
) -> Response:
    """Show the chosen times once more, with what they cost together and where they are booked."""
    each, times_shown = wished.way.service.price, all_times(wished, times)
    return render_page(
        template, block="content", status=status, way=wished.way, wished=wished, times=times_shown,
        here=wished.link("check_series", times), back=wished.link("plan_series", times),
        total=Money(each.minor * len(times_shown), each.currency), **context,
    )  # fmt: skip


def book_times(wished: SeriesWay, patient_id: PatientId, booking: Booking) -> ResponseReturnValue:
    """Book all of the chosen sessions, or none: then the plan is shown again, with what was lost marked."""
    found = chosen(wished)
    if found is None:
        return redirect(wished.link("plan_series"), 303)
    who, times = found
    choice = SeriesChoice(
        wished.way.service.id,
        FacilityId(wished.facility.id),
        who.id,
        patient_id,
        times,
        wished.per_week,
        wished.way.mode,
        tuple(wished.own.items()),
    )
    try:
        series_id = booking.book(choice)
    except Conflict as refusal:
        lost = refusal.values.get("lost")
        if refusal.code != TIMES_LOST or not isinstance(lost, Mapping):
            raise
        return _lost_page(wished, who, times, lost)
    return see_other(booking.shown_at(series_id))


def all_times(wished: SeriesWay, times: Sequence[datetime] | None = None) -> tuple[datetime, ...]:
    """Return what was chosen, or these times, those that are not offered with them, in order."""
    return tuple(sorted(_places(wished, times_of(wished) if times is None else times)))


def _places(wished: SeriesWay, times: Sequence[datetime]) -> dict[datetime, Taker | None]:
    """Return all times, with the places that staff chose for those that are not offered."""
    return {**dict.fromkeys(times), **wished.own}


def _booked_before(
    wished: SeriesWay, who: PractitionerFacts, times: Sequence[datetime], people: Sequence[PatientId]
) -> SeriesId | None:
    """Return the series of these very sessions, for somebody who goes back after booking it: nobody else took them."""
    for patient_id in people:
        found = same_series(
            db_session(), patient_id=patient_id, practitioner_id=who.id, service_id=wished.way.service.id, starts=times
        )
        if found is not None:
            return found
    return None


def _openings(wished: SeriesWay, times: Sequence[datetime]) -> Openings:
    """What is offered in the weeks of these times, and of those that are not offered."""
    times = all_times(wished, times)
    first, last = local_day(min(times), wished.facility.tz), local_day(max(times), wished.facility.tz)
    return wished.openings(from_day=first - A_WEEK, to_day=last + A_WEEK)


def _lost_page(
    wished: SeriesWay, who: PractitionerFacts, times: Sequence[datetime], lost: Mapping[datetime, str]
) -> Response:
    """Show the plan again: what was lost is marked and has the nearest time instead, everything else is kept."""
    openings = _openings(wished, times)
    for start in lost.keys() & wished.own.keys():
        if wished.own_times:
            wished.own_times.refuse(start, _own_is_lost(lost[start]))
    walls = [wall_of(start, openings.tz) for start in times]
    sessions = session_lines(
        replan(walls, still_free(openings, who.id, times, lost)), openings.tz, codes_of(lost, openings.tz)
    )
    return _sessions_page(wished, sessions, Remarks(lost=len(lost)), status=409)


def _own_is_lost(code: str) -> str:
    if code == "appointment.slot_taken":
        return str(_("The therapist or the room is taken at this time. Choose another time"))
    return str(_("The patient has another visit at this time. Choose another time"))


def still_free(
    openings: Openings, who: PractitionerId, times: Sequence[datetime], lost: Mapping[datetime, str]
) -> dict[Wall, datetime]:
    """Return what can be chosen now, the chosen times that were not lost among them."""
    # A chosen time may have slipped off the grid that is offered now, and is free all the same.
    free = openings.walls(who) | {wall_of(start, openings.tz): start for start in times}
    gone = {*lost, *openings.refusals(who, times)}
    return {wall: start for wall, start in free.items() if start not in gone}


def codes_of(lost: Mapping[datetime, str], tz: str) -> dict[Wall, str]:
    """Return why which time was lost, by what the wall clock shows."""
    return {wall_of(start, tz): code for start, code in lost.items()}


def _sessions_page(wished: SeriesWay, sessions: Sequence[Session], remarks: Remarks, *, status: int = 200) -> Response:
    return render_page(
        "booking/plan_series.html", status=status, way=wished.way, wished=wished, sessions=sessions, remarks=remarks,
        count=sum(session.number > 0 for session in sessions) or wished.wanted, pattern=remarks.pattern,
        stage=stage(Question.PLAN, wished.way, is_series=True), form=wished.own_times,
    )  # fmt: skip


def session_lines(lines: Sequence[Line], tz: str, lost: Mapping[Wall, str]) -> list[Session]:
    """Return the lines of a plan as a page shows them; `lost` says why which wished time is gone."""
    found: list[Session] = []
    number = 0
    for line in lines:
        if line.chosen is None:
            week = Session(0, _nothing(line, lost), is_lost=line.wished in lost)
            if week not in found[-1:]:  # Two sessions of one week are said once.
                found.append(week)
            continue
        number += 1
        times = sorted({line.chosen, *line.others})
        chosen = None if line.is_left_out else line.chosen
        options = [Option(time.strftime(SLOT_FORMAT), short_moment(time, tz), time == chosen) for time in times]
        found.append(Session(number, _note(line, lost), options, is_lost=line.wished in lost and not line.is_as_wished))
    return found


def _note(line: Line, lost: Mapping[Wall, str]) -> str:
    if line.is_as_wished or line.is_left_out:
        return ""
    when = f"{clinic_date(date.fromordinal(day_of(line.wished)), inside=True)}, {write_time(minute_of(line.wished))}"
    code = lost.get(line.wished, "")
    if code == "appointment.slot_taken":
        return str(_("%(when)s has just been taken. This is the nearest free time of that week.", when=when))
    if code:
        return str(_("There is already a visit on %(when)s. This is the nearest free time of that week.", when=when))
    return str(_("%(when)s is not free. This is the nearest free time of that week.", when=when))


def _nothing(line: Line, lost: Mapping[Wall, str]) -> str:
    week = clinic_date(monday_of(line.wished), inside=True)
    if line.wished in lost:
        return str(_("Nothing else is free in the week of %(day)s: this session is left out.", day=week))
    return str(_("Nothing is free in the week of %(day)s.", day=week))
