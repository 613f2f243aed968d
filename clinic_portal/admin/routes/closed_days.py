"""On which days facilities are closed: public holidays, which an administrator may overrule, and days of their own."""

from datetime import date
from functools import partial

from flask import request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from clinic_portal.admin.forms_hours import ClosureForm
from clinic_portal.admin.routes.pages import blueprint
from clinic_portal.admin.routes.stranded import carry_out
from clinic_portal.booking.steps.stranding import Answers, Settled
from clinic_portal.booking.use_cases import change_opening as changing
from clinic_portal.core.clock import local_day
from clinic_portal.core.errors import NotFound
from clinic_portal.core.typed import read_day
from clinic_portal.core.wording import day_in_words
from clinic_portal.facilities.queries import FacilityFacts, facility_by_slug, find_facilities, year_of
from clinic_portal.facilities.steps import CloseDay, FacilityChange, KeepHolidays, OpenDay
from clinic_portal.web.access import Right, require_actor, right
from clinic_portal.web.database import clock, db_session
from clinic_portal.web.fields import FIRST_DAY, LAST_DAY
from clinic_portal.web.filters import local_text
from clinic_portal.web.i18n import current_language
from clinic_portal.web.pages import render_page, see_other

PLACE = "/admin/closed-days/<place>"
#: How many years ahead the calendar can be looked at.
YEARS_AHEAD = 2


@blueprint.get("/admin/closed-days")
@right(Right.ADMIN)
def closed_days() -> ResponseReturnValue:
    """Lead to the first facility's calendar."""
    places = list(find_facilities(db_session()).values())
    if not places:
        raise NotFound
    return see_other(url_for("admin.calendar", place=places[0].slug))


@blueprint.get(PLACE)
@right(Right.ADMIN)
def calendar(place: str) -> ResponseReturnValue:
    """Show a year's holidays and closed days."""
    return _page(facility_by_slug(db_session(), place), ClosureForm())


@blueprint.post(PLACE)
@right(Right.ADMIN)
def close_day(place: str) -> ResponseReturnValue:
    """Close the facility on a day, for a reason."""
    facility, form = facility_by_slug(db_session(), place), ClosureForm()
    if form.validate_on_submit() and form.day.value < _today(facility):
        form.day.errors = [_("This day is over")]
    if form.errors:
        return _page(facility, form, status=422)
    change = CloseDay(facility.id, form.day.value, form.reason.value)
    return _carry_out(facility, change, form.day.value, {"day": form.day.data, "reason": form.reason.data})


@blueprint.post(f"{PLACE}/open")
@right(Right.ADMIN)
def open_day(place: str) -> ResponseReturnValue:
    """Open the facility on a day that was closed, or on a public holiday."""
    facility = facility_by_slug(db_session(), place)
    day = _sent_day()
    return _carry_out(facility, OpenDay(facility.id, day), day, {"day": day.isoformat()})


@blueprint.post(f"{PLACE}/close")
@right(Right.ADMIN)
def close_holiday(place: str) -> ResponseReturnValue:
    """Close the facility again on a public holiday that was overruled."""
    facility = facility_by_slug(db_session(), place)
    day = _sent_day()
    return _carry_out(facility, CloseDay(facility.id, day), day, {"day": day.isoformat()})


@blueprint.post(f"{PLACE}/holidays")
@right(Right.ADMIN)
def keep_holidays(place: str) -> ResponseReturnValue:
    """Say whether the facility is closed on public holidays."""
    facility = facility_by_slug(db_session(), place)
    is_kept = request.form.get("keep", "") == "yes"
    what = _("Closed on public holidays") if is_kept else _("Open on public holidays")
    change = KeepHolidays(facility.id, is_kept)
    return carry_out(
        partial(_run, change), what=what, fields={"keep": "yes" if is_kept else "no"}, back=_address(facility)
    )


def _carry_out(
    facility: FacilityFacts, change: FacilityChange, day: date, fields: dict[str, str]
) -> ResponseReturnValue:
    words = {
        "day": day_in_words(day, facility.tz, current_language(), inside=True),
        "place": local_text(facility.names),
    }
    what = (
        _("%(place)s open on %(day)s", **words)
        if isinstance(change, OpenDay)
        else _("%(place)s closed on %(day)s", **words)
    )
    return carry_out(partial(_run, change), what=what, fields=fields, back=_address(facility, day.year))


def _run(change: FacilityChange, answers: Answers) -> Settled:
    return changing.change_opening(db_session(), clock(), change=change, answers=answers, actor=require_actor())


def _sent_day() -> date:
    day = read_day(request.form.get("day", ""))
    if day is None or not FIRST_DAY <= day <= LAST_DAY:
        raise NotFound
    return day


def _today(facility: FacilityFacts) -> date:
    return local_day(clock().now(), facility.tz)


def _address(facility: FacilityFacts, year: int | None = None) -> str:
    return url_for("admin.calendar", place=facility.slug, year=year)


def _page(facility: FacilityFacts, form: ClosureForm, status: int = 200) -> ResponseReturnValue:
    this_year = _today(facility).year
    years = [str(year) for year in range(this_year, this_year + YEARS_AHEAD + 1)]
    wanted = request.args.get("year", "")
    year = int(wanted) if wanted in years else this_year
    return render_page(
        "admin/closed_days.html",
        status=status,
        facility=facility,
        facilities=list(find_facilities(db_session()).values()),
        calendar=year_of(db_session(), facility.id, year, language=current_language()),
        years=range(this_year, this_year + YEARS_AHEAD + 1),
        today=_today(facility),
        form=form,
    )
