"""The pages behind the link in a message: when and where, and what can be done, without signing in.

Opening one changes nothing, so whatever looks at links before people do (mail scanners, previews) changes nothing either.
"""

from flask import make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from clinic_portal.booking.forms import CancelForm
from clinic_portal.booking.links import reference_of_link
from clinic_portal.booking.queries import VisitFacts
from clinic_portal.booking.queries.recipients import recipient_of
from clinic_portal.booking.queries.reminders import Channel
from clinic_portal.booking.queries.visits import LinkHolder, visit_by_reference
from clinic_portal.booking.routes.common import blueprint
from clinic_portal.booking.routes.too_late import too_late_page
from clinic_portal.booking.use_cases.cancel_appointment import cancel_appointment
from clinic_portal.booking.use_cases.confirm_attendance import confirm_attendance
from clinic_portal.booking.use_cases.turn_reminders import turn_reminders
from clinic_portal.core.errors import NotFound
from clinic_portal.web.access import Right, right
from clinic_portal.web.database import clock, db_session, settings
from clinic_portal.web.limits import limited
from clinic_portal.web.pages import render_page, see_other

LINK = "/v/<visit_code>"
TRIES = "60 per minute"


@blueprint.get(LINK)
@right(Right.PUBLIC)
@limited(TRIES)
def linked_visit(visit_code: str) -> ResponseReturnValue:
    """Show when and where, and the buttons; of a visit that is over, only that it is."""
    return _page(visit_of_link(visit_code), visit_code)


@blueprint.post(f"{LINK}/coming")
@right(Right.PUBLIC)
@limited(TRIES)
def come_by_link(visit_code: str) -> ResponseReturnValue:
    """Say "I'm coming"."""
    found = visit_of_link(visit_code)
    if is_changed(found):
        return _page(found, visit_code, status=409)
    id_ = found.appointment.id
    confirm_attendance(db_session(), clock(), appointment_id=id_, actor=LinkHolder(id_))
    return see_other(url_for("booking.linked_visit", visit_code=visit_code))


@blueprint.route(f"{LINK}/cancel", methods=["GET", "POST"])
@right(Right.PUBLIC)
@limited(TRIES)
def cancel_by_link(visit_code: str) -> ResponseReturnValue:
    """Ask why, then cancel."""
    found, form = visit_of_link(visit_code), CancelForm()
    here, now = url_for("booking.linked_visit", visit_code=visit_code), clock().now()
    verdict = found.judge_change(now)
    if verdict.code == "appointment.too_late_to_change":
        return unlisted(too_late_page(found, back=here))
    if form.validate_on_submit() and not (verdict.allowed and is_changed(found)):
        id_ = found.appointment.id
        cancel_appointment(db_session(), clock(), appointment_id=id_, actor=LinkHolder(id_), reason=form.said)
        return see_other(here)
    if not verdict.allowed:
        return redirect(here, 303)
    return unlisted(cancel_page(found, form, back=here))


def _page(found: VisitFacts, visit_code: str, *, status: int = 200) -> Response:
    now = clock().now()
    page = render_page(
        "booking/linked_visit.html", status=status, visit=found, visit_code=visit_code,
        is_over=found.appointment.ends_at <= now, change=found.judge_change(now), is_moved=is_moved(found),
        is_running=found.is_running(now), is_changed=is_changed(found),
    )  # fmt: skip
    return unlisted(page)


def cancel_page(visit: VisitFacts, form: CancelForm, *, back: str) -> Response:
    """Ask why; again when what was chosen is no reason, or when the visit was moved since it was looked at."""
    status = 422 if form.errors else 409 if is_changed(visit) else 200
    return render_page(
        "booking/cancel_appointment.html", status=status, visit=visit, form=form, back=back, is_changed=status == 409
    )


@blueprint.route(f"{LINK}/reminders", methods=["GET", "POST"])
@right(Right.PUBLIC)
@limited(TRIES)
def reminders_by_link(visit_code: str) -> ResponseReturnValue:
    """Turn reminders off, or on again: whoever is reminded may have no account."""
    id_ = visit_of_link(visit_code).appointment.id
    if request.method == "POST":
        turn_reminders(db_session(), clock(), by=LinkHolder(id_), on=request.form.get("remind") == "on")
        return see_other(url_for("booking.reminders_by_link", visit_code=visit_code))
    is_on = recipient_of(db_session(), id_, today=clock().now().date()).unwanted < set(Channel)
    return unlisted(render_page("booking/reminders_by_link.html", visit_code=visit_code, is_on=is_on))


def is_moved(visit: VisitFacts) -> bool:
    """Whether the address says that the last change of the visit was a move: its page then says so."""
    return request.args.get("moved", "") == str(visit.appointment.sequence) != "0"


def is_changed(visit: VisitFacts) -> bool:
    """Whether the visit was moved since the page was made whose button was pressed (`booking/_seen.html`)."""
    return request.form.get("seen", str(visit.appointment.sequence)) != str(visit.appointment.sequence)


def visit_of_link(visit_code: str) -> VisitFacts:
    """Return the visit that a code opens. Raises: NotFound."""
    reference = reference_of_link(settings(), visit_code)
    visit = visit_by_reference(db_session(), reference) if reference else None
    if visit is None:
        raise NotFound
    return visit


def unlisted(page: ResponseReturnValue) -> Response:
    """Keep search engines away. `no-store` and a Referrer-Policy that hides the code are on every page already."""
    response = make_response(page)
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
