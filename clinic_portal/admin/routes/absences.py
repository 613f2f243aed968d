"""When practitioners are away."""

from datetime import datetime
from functools import partial
from uuid import UUID

from flask import url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from clinic_portal.admin.forms_hours import AbsenceForm
from clinic_portal.admin.hours import Plan, absence_instants
from clinic_portal.admin.routes.hours import PERSON, page_of, plan_of, run_change, sent_fields
from clinic_portal.admin.routes.pages import blueprint
from clinic_portal.admin.routes.stranded import carry_out
from clinic_portal.core.ids import AbsenceId
from clinic_portal.practitioners.steps import AddAbsence, RemoveAbsence
from clinic_portal.web.access import Right, right
from clinic_portal.web.database import clock
from clinic_portal.web.filters import clinic_date, clinic_time
from clinic_portal.web.pages import render_page


@blueprint.route(f"{PERSON}/absences/add", methods=["GET", "POST"])
@right(Right.HOURS)
def add_absence(practitioner_id: UUID) -> ResponseReturnValue:
    """Add an absence of whole days, or of a part of them."""
    plan, form = plan_of(practitioner_id), AbsenceForm()
    if not form.validate_on_submit():
        return _form(plan, form)
    first, last = form.first_day.value, form.last_day.value or form.first_day.value
    starts_at, ends_at = absence_instants(plan, first, last, form.starts.value, form.ends.value)
    if ends_at <= clock().now():
        form.first_day.errors = [_("This time is over")]
        return _form(plan, form)
    if ends_at <= starts_at:
        form.ends.errors = [_("The end must be after the start")]
        return _form(plan, form)
    change = AddAbsence(plan.practitioner.id, starts_at, ends_at, form.reason.value)
    what = _("Away (%(when)s)", when=_in_words(plan, starts_at, ends_at))
    return carry_out(partial(run_change, change), what=what, fields=sent_fields(form), back=page_of(plan))


@blueprint.post(f"{PERSON}/absences/<uuid:absence_id>/remove")
@right(Right.HOURS)
def remove_absence(practitioner_id: UUID, absence_id: UUID) -> ResponseReturnValue:
    """Take an absence back."""
    plan = plan_of(practitioner_id)
    change = RemoveAbsence(plan.practitioner.id, AbsenceId(absence_id))
    return carry_out(partial(run_change, change), what=_("Not away after all"), fields={}, back=page_of(plan))


def _in_words(plan: Plan, starts_at: datetime, ends_at: datetime) -> str:
    """Return when somebody is away: a day, hours of a day, or from one day to another."""
    first, last = (
        clinic_date(day, plan.tz, inside=True) for day in (plan.first_day(starts_at), plan.last_day(ends_at))
    )
    if plan.is_whole(starts_at, ends_at):
        return first if first == last else f"{first} – {last}"
    start, end = clinic_time(starts_at, plan.tz), clinic_time(ends_at, plan.tz)
    return f"{first}, {start}–{end}" if first == last else f"{first}, {start} – {last}, {end}"


def _form(plan: Plan, form: AbsenceForm) -> ResponseReturnValue:
    place = next((place for place in plan.places.values() if place.tz == plan.tz), None)
    status = 422 if form.errors else 200
    back = url_for("admin.hours", practitioner_id=plan.practitioner.id)
    return render_page(
        "admin/absence.html", status=status, plan=plan, form=form, title=_("Add an absence"), place=place, back=back
    )
