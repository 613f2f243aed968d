"""When practitioners work: weekly hours, extra hours, absences. An administrator everybody's, a practitioner their own."""

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from functools import partial
from uuid import UUID

from flask import url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from wtforms import Field
from wtforms.fields.choices import SelectChoice

from clinic_portal.admin.forms_hours import EndForm, ExtraForm, StretchForm, WeeklyForm
from clinic_portal.admin.hours import Place, Plan, hours_at, places_to_work, read_people, read_plan, value_of
from clinic_portal.admin.routes.pages import blueprint
from clinic_portal.admin.routes.stranded import carry_out
from clinic_portal.booking.queries.stranded import visits_outside_hours
from clinic_portal.booking.steps.stranding import Answers, Settled
from clinic_portal.booking.use_cases import change_hours as changing
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import ExtraHoursId, PractitionerId, WeeklyHoursId
from clinic_portal.core.modes import Mode
from clinic_portal.core.typed import write_time
from clinic_portal.core.wording import day_in_words, weekday_in_words
from clinic_portal.practitioners.queries import HoursFacts, HoursRow, find_practitioner_of, practitioner_to_plan
from clinic_portal.practitioners.steps import (
    AddExtra,
    AddWeekly,
    ChangeWeekly,
    EndWeekly,
    PractitionerChange,
    RemoveExtra,
)
from clinic_portal.web.access import Right, require_actor, right
from clinic_portal.web.database import clock, db_session
from clinic_portal.web.filters import local_text
from clinic_portal.web.i18n import current_language
from clinic_portal.web.pages import render_page, see_other

PERSON = "/hours/<uuid:practitioner_id>"
WEEKLY = f"{PERSON}/weekly/<uuid:hours_id>"


@blueprint.get("/admin/hours")
@right(Right.ADMIN)
def practitioners() -> ResponseReturnValue:
    """List everybody who works here."""
    people = read_people(db_session(), today=clock().now().date())
    outside = visits_outside_hours(db_session(), clock(), actor=require_actor())
    return render_page(
        "admin/practitioners.html", people=people, outside=len([one for one in outside if not one.answer])
    )


@blueprint.get("/own/hours")
@right(Right.HOURS)
def own_hours() -> ResponseReturnValue:
    """Lead to one's own hours; an administrator who treats nobody is led to everybody's."""
    account_id = require_actor().account_id
    own = find_practitioner_of(db_session(), account_id) if account_id else None
    if own is None:
        return see_other(url_for("admin.practitioners"))
    return see_other(url_for("admin.hours", practitioner_id=own.id))


@blueprint.get(PERSON)
@right(Right.HOURS)
def hours(practitioner_id: UUID) -> ResponseReturnValue:
    """Show somebody's weekly hours, extra hours and absences."""
    plan = plan_of(practitioner_id)
    outside = visits_outside_hours(db_session(), clock(), actor=require_actor(), practitioner_id=plan.practitioner.id)
    mine = [one for one in outside if not one.answer]
    return render_page("admin/hours.html", plan=plan, at=write_time, weekday=weekday_words, outside=len(mine))


@blueprint.route(f"{PERSON}/weekly/add", methods=["GET", "POST"])
@right(Right.HOURS)
def add_weekly(practitioner_id: UUID) -> ResponseReturnValue:
    """Add hours of a weekday."""
    plan = plan_of(practitioner_id)
    form = WeeklyForm(data={"valid_from": plan.today.isoformat(), "weekday": 0, "where": usual_place(plan)})
    places = offer_places(form)
    if not (form.validate_on_submit() and _is_to_come(form.valid_from, plan.today)):
        return _form("admin/weekly.html", plan, form, title=_("Add weekly hours"))
    wanted = _weekly_hours(plan, form, places)
    again = partial(_form, "admin/weekly.html", plan, form, title=_("Add weekly hours"))
    return attempt(plan, AddWeekly(wanted), form, what=words_of(wanted), again=again)


@blueprint.route(WEEKLY, methods=["GET", "POST"])
@right(Right.HOURS)
def change_weekly(practitioner_id: UUID, hours_id: UUID) -> ResponseReturnValue:
    """Change weekly hours from a day on."""
    plan = plan_of(practitioner_id)
    row = _row(plan, hours_id)
    form = WeeklyForm(data=_typed(row.hours, plan.today))
    places, title = offer_places(form), _("Change %(hours)s", hours=words_of(row.hours))
    again = partial(_form, "admin/weekly.html", plan, form, title=title, row=row)
    if not (form.validate_on_submit() and _is_to_come(form.valid_from, plan.today)):
        return again()
    wanted = _weekly_hours(plan, form, places)
    change = ChangeWeekly(WeeklyHoursId(row.id), wanted)
    return attempt(plan, change, form, what=words_of(wanted), again=again)


@blueprint.route(f"{WEEKLY}/end", methods=["GET", "POST"])
@right(Right.HOURS)
def end_weekly(practitioner_id: UUID, hours_id: UUID) -> ResponseReturnValue:
    """Say which day is the last one with these hours."""
    plan = plan_of(practitioner_id)
    row = _row(plan, hours_id)
    form = EndForm(data={"last_day": plan.today.isoformat()})
    title = _("End %(hours)s", hours=words_of(row.hours))
    again = partial(_form, "admin/end_weekly.html", plan, form, title=title, row=row)
    yesterday = plan.today - timedelta(days=1)
    if not (form.validate_on_submit() and _is_to_come(form.last_day, yesterday) and _is_sooner(form.last_day, row)):
        return again()
    change = EndWeekly(plan.practitioner.id, WeeklyHoursId(row.id), form.last_day.value)
    return attempt(plan, change, form, what=title, again=again)


@blueprint.route(f"{PERSON}/extra/add", methods=["GET", "POST"])
@right(Right.HOURS)
def add_extra(practitioner_id: UUID) -> ResponseReturnValue:
    """Add hours of one day."""
    plan = plan_of(practitioner_id)
    form = ExtraForm(data={"where": usual_place(plan)})
    places = offer_places(form)
    again = partial(_form, "admin/extra.html", plan, form, title=_("Add extra hours"))
    if not (form.validate_on_submit() and _is_to_come(form.day, plan.today)):
        return again()
    day: date = form.day.value
    at = (form.starts.value, form.ends.value)
    wanted = hours_at(places[form.where.data], plan.practitioner.id, weekday=day.weekday(), at=at, days=(day, day))
    return attempt(plan, AddExtra(wanted), form, what=words_of(wanted, day=day), again=again)


@blueprint.post(f"{PERSON}/extra/<uuid:extra_id>/remove")
@right(Right.HOURS)
def remove_extra(practitioner_id: UUID, extra_id: UUID) -> ResponseReturnValue:
    """Take extra hours back."""
    plan = plan_of(practitioner_id)
    change = RemoveExtra(plan.practitioner.id, ExtraHoursId(extra_id))
    return carry_out(partial(run_change, change), what=_("No extra hours"), fields={}, back=page_of(plan))


def plan_of(practitioner_id: UUID) -> Plan:
    """Return the hours of the address. Raises: NotFound when they are a colleague's."""
    person = practitioner_to_plan(db_session(), PractitionerId(practitioner_id), actor=require_actor())
    return read_plan(db_session(), person, now=clock().now())


def page_of(plan: Plan) -> str:
    """Return the address of somebody's hours."""
    return url_for("admin.hours", practitioner_id=plan.practitioner.id)


def offer_places(form: StretchForm) -> dict[str, Place]:
    """Give the form its choices; returns the places by what the form sends."""
    places = {place.value: place for place in places_to_work(db_session())}
    form.where.choices = [SelectChoice(value, place_words(place)) for value, place in places.items()]
    if isinstance(form, WeeklyForm):
        form.weekday.choices = [SelectChoice(day, weekday_words(day)) for day in range(7)]
    return places


def usual_place(plan: Plan) -> str:
    """Return where they work first in the week, as the form sends it."""
    return next((value_of(row.hours) for row in plan.timetable.weekly), "")


def place_words(place: Place) -> str:
    """Return a place in words: "Lisbon, room 2", "Lisbon, any free room", "Lisbon, online"."""
    if place.room:
        where = _("room %(name)s", name=place.room.name)
    else:
        where = _("online") if place.mode is Mode.ONLINE else _("any free room")
    return f"{local_text(place.facility.names)}, {where}"


def weekday_words(weekday: int) -> str:
    """Return the weekday in the language of whoever looks."""
    return weekday_in_words(weekday, current_language())


def words_of(hours: HoursFacts, *, day: date | None = None) -> str:
    """Return hours in words: "Monday 09:00–13:00"."""
    when = day_in_words(day, "UTC", current_language()) if day else weekday_words(hours.weekday)
    return f"{when} {write_time(hours.starts_minute)}–{write_time(hours.ends_minute)}"


def run_change(change: PractitionerChange, answers: Answers) -> Settled:
    """Call the use case."""
    return changing.change_hours(db_session(), clock(), change=change, answers=answers, actor=require_actor())


def attempt(
    plan: Plan,
    change: PractitionerChange,
    form: StretchForm | EndForm,
    *,
    what: str,
    again: Callable[..., ResponseReturnValue],
) -> ResponseReturnValue:
    """Make the change; hours that are in the way are named beside the field."""
    try:
        return carry_out(partial(run_change, change), what=what, fields=sent_fields(form), back=page_of(plan))
    except Conflict as refused:
        if refused.code == "weekly_hours.room_taken":
            form.where.errors = [_room_taken(refused)]
        elif refused.code in {"weekly_hours.overlap", "extra_hours.overlap"}:
            form.starts.errors = [_overlap(refused)]
        else:
            raise
    return again(status=422)


def sent_fields(form: Iterable[Field]) -> dict[str, str]:
    """Return what a form sent, so that the page that asks about visits can send it again."""
    return {one.name: "" if one.data is None else str(one.data) for one in form}


def _room_taken(refused: Conflict) -> str:
    other = refused.values["other"]
    assert isinstance(other, HoursFacts)  # noqa: S101 - what the step puts there
    return str(_("%(who)s has this room then: %(hours)s", who=refused.values["who"], hours=words_of(other)))


def _overlap(refused: Conflict) -> str:
    other = refused.values.get("other")
    if not isinstance(other, HoursFacts):
        return str(_("There are other hours at this time"))
    return str(_("There are other hours at this time: %(hours)s", hours=words_of(other)))


def _weekly_hours(plan: Plan, form: WeeklyForm, places: dict[str, Place]) -> HoursFacts:
    at = (form.starts.value, form.ends.value)
    days = (form.valid_from.value, form.valid_until.value)
    place = places[form.where.data]
    return hours_at(place, plan.practitioner.id, weekday=form.weekday.data, at=at, days=days)


def _typed(row: HoursFacts, today: date) -> dict[str, object]:
    return {
        "weekday": row.weekday,
        "starts": write_time(row.starts_minute),
        "ends": write_time(row.ends_minute),
        "where": value_of(row),
        "valid_from": max(today, row.valid_from).isoformat(),
        "valid_until": row.valid_until.isoformat() if row.valid_until else "",
    }


def _row(plan: Plan, hours_id: UUID) -> HoursRow:
    found = [row for row in plan.timetable.weekly if row.id == hours_id]
    if not found:
        raise NotFound
    return found[0]


def _is_to_come(field: Field, first: date) -> bool:
    """Whether the field's day is not before `first`; if it is, the field says so."""
    value: date = field.value
    if value < first:
        field.errors = [
            _(
                "This day is over. Choose %(day)s or later",
                day=day_in_words(first, "UTC", current_language(), inside=True),
            )
        ]
        return False
    return True


def _is_sooner(field: Field, row: HoursRow) -> bool:
    """Whether the field's day is not after the end that the hours have already; if it is, the field says so."""
    until = row.hours.valid_until
    if until is not None and field.value > until:
        last = day_in_words(until, "UTC", current_language(), inside=True)
        field.errors = [_("These hours end on %(day)s already. To have them go on, change them", day=last)]
        return False
    return True


def _form(
    template: str, plan: Plan, form: object, *, title: str, status: int | None = None, row: HoursRow | None = None
) -> ResponseReturnValue:
    if status is None:
        status = 422 if getattr(form, "errors", None) else 200
    return render_page(template, status=status, plan=plan, form=form, title=title, row=row, back=page_of(plan))
