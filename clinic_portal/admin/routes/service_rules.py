"""What services ask of those who book them."""

from datetime import timedelta

from flask import flash, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from clinic_portal.admin.fields import minutes_of, number_and_unit
from clinic_portal.admin.forms_hours import RulesForm
from clinic_portal.admin.routes.pages import blueprint
from clinic_portal.booking.queries.unserved import waiting_by_mode
from clinic_portal.core.errors import NotFound
from clinic_portal.core.modes import Modes
from clinic_portal.facilities.queries import BookingRules, ServiceFacts, all_services
from clinic_portal.facilities.use_cases import change_service_rules as changing
from clinic_portal.web.access import Right, require_actor, right
from clinic_portal.web.database import clock, db_session
from clinic_portal.web.filters import local_text
from clinic_portal.web.pages import render_page, see_other


@blueprint.get("/admin/services")
@right(Right.ADMIN)
def services() -> ResponseReturnValue:
    """List the services with their rules."""
    return render_page("admin/services.html", services=all_services(db_session()), length=number_and_unit)


@blueprint.route("/admin/services/<service>", methods=["GET", "POST"])
@right(Right.ADMIN)
def service_rules(service: str) -> ResponseReturnValue:
    """Change the rules of one service."""
    found = next((one for one in all_services(db_session()) if one.slug == service), None)
    if found is None:
        raise NotFound
    form = RulesForm(data=_typed(found.rules))
    if not form.validate_on_submit():
        return _page(found, form)
    changing.change_service_rules(db_session(), clock(), service_id=found.id, rules=_rules(form), actor=require_actor())
    flash(_("Saved: the booking rules of %(service)s", service=local_text(found.names)))
    return see_other(url_for("admin.services"))


def _page(service: ServiceFacts, form: RulesForm) -> ResponseReturnValue:
    waiting = waiting_by_mode(db_session(), service.id)
    status = 422 if form.errors else 200
    return render_page("admin/service_rules.html", status=status, service=service, form=form, waiting=waiting)


def _typed(rules: BookingRules) -> dict[str, str]:
    notice, notice_unit = number_and_unit(rules.notice)
    cutoff, cutoff_unit = number_and_unit(rules.change_cutoff)
    return {
        "modes": rules.modes.value,
        "before": str(int(rules.before.total_seconds() // 60)),
        "after": str(int(rules.after.total_seconds() // 60)),
        "notice": str(notice),
        "notice_unit": notice_unit,
        "horizon": str(rules.horizon_days),
        "cutoff": str(cutoff),
        "cutoff_unit": cutoff_unit,
        "per_day": str(rules.visits_per_day or ""),
        "series": str(rules.series_max or ""),
    }


def _rules(form: RulesForm) -> BookingRules:
    return BookingRules(
        before=timedelta(minutes=form.before.value),
        after=timedelta(minutes=form.after.value),
        notice=minutes_of(form.notice.value, form.notice_unit.data),
        horizon_days=form.horizon.value,
        change_cutoff=minutes_of(form.cutoff.value, form.cutoff_unit.data),
        visits_per_day=form.per_day.value,
        series_max=form.series.value,
        modes=Modes(form.modes.data),
    )
