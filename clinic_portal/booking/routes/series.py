"""Booking several sessions: what is wished, the plan, check, booked. All of it stands in the address until it is booked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from clinic_portal.booking.forms import SeriesForm
from clinic_portal.booking.queries.openings import Openings
from clinic_portal.booking.queries.series import same_series
from clinic_portal.booking.routes.common import Way, blueprint, bookable_people, hold_key, parse_uuid, stage
from clinic_portal.booking.routes.series_way import SeriesWay, chosen_times, pattern_in_words, series_form, series_way
from clinic_portal.booking.routes.times_shown import SLOT_FORMAT
from clinic_portal.booking.rules.series import Line, Wall, day_of, minute_of, monday_of, replan, wall_of
from clinic_portal.booking.steps.series import TIMES_LOST, SeriesChoice
from clinic_portal.booking.use_cases.book_series import book_series
from clinic_portal.core.clock import local_day
from clinic_portal.core.errors import Conflict
from clinic_portal.core.ids import FacilityId, PractitionerId, SeriesId, ServiceId
from clinic_portal.core.money import Money
from clinic_portal.dependents.queries import PersonFacts
from clinic_portal.web.access import Right, current_actor, require_actor, right
from clinic_portal.web.database import clock, db_session
from clinic_portal.web.filters import clinic_date, clinic_datetime
from clinic_portal.web.limits import limiter
from clinic_portal.web.pages import render_page, see_other

TRIES = "60 per minute"
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


@blueprint.get("/book/<service>/series")
@right(Right.PUBLIC)
def wish_series(service: str) -> ResponseReturnValue:
    """Ask how many sessions, how often, when, with whom and where."""
    return _wish_page(*series_form(service))


@blueprint.get("/book/<service>/series/plan")
@right(Right.PUBLIC)
@limiter.limit(TRIES)
def plan_series(service: str) -> ResponseReturnValue:
    """Propose a plan, one line a session."""
    way, form = series_form(service)
    wished = series_way(way, form)
    return _plan_page(wished) if wished else _ask_again(way, form)


@blueprint.get("/book/<service>/series/check")
@right(Right.PUBLIC)
@limiter.limit(TRIES)
def check_series(service: str) -> ResponseReturnValue:
    """Check the answers before booking; a visitor is asked to sign in first, and comes back to this address."""
    way, form = series_form(service)
    wished = series_way(way, form)
    if wished is None:
        return _ask_again(way, form)
    times = chosen_times(wished.way.service.rules.series_max or 0)
    if wished.way.practitioner is None or not times:
        return _plan_page(wished, is_empty=not times)
    lost = _openings(wished, times).refusals(wished.way.practitioner.id, times)
    if not lost:
        return _check_page(wished, times)
    booked = _booked_before(wished.way.service.id, wished.way.practitioner.id, times)
    if booked is not None:
        return redirect(url_for("booking.booked_series", series_id=booked), 303)
    return _lost_page(wished, times, lost)


@blueprint.post("/book/<service>/series/check", endpoint="book_series")
@right(Right.PATIENT)
@limiter.limit("40 per minute")
def book_all(service: str) -> ResponseReturnValue:
    """Book all of the chosen sessions, or none: then the plan is shown again, with what was lost marked."""
    wished = series_way(*series_form(service))
    times = chosen_times(wished.way.service.rules.series_max or 0) if wished else ()
    if wished is None or wished.way.practitioner is None or not times:
        return redirect(url_for("booking.wish_series", service=service), 303)
    person = _person(wished)
    if person is None:
        return _check_page(wished, times, status=422)
    choice = SeriesChoice(
        wished.way.service.id, FacilityId(wished.facility.id), wished.way.practitioner.id, person.patient_id, times,
        wished.per_week, wished.way.mode,
    )  # fmt: skip
    return _book(wished, choice)


def _book(wished: SeriesWay, choice: SeriesChoice) -> ResponseReturnValue:
    try:
        series_id = book_series(db_session(), clock(), choice=choice, actor=require_actor(), hold_key=hold_key())
    except Conflict as refusal:
        lost = refusal.values.get("lost")
        if refusal.code != TIMES_LOST or not isinstance(lost, Mapping):
            raise
        return _lost_page(wished, choice.starts, lost)
    return see_other(url_for("booking.booked_series", series_id=series_id))


def _booked_before(
    service_id: ServiceId, practitioner_id: PractitionerId, times: Sequence[datetime]
) -> SeriesId | None:
    """Return the series of these very sessions, for somebody who goes back after booking it: nobody else took them."""
    for person in bookable_people():
        found = same_series(
            db_session(), patient_id=person.patient_id, practitioner_id=practitioner_id, service_id=service_id,
            starts=times,
        )  # fmt: skip
        if found is not None:
            return found
    return None


def _person(wished: SeriesWay) -> PersonFacts | None:
    """Return whom it is for: as the form says, as chosen on the way, or the only one for whom this account books."""
    people = bookable_people()
    said = parse_uuid(request.form.get("patient"))
    if said is not None:
        return next((person for person in people if person.patient_id == said), None)
    return wished.way.person or (people[0] if len(people) == 1 else None)


def _openings(wished: SeriesWay, times: Sequence[datetime]) -> Openings:
    """What is offered in the weeks of these times."""
    first, last = local_day(min(times), wished.facility.tz), local_day(max(times), wished.facility.tz)
    return wished.openings(from_day=first - A_WEEK, to_day=last + A_WEEK)


def _ask_again(way: Way, form: SeriesForm) -> ResponseReturnValue:
    """Answer a wish that is none: when nothing was wished yet, the page that asks; else the same with its errors."""
    if "count" not in request.args:
        return redirect(way.link("wish_series"), 303)
    return _wish_page(way, form, status=422)


def _wish_page(way: Way, form: SeriesForm, *, status: int = 200) -> Response:
    return render_page("booking/wish_series.html", status=status, way=way, form=form, stage=stage("time"))


def _plan_page(wished: SeriesWay, *, is_empty: bool = False) -> Response:
    found = wished.plan()
    if found is None:
        return _sessions_page(wished, (), Remarks())
    who, plan, openings = found
    remarks = Remarks(
        pattern=pattern_in_words(plan),
        is_proposed=wished.way.practitioner is None,
        is_relaxed=plan.is_relaxed,
        is_empty=is_empty,
        missing=plan.missing,
        last_day=clinic_date(openings.last_day, inside=True),
    )
    sessions = session_lines(plan.lines, openings.tz, {})
    return _sessions_page(wished.with_one(who), sessions, remarks, status=422 if is_empty else 200)


def _lost_page(wished: SeriesWay, times: Sequence[datetime], lost: Mapping[datetime, str]) -> Response:
    """Show the plan again: what was lost is marked and has the nearest time instead, everything else is kept."""
    openings = _openings(wished, times)
    who = wished.way.practitioner
    lines = replan(
        [wall_of(start, openings.tz) for start in times], _still_free(openings, who.id, times, lost) if who else {}
    )
    codes = {wall_of(start, openings.tz): code for start, code in lost.items()}
    return _sessions_page(wished, session_lines(lines, openings.tz, codes), Remarks(lost=len(lost)), status=409)


def _still_free(
    openings: Openings, who: PractitionerId, times: Sequence[datetime], lost: Mapping[datetime, str]
) -> dict[Wall, datetime]:
    # A chosen time may have slipped off the grid that is offered now, and is free all the same.
    free = openings.walls(who) | {wall_of(start, openings.tz): start for start in times}
    gone = {*lost, *openings.refusals(who, times)}
    return {wall: start for wall, start in free.items() if start not in gone}


def _sessions_page(wished: SeriesWay, sessions: Sequence[Session], remarks: Remarks, *, status: int = 200) -> Response:
    return render_page(
        "booking/plan_series.html", status=status, way=wished.way, wished=wished, sessions=sessions, remarks=remarks,
        count=sum(session.number > 0 for session in sessions) or wished.wanted, pattern=remarks.pattern,
        stage=stage("time"),
    )  # fmt: skip


def _check_page(wished: SeriesWay, times: Sequence[datetime], *, status: int = 200) -> Response:
    each, people = wished.way.service.price, bookable_people()
    return render_page(
        "booking/check_series.html",
        status=status,
        way=wished.way,
        wished=wished,
        times=times,
        total=Money(each.minor * len(times), each.currency),
        people=people,
        person=_person(wished),
        chosen=people[0] if people else None,
        here=wished.link("check_series", times),
        unchosen=status == 422,
        is_visitor=current_actor() is None,
        stage=stage("check" if current_actor() else "person"),
    )


def session_lines(lines: Sequence[Line], tz: str, lost: Mapping[Wall, str]) -> list[Session]:
    """Return the lines of a plan as a page shows them; `lost` says why which wished time is gone."""
    found: list[Session] = []
    number = 0
    for line in lines:
        if line.chosen is None:
            found.append(Session(0, _nothing(line, lost), is_lost=line.wished in lost))
            continue
        number += 1
        times = sorted({line.chosen, *line.others})
        options = [Option(time.strftime(SLOT_FORMAT), clinic_datetime(time, tz), time == line.chosen) for time in times]
        found.append(Session(number, _note(line, lost), options, is_lost=line.wished in lost))
    return found


def _note(line: Line, lost: Mapping[Wall, str]) -> str:
    if line.is_as_wished:
        return ""
    when = f"{clinic_date(date.fromordinal(day_of(line.wished)))}, {_clock(line.wished)}"
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


def _clock(wall: Wall) -> str:
    return f"{minute_of(wall) // 60:02}:{minute_of(wall) % 60:02}"
