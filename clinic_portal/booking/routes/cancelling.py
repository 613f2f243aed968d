"""Giving a visit back."""

from uuid import UUID

from flask import redirect, url_for
from flask.typing import ResponseReturnValue

from clinic_portal.booking.forms import CancelForm
from clinic_portal.booking.queries import visit_of
from clinic_portal.booking.routes.common import blueprint
from clinic_portal.booking.routes.linked import cancel_page, is_changed
from clinic_portal.booking.routes.too_late import too_late_page
from clinic_portal.booking.use_cases.cancel_appointment import cancel_appointment as give_back
from clinic_portal.core.ids import AppointmentId
from clinic_portal.web.access import Right, require_actor, right
from clinic_portal.web.database import clock, db_session
from clinic_portal.web.pages import see_other


@blueprint.route("/visits/<uuid:appointment_id>/cancel", methods=["GET", "POST"])
@right(Right.PATIENT)
def cancel_appointment(appointment_id: UUID) -> ResponseReturnValue:
    """Ask why, then cancel. Opening the page changes nothing."""
    db, time, actor, id_ = db_session(), clock(), require_actor(), AppointmentId(appointment_id)
    found, form = visit_of(db, time, id_, actor=actor), CancelForm()
    back = url_for("booking.visit", appointment_id=appointment_id)
    verdict = found.judge_change(time.now())
    if verdict.code == "appointment.too_late_to_change":
        return too_late_page(found, back=back)
    if form.validate_on_submit() and not (verdict.allowed and is_changed(found)):
        give_back(db, time, appointment_id=id_, actor=actor, reason=form.said)
        return see_other(back)
    if not verdict.allowed:
        return redirect(back, 303)
    return cancel_page(found, form, back=back)
