"""Booking several sessions: what is wished, the plan, check, booked. All of it stands in the address until it is booked."""

from collections.abc import Sequence
from datetime import datetime

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from clinic_portal.booking.forms import SeriesForm
from clinic_portal.booking.routes import series_plan
from clinic_portal.booking.routes.common import Way, blueprint, bookable_people, hold_key, parse_uuid, way_so_far
from clinic_portal.booking.routes.series_way import SeriesWay, series_form, series_way
from clinic_portal.booking.routes.stages import Question, stage
from clinic_portal.booking.steps.series import SeriesChoice
from clinic_portal.booking.use_cases.book_series import book_series
from clinic_portal.core.ids import SeriesId
from clinic_portal.dependents.queries import PersonFacts
from clinic_portal.web.access import Right, current_actor, require_actor, right
from clinic_portal.web.database import clock, db_session
from clinic_portal.web.limits import limited

TRIES = "60 per minute"


@blueprint.get("/book/<service>/series")
@right(Right.PUBLIC)
def wish_series(service: str) -> ResponseReturnValue:
    """Ask how many sessions, how often, when, with whom and where."""
    return series_plan.wish_page(*_wish(service))


@blueprint.get("/book/<service>/series/plan")
@right(Right.PUBLIC)
@limited(TRIES)
def plan_series(service: str) -> ResponseReturnValue:
    """Propose a plan, one line a session."""
    way, form = _wish(service)
    wished = series_way(way, form)
    return series_plan.plan_page(wished) if wished else series_plan.ask_again(way, form)


@blueprint.get("/book/<service>/series/check")
@right(Right.PUBLIC)
@limited(TRIES)
def check_series(service: str) -> ResponseReturnValue:
    """Check the answers before booking; a visitor is asked to sign in first, and comes back to this address."""
    way, form = _wish(service)
    wished = series_way(way, form)
    return series_plan.check_times(wished, _booking()) if wished else series_plan.ask_again(way, form)


@blueprint.post("/book/<service>/series/check", endpoint="book_series")
@right(Right.PATIENT)
@limited("40 per minute")
def book_all(service: str) -> ResponseReturnValue:
    """Book all of the chosen sessions, or none."""
    way, form = _wish(service)
    wished = series_way(way, form)
    if wished is None:
        return series_plan.ask_again(way, form)
    if series_plan.chosen(wished) is None:
        return redirect(wished.link("plan_series"), 303)
    person = _person(wished)
    if person is None:
        return _check_page(wished, series_plan.times_of(wished), status=422)
    return series_plan.book_times(wished, person.patient_id, _booking())


def _wish(service: str) -> tuple[Way, SeriesForm]:
    way = way_so_far(service)
    return way, series_form(way, SeriesForm)


def _booking() -> series_plan.Booking:
    people = [person.patient_id for person in bookable_people()]
    return series_plan.Booking(_check_page, _book, lambda id_: url_for("booking.booked_series", series_id=id_), people)


def _book(choice: SeriesChoice) -> SeriesId:
    return book_series(db_session(), clock(), choice=choice, actor=require_actor(), hold_key=hold_key())


def _person(wished: SeriesWay) -> PersonFacts | None:
    """Return whom it is for: as the form says, as chosen on the way, or the only one for whom this account books."""
    people = bookable_people()
    said = parse_uuid(request.form.get("patient"))
    if said is not None:
        return next((person for person in people if person.patient_id == said), None)
    return wished.way.person or (people[0] if len(people) == 1 else None)


def _check_page(wished: SeriesWay, times: Sequence[datetime], *, status: int = 200) -> Response:
    people = bookable_people()
    return series_plan.check_page(
        "booking/check_series.html",
        wished,
        times,
        status=status,
        people=people,
        person=_person(wished),
        chosen=people[0] if people else None,
        unchosen=status == 422,
        is_visitor=current_actor() is None,
        stage=stage(Question.CHECK, wished.way, is_series=True),
    )
