"""The sessions that were booked together: all of them on a page, and giving back from one of them on."""

from uuid import UUID

from flask import Response, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import ngettext

from clinic_portal.booking.calendar import calendar_file, content_type
from clinic_portal.booking.forms import CancelForm
from clinic_portal.booking.queries import AppointmentState, describe, visit_of
from clinic_portal.booking.queries.series import SeriesFacts, later_sessions, place_of, series_of
from clinic_portal.booking.routes.common import blueprint
from clinic_portal.booking.routes.too_late import too_late_page
from clinic_portal.booking.use_cases.cancel_later_sessions import cancel_later_sessions
from clinic_portal.core.ids import AppointmentId, SeriesId
from clinic_portal.core.money import Money
from clinic_portal.dependents.queries import person_to_book_for
from clinic_portal.web.access import Right, require_actor, right
from clinic_portal.web.database import clock, db_session, settings
from clinic_portal.web.i18n import current_language
from clinic_portal.web.pages import render_page, see_other

SERIES = "/visits/series/<uuid:series_id>"


@blueprint.get(SERIES, endpoint="series")
@right(Right.PATIENT)
def series_page(series_id: UUID) -> ResponseReturnValue:
    """Show all sessions, and what can be done with those to come."""
    return _page("booking/series.html", _series(series_id))


@blueprint.get(f"{SERIES}/booked")
@right(Right.PATIENT)
def booked_series(series_id: UUID) -> ResponseReturnValue:
    """Say that they are booked. When none is any more, show what became of them."""
    found = _series(series_id)
    if not found.kept:
        return redirect(url_for("booking.series", series_id=series_id), 303)
    return _page("booking/booked_series.html", found)


@blueprint.get(f"{SERIES}/calendar.ics")
@right(Right.PATIENT)
def series_calendar(series_id: UUID) -> ResponseReturnValue:
    """Hand out all sessions as one calendar file."""
    visits = describe(db_session(), _series(series_id).sessions)
    content = calendar_file(*visits, settings=settings(), language=current_language(), now=clock().now())
    response = Response(content, content_type=content_type(*visits))
    response.headers["Content-Disposition"] = 'attachment; filename="visits.ics"'
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.route("/visits/<uuid:appointment_id>/cancel-later", methods=["GET", "POST"])
@right(Right.PATIENT)
def cancel_later(appointment_id: UUID) -> ResponseReturnValue:
    """Ask why, then cancel this session and all later ones. Opening the page changes nothing."""
    db, time, actor, id_ = db_session(), clock(), require_actor(), AppointmentId(appointment_id)
    visit, form = visit_of(db, time, id_, actor=actor), CancelForm()
    sessions = later_sessions(db, visit.appointment)
    open_ones = [one for one in describe(db, sessions) if one.judge_change(time.now()).allowed]
    back = url_for("booking.series", series_id=visit.appointment.series_id)
    if not open_ones:
        return too_late_page(visit, back=back) if sessions else redirect(back, 303)
    if form.validate_on_submit():
        done = cancel_later_sessions(db, time, appointment_id=id_, actor=actor, reason=form.said)
        flash(ngettext("%(num)d session cancelled", "%(num)d sessions cancelled", len(done)))
        return see_other(back)
    status = 422 if form.errors else 200
    return render_page(
        "booking/cancel_later.html", status=status, visit=visit, sessions=open_ones, form=form, back=back,
        late=len(sessions) - len(open_ones), is_at_many_places=len({place_of(one.appointment) for one in open_ones}) > 1,
    )  # fmt: skip


def _series(series_id: UUID) -> SeriesFacts:
    return series_of(db_session(), clock(), SeriesId(series_id), actor=require_actor())


def _page(template: str, found: SeriesFacts) -> ResponseReturnValue:
    db, now = db_session(), clock().now()
    visits = describe(db, found.sessions)
    kept = [visit for visit in visits if visit.session is not None]
    coming = [
        visit for visit in kept if visit.appointment.state is AppointmentState.BOOKED and visit.appointment.starts_at > now
    ]  # fmt: skip
    total = Money(sum(visit.appointment.price.minor for visit in kept), visits[0].appointment.price.currency)
    return render_page(
        template,
        series=found,
        visits=visits,
        # With whom it is planned; a session that was moved by itself may be with a colleague.
        usual=next((one for one in visits if one.practitioner.id == found.practitioner_id), visits[0]),
        kept=kept,
        next_one=next((visit for visit in coming if visit.judge_change(now).allowed), None),
        total=total,
        is_at_many_places=len({place_of(visit.appointment) for visit in visits}) > 1,
        person=person_to_book_for(db, clock(), found.patient_id, actor=require_actor()),
    )
