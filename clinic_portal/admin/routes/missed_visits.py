"""What follows from missed visits."""

from flask import flash, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from clinic_portal.admin.fields import written
from clinic_portal.admin.forms import MissedRuleForm
from clinic_portal.admin.routes.pages import blueprint
from clinic_portal.booking.queries.missed import MissedRule, missed_rule
from clinic_portal.booking.use_cases.change_missed_rule import change_missed_rule
from clinic_portal.web.access import Right, require_actor, right
from clinic_portal.web.database import clock, db_session
from clinic_portal.web.pages import render_page, see_other


@blueprint.route("/admin/missed-visits", methods=["GET", "POST"])
@right(Right.ADMIN)
def missed_visits() -> ResponseReturnValue:
    """Show and change after how many missed visits a patient books by phone only."""
    db = db_session()
    now = missed_rule(db)
    form = MissedRuleForm(noshow_limit=written(now.limit), noshow_days=written(now.days))
    if form.validate_on_submit():
        rule = MissedRule(form.noshow_limit.value, form.noshow_days.value)
        change_missed_rule(db, clock(), actor=require_actor(), rule=rule)
        flash(_("Saved. It holds for the next booking."))
        return see_other(url_for("admin.missed_visits"))
    return render_page("admin/missed_visits.html", status=422 if form.errors else 200, form=form, rule=now)
