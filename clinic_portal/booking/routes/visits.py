"""My visits, one visit, its calendar file, and the page that says that it is booked."""

from uuid import UUID

from flask import Response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from clinic_portal.booking.calendar import calendar_file, content_type
from clinic_portal.booking.queries import AppointmentState, visit_of, visits_of
from clinic_portal.booking.queries.visits import PAST_SHOWN
from clinic_portal.booking.queries.waiting_views import entries_of, waiting_for
from clinic_portal.booking.routes.common import blueprint
from clinic_portal.booking.routes.linked import is_moved
from clinic_portal.booking.routes.waiting import open_offers, path_of_offer
from clinic_portal.booking.routes.wishing import wish_in_words
from clinic_portal.core.ids import AppointmentId
from clinic_portal.web.access import Right, require_actor, right
from clinic_portal.web.database import clock, db_session, settings
from clinic_portal.web.i18n import current_language
from clinic_portal.web.pages import render_page

#: Nobody has more of them; a number in an address is anybody's.
MOST_PAST = 10_000


@blueprint.get("/visits")
@right(Right.PATIENT)
def my_visits() -> ResponseReturnValue:
    """Show the visits to come, soonest first, and those that are over, as many as are asked for."""
    past = max(PAST_SHOWN, min(request.args.get("past", PAST_SHOWN, type=int), MOST_PAST))
    visits = visits_of(db_session(), clock(), actor=require_actor(), past_shown=past)
    views = entries_of(db_session(), clock(), actor=require_actor())
    waiting = [(view, wish_in_words(view.entry.asked), path_of_offer(view)) for view in views]
    offers, now = open_offers(views), clock().now()
    return render_page(
        "booking/my_visits.html", visits=visits, waiting=waiting, offers=offers, now=now, past=past,
        more=past + PAST_SHOWN, new_from=past - PAST_SHOWN + 1,
    )  # fmt: skip


@blueprint.get("/visits/<uuid:appointment_id>")
@right(Right.PATIENT)
def visit(appointment_id: UUID) -> ResponseReturnValue:
    """Show one visit: when, where, how to prepare, and how to move it or give it back."""
    found = visit_of(db_session(), clock(), AppointmentId(appointment_id), actor=require_actor())
    now = clock().now()
    change, books = found.judge_change(now), found.person is not None and found.person.can_book
    waits = waiting_for(db_session(), clock(), found.appointment.id, actor=require_actor()) if books else None
    return render_page(
        "booking/visit.html", visit=found, change=change, is_running=found.is_running(now), is_moved=is_moved(found),
        waits=waits, offers=open_offers([waits]) if waits else (),
    )  # fmt: skip


@blueprint.get("/visits/<uuid:appointment_id>/booked")
@right(Right.PATIENT)
def booked(appointment_id: UUID) -> ResponseReturnValue:
    """Say that the visit is booked. When it no longer is, show what became of it."""
    found = visit_of(db_session(), clock(), AppointmentId(appointment_id), actor=require_actor())
    if found.appointment.state is not AppointmentState.BOOKED:
        return redirect(url_for("booking.visit", appointment_id=appointment_id), 303)
    return render_page("booking/booked.html", visit=found)


@blueprint.get("/visits/<uuid:appointment_id>/calendar.ics")
@right(Right.PATIENT)
def visit_calendar(appointment_id: UUID) -> ResponseReturnValue:
    """Hand out the visit as a calendar file."""
    found = visit_of(db_session(), clock(), AppointmentId(appointment_id), actor=require_actor())
    content = calendar_file(found, settings=settings(), language=current_language(), now=clock().now())
    response = Response(content, content_type=content_type(found))
    response.headers["Content-Disposition"] = f'attachment; filename="visit-{found.appointment.reference}.ics"'
    response.headers["Cache-Control"] = "no-store"
    return response
