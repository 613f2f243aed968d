"""Staff give a session and all later ones of its series new times: the pages of `booking`, at the desk's addresses."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from flask import redirect, url_for
from flask.typing import ResponseReturnValue

from clinic_portal.booking.routes.series_moving import (
    CHANGED,
    Later,
    ask_later,
    changed_page,
    later_form,
    later_of,
    plan_new_times,
    plan_page,
    press_move,
    typed_times,
)
from clinic_portal.booking.use_cases.move_sessions_by_clinic import move_sessions_by_clinic
from clinic_portal.core.errors import Conflict
from clinic_portal.core.ids import AppointmentId
from clinic_portal.facilities.queries import FacilityFacts
from clinic_portal.front_desk.forms import PhoneLaterForm, ReasonForm
from clinic_portal.front_desk.routes.pages import blueprint, own_facility
from clinic_portal.front_desk.routes.visit import VISIT, refused_page, sessions_from, visit_for_desk
from clinic_portal.patients.queries import patients_for_staff
from clinic_portal.web.access import Right, require_actor, right
from clinic_portal.web.database import clock, db_session

#: Refusals that a written reason sets aside.
TOO_LATE = frozenset({"appointment.too_late_to_change", "appointment.already_started"})


@blueprint.get(f"{VISIT}/move-later")
@right(Right.DESK)
def move_later(slug: str, appointment_id: UUID) -> ResponseReturnValue:
    """Ask when this session and the later ones would suit the patient better."""
    later, form = _later(own_facility(slug), appointment_id)
    return ask_later(later, form) if later.sessions else redirect(later.back, 303)


@blueprint.get(f"{VISIT}/plan-later")
@right(Right.DESK)
def plan_later(slug: str, appointment_id: UUID) -> ResponseReturnValue:
    """Propose new times beside the old ones, which stay until the new ones are pressed."""
    later, form = _later(own_facility(slug), appointment_id)
    if not later.sessions:
        return redirect(later.back, 303)
    return plan_new_times(later, form, reason=_reason(later))


@blueprint.post(f"{VISIT}/plan-later")
@right(Right.DESK)
def move_sessions(slug: str, appointment_id: UUID) -> ResponseReturnValue:
    """Move all of them, or none; with a written reason where a rule is set aside."""
    facility, reason = own_facility(slug), ReasonForm()
    later, _ = _later(facility, appointment_id)
    try:
        return _press(facility, later, reason)
    except Conflict as refused:
        now, _ = _later(facility, appointment_id)
        if refused.code == CHANGED and now.sessions:
            return changed_page(now, reason=_reason(now, reason))
        return refused_page(facility, appointment_id, refused, wrote=reason.note.data or "")


def _press(facility: FacilityFacts, later: Later, reason: ReasonForm) -> ResponseReturnValue:
    if not reason.validate() or (later.is_aside and not reason.is_written()):
        return _as_chosen(later, reason)
    try:
        return press_move(later, lambda starts: _move(facility, later, starts, reason), reason=_reason(later, reason))
    except Conflict as refused:
        if refused.code not in TOO_LATE:
            raise
        reason.ask_why()
        return _as_chosen(later, reason)


def _later(facility: FacilityFacts, appointment_id: UUID) -> tuple[Later, PhoneLaterForm]:
    visit = visit_for_desk(facility, appointment_id)
    home = url_for("front_desk.visit", slug=facility.slug, appointment_id=appointment_id)
    ours, theirs = sessions_from(visit)
    later = later_of(visit, ours, home=home, back=home, theirs=theirs)
    form, patient_id = later_form(later, PhoneLaterForm), visit.appointment.known_patient_id
    patient = patients_for_staff(db_session(), [patient_id], actor=require_actor())[patient_id]
    return replace(later, layout="layouts/desk.html", patient=patient, is_aside=form.is_aside), form


def _reason(later: Later, typed: ReasonForm | None = None) -> ReasonForm | None:
    """Return the form that asks why; None when no rule is in the way, none was set aside, and nothing was written."""
    now, form = clock().now(), typed or ReasonForm()
    is_late = not all(one.judge_change(now).allowed for one in later.sessions)
    return form if later.is_aside or is_late or form.note.data else None


def _move(facility: FacilityFacts, later: Later, starts: Sequence[datetime], reason: ReasonForm) -> list[AppointmentId]:
    return move_sessions_by_clinic(
        db_session(), clock(), appointment_id=AppointmentId(later.visit.appointment.id), facility_id=facility.id,
        actor=require_actor(), starts=tuple(starts), note=reason.note.data or "",
    )  # fmt: skip


def _as_chosen(later: Later, reason: ReasonForm) -> ResponseReturnValue:
    """Show the plan as it was chosen, with what is wrong about the reason."""
    starts = typed_times(later)
    if starts is None:
        raise Conflict(CHANGED)
    return plan_page(later, later.chosen(starts, {}), reason=reason, status=422)
