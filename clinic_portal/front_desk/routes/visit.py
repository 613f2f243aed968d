"""One visit at the desk: its story, giving it back, another time outside of what is offered, told by phone."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from clinic_portal.booking.queries import AppointmentFacts, AppointmentState, ClinicReason, VisitFacts, describe
from clinic_portal.booking.queries.desk_waiting import entry_of_visit
from clinic_portal.booking.queries.missed import missed_counts
from clinic_portal.booking.queries.series import later_sessions, series_facts
from clinic_portal.booking.queries.staff import HistoryLine, contact_phone, history_of, visit_at_desk, visits_to_phone
from clinic_portal.booking.routes.linked import is_changed
from clinic_portal.booking.steps import NewTime
from clinic_portal.booking.use_cases.cancel_by_clinic import cancel_by_clinic
from clinic_portal.booking.use_cases.cancel_sessions_by_clinic import cancel_sessions_by_clinic
from clinic_portal.booking.use_cases.mark_told import mark_told
from clinic_portal.booking.use_cases.move_by_clinic import move_by_clinic
from clinic_portal.core.clock import local_day
from clinic_portal.core.errors import Conflict
from clinic_portal.core.ids import AppointmentId
from clinic_portal.facilities.queries import FacilityFacts, facilities_of_staff
from clinic_portal.front_desk.forms import AnywayForm, ClinicCancelForm
from clinic_portal.front_desk.routes.anyway import filled, taker_of
from clinic_portal.front_desk.routes.pages import blueprint, desk_page, own_facility
from clinic_portal.notifications.queries import sms_stop
from clinic_portal.notifications.use_cases.ask_for_sms_again import ask_for_sms_again
from clinic_portal.patients.queries import patients_for_staff
from clinic_portal.web.access import Right, require_actor, right
from clinic_portal.web.database import clock, db_session
from clinic_portal.web.error_texts import explain
from clinic_portal.web.pages import see_other

VISIT = "/desk/<slug>/visits/<uuid:appointment_id>"
TOO_LATE = "appointment.too_late_to_change"


@blueprint.get(VISIT)
@right(Right.DESK)
def visit(slug: str, appointment_id: UUID) -> ResponseReturnValue:
    """Show a visit of this facility with what happened to it."""
    facility = own_facility(slug)
    return _page("front_desk/visit.html", facility, visit_for_desk(facility, appointment_id))


@blueprint.route(f"{VISIT}/cancel", methods=["GET", "POST"])
@right(Right.DESK)
def cancel_visit(slug: str, appointment_id: UUID) -> ResponseReturnValue:
    """Ask why, then cancel and tell the patient."""
    facility = own_facility(slug)
    found, form = visit_for_desk(facility, appointment_id), ClinicCancelForm()
    if request.method == "GET" and found.appointment.state is AppointmentState.CANCELLED:
        return redirect(url_for("front_desk.visit", slug=slug, appointment_id=appointment_id), 303)
    if found.judge_change_by_staff().allowed and is_changed(found):
        return _page("front_desk/cancel_visit.html", facility, found, form=form, refusal=_changed(), status=409)
    status = 422 if request.method == "POST" else 200
    if form.validate_on_submit():
        is_for_all = form.later.data and bool(_after(found, sessions_from(found)[0]))
        cancel = cancel_sessions_by_clinic if is_for_all else cancel_by_clinic
        try:
            done = cancel(
                db_session(),
                clock(),
                appointment_id=found.appointment.id,
                facility_id=facility.id,
                actor=require_actor(),
                reason=ClinicReason(form.reason.data),
                note=form.note.data or "",
            )
        except Conflict as refused:
            if refused.code != TOO_LATE:
                return refused_page(facility, appointment_id, refused, wrote=form.note.data or "")
            form.ask_why()
        else:
            return _cancelled(facility, found, form, done)
    return _page("front_desk/cancel_visit.html", facility, found, form=form, status=status)


def _cancelled(
    facility: FacilityFacts, found: VisitFacts, form: ClinicCancelForm, done: AppointmentFacts | list[AppointmentId]
) -> ResponseReturnValue:
    """Say what was cancelled; or who had cancelled the visit before, and what was written in vain."""
    id_, wrote = found.appointment.id, (form.note.data or "").strip()
    lines = history_of(db_session(), id_)
    line = next((one for one in reversed(lines) if one.to_state is AppointmentState.CANCELLED), None)
    pressed = (require_actor().name, form.reason.data, wrote)
    # A form that is sent twice was theirs the first time.
    if line is not None and (line.who, line.reason, line.note) != pressed and not (isinstance(done, list) and done):
        return refused_page(facility, id_, Conflict("appointment.cancelled_before"), wrote=wrote, line=line)
    flash(_said(done))
    return see_other(url_for("front_desk.visit", slug=facility.slug, appointment_id=id_))


@blueprint.post(f"{VISIT}/told")
@right(Right.DESK)
def mark_patient_told(slug: str, appointment_id: UUID) -> ResponseReturnValue:
    """The patient was told by phone what no message could tell them."""
    facility = own_facility(slug)
    id_ = AppointmentId(appointment_id)
    try:
        mark_told(db_session(), clock(), appointment_id=id_, facility_id=facility.id, actor=require_actor())
    except Conflict as refused:
        return refused_page(facility, appointment_id, refused)
    return see_other(url_for("front_desk.visit", slug=slug, appointment_id=appointment_id))


@blueprint.post(f"{VISIT}/sms")
@right(Right.DESK)
def turn_sms_on(slug: str, appointment_id: UUID) -> ResponseReturnValue:
    """The patient, whose phone answered STOP, asked for SMS again."""
    facility = own_facility(slug)
    found = visit_for_desk(facility, appointment_id)
    try:
        ask_for_sms_again(db_session(), clock(), actor=require_actor(), patient_id=found.appointment.known_patient_id)
    except Conflict as refused:
        return refused_page(facility, appointment_id, refused)
    flash(_("SMS are being turned on again. That can take some minutes."))
    return see_other(url_for("front_desk.visit", slug=slug, appointment_id=appointment_id))


@blueprint.route(f"{VISIT}/move/anyway", methods=["GET", "POST"])
@right(Right.DESK)
def move_anyway(slug: str, appointment_id: UUID) -> ResponseReturnValue:
    """Move to a time that is not offered, with a written reason; never onto somebody else's."""
    facility = own_facility(slug)
    found = visit_for_desk(facility, appointment_id)
    form = filled(AnywayForm(), facility, found.service, visit=found)
    status = 422 if request.method == "POST" else 200
    if form.validate_on_submit():
        starts_at = form.start(facility.tz, now=clock().now())
        if starts_at is not None and starts_at != found.appointment.starts_at and is_changed(found):
            return _page("front_desk/move_anyway.html", facility, found, form=form, refusal=_changed(), status=409)
        if starts_at is not None:
            return _move(facility, found, form, starts_at)
    return _page("front_desk/move_anyway.html", facility, found, form=form, status=status)


def _move(facility: FacilityFacts, found: VisitFacts, form: AnywayForm, starts_at: datetime) -> ResponseReturnValue:
    taker = taker_of(form)
    to = NewTime(facility.id, starts_at, taker.practitioner_id, anyway=taker)
    id_, note = found.appointment.id, form.note.data
    try:
        move_by_clinic(
            db_session(), clock(), appointment_id=id_, facility_id=facility.id, actor=require_actor(), to=to, note=note
        )
    except Conflict as refused:
        refusal = explain(409, refused.code)
        return _page("front_desk/move_anyway.html", facility, found, form=form, refusal=refusal, status=409)
    was = found.appointment
    is_there = (was.starts_at, was.mode, was.practitioner_id) == (starts_at, taker.mode, taker.practitioner_id)
    flash(_("Saved") if is_there else _("Visit moved"))  # Another room at most: nobody comes at another time.
    return see_other(url_for("front_desk.visit", slug=facility.slug, appointment_id=id_))


def _said(done: object) -> str:
    """Say what was cancelled: a visit, or how many sessions."""
    if isinstance(done, list):
        return str(ngettext("%(num)d session cancelled", "%(num)d sessions cancelled", len(done)))
    return str(_("Visit cancelled"))


def _changed() -> dict[str, object]:
    return explain(409, "appointment.state_changed")


def visit_for_desk(facility: FacilityFacts, appointment_id: UUID) -> VisitFacts:
    """Return a visit of a facility at which the actor works. Raises: NotFound."""
    db, id_ = db_session(), AppointmentId(appointment_id)
    facts = visit_at_desk(db, id_, facility_id=facility.id, actor=require_actor())
    (found,) = describe(db, [facts])
    return found


def sessions_from(found: VisitFacts) -> tuple[list[VisitFacts], list[VisitFacts]]:
    """Return this session of a series and those after it that are booked: where the actor works, and elsewhere.

    Of a visit by itself there are none.
    """
    db, visit = db_session(), found.appointment
    sessions = describe(db, later_sessions(db, visit)) if visit.series_id else []
    own = {one.id for one in facilities_of_staff(db, actor=require_actor())}
    ours = [one for one in sessions if one.facility.id in own]
    return ours, [one for one in sessions if one.facility.id not in own]


def _after(found: VisitFacts, sessions: Sequence[VisitFacts]) -> list[VisitFacts]:
    return [one for one in sessions if one.appointment.id != found.appointment.id]


def _all_sessions(found: VisitFacts) -> list[VisitFacts]:
    """Return the sessions of its series, wherever they take place, those given back left out."""
    series_id = found.appointment.series_id
    series = series_facts(db_session(), series_id) if series_id else None
    return list(describe(db_session(), series.kept if series else ()))


def refused_page(
    facility: FacilityFacts,
    appointment_id: UUID,
    refused: Conflict,
    *,
    wrote: str = "",
    line: HistoryLine | None = None,
) -> Response:
    """Show the visit with what was refused, and what was written (`wrote`), which has no box on this page.

    `line` is what had happened to the visit before, and stands in the way.
    """
    found = visit_for_desk(facility, appointment_id)
    refusal = explain(409, refused.code) | {"wrote": wrote, "line": line}
    return _page("front_desk/visit.html", facility, found, refusal=refusal, status=409)


def _page(
    template: str,
    facility: FacilityFacts,
    found: VisitFacts,
    *,
    form: object = None,
    refusal: object = None,
    status: int = 200,
) -> Response:
    db, actor, now = db_session(), require_actor(), clock().now()
    patient_id = found.appointment.known_patient_id
    patient = patients_for_staff(db, [patient_id], actor=actor)[patient_id]
    ours, theirs = sessions_from(found)
    to_phone = visits_to_phone(db, facility.id, now=now, actor=actor)
    return desk_page(
        template,
        facility,
        status=status,
        visit=found,
        day=local_day(found.appointment.starts_at, facility.tz),
        patient=patient,
        contact_phone=contact_phone(db, found.appointment, patient, today=now.date()),
        sms_stop=sms_stop(db, clock(), patient.phone),
        missed=missed_counts(db, clock(), [patient_id], actor=actor).get(patient_id, 0),
        history=history_of(db, found.appointment.id),
        untold=next((one for one in to_phone if one.appointment_id == found.appointment.id), None),
        change=found.judge_change_by_staff(),
        is_to_come=found.appointment.starts_at > now,
        waits=entry_of_visit(db, found.appointment.id),
        later=_after(found, ours),
        theirs=theirs,
        sessions=_all_sessions(found),
        form=form,
        refusal=refusal,
    )
