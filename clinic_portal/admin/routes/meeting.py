"""Where a practitioner meets patients online. An administrator says it for everybody, a practitioner for themselves."""

from uuid import UUID

from flask import flash
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from clinic_portal.admin.forms_hours import MeetingForm
from clinic_portal.admin.routes.hours import PERSON, page_of, plan_of
from clinic_portal.admin.routes.pages import blueprint
from clinic_portal.practitioners.use_cases.change_meeting_url import change_meeting_url
from clinic_portal.web.access import Right, require_actor, right
from clinic_portal.web.database import clock, db_session
from clinic_portal.web.pages import render_page, see_other


@blueprint.route(f"{PERSON}/meeting", methods=["GET", "POST"])
@right(Right.HOURS)
def meeting(practitioner_id: UUID) -> ResponseReturnValue:
    """Write down the address, or that they phone."""
    plan = plan_of(practitioner_id)
    form = MeetingForm(data={"meeting_url": plan.practitioner.meeting_url or ""})
    if form.validate_on_submit():
        change_meeting_url(
            db_session(), clock(), practitioner_id=plan.practitioner.id, meeting_url=form.meeting_url.data or None,
            actor=require_actor(),
        )  # fmt: skip
        flash(_("Saved"))
        return see_other(page_of(plan))
    status = 422 if form.errors else 200
    return render_page("admin/meeting.html", status=status, plan=plan, form=form, back=page_of(plan))
