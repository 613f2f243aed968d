"""How facilities offer times that come free to those who wait for one."""

from datetime import timedelta

from flask import flash, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from clinic_portal.admin.fields import minutes_of, number_and_unit
from clinic_portal.admin.forms_waiting import WaitingPolicyForm
from clinic_portal.admin.routes.pages import blueprint
from clinic_portal.booking.queries.waiting import waiting_rules
from clinic_portal.booking.rules import MANY_AT_ONCE, OfferMode, WaitingRules
from clinic_portal.booking.use_cases.change_waiting_policy import change_waiting_policy
from clinic_portal.facilities.queries import facility_by_slug, find_facilities
from clinic_portal.web.access import Right, require_actor, right
from clinic_portal.web.database import clock, db_session
from clinic_portal.web.filters import local_text
from clinic_portal.web.pages import render_page, see_other


@blueprint.get("/admin/waiting-list")
@right(Right.ADMIN)
def waiting_list() -> ResponseReturnValue:
    """List the facilities with how they offer times."""
    db = db_session()
    policies = [(facility, waiting_rules(db, facility.id)) for facility in find_facilities(db).values()]
    return render_page("admin/waiting_list.html", policies=policies, length=number_and_unit)


@blueprint.route("/admin/waiting-list/<place>", methods=["GET", "POST"])
@right(Right.ADMIN)
def waiting_policy(place: str) -> ResponseReturnValue:
    """Change how one facility offers times."""
    db = db_session()
    facility = facility_by_slug(db, place)
    form = WaitingPolicyForm(data=_typed(waiting_rules(db, facility.id)))
    if form.validate_on_submit():
        change_waiting_policy(db, clock(), facility_id=facility.id, rules=_rules(form), actor=require_actor())
        flash(_("Saved: the waiting list of %(place)s", place=local_text(facility.names)))
        return see_other(url_for("admin.waiting_list"))
    status = 422 if form.errors else 200
    return render_page("admin/waiting_policy.html", status=status, facility=facility, form=form, many=MANY_AT_ONCE)


def _typed(rules: WaitingRules) -> dict[str, str]:
    stop, stop_unit = number_and_unit(rules.stop_before)
    return {
        "mode": rules.mode.value,
        "stands": str(rules.stands // timedelta(minutes=1)),
        "stop": str(stop),
        "stop_unit": stop_unit,
    }


def _rules(form: WaitingPolicyForm) -> WaitingRules:
    return WaitingRules(
        mode=OfferMode(form.mode.data),
        stands=timedelta(minutes=form.stands.value),
        stop_before=minutes_of(form.stop.value, form.stop_unit.data),
    )
