"""Giving a visit back."""

from sqlalchemy.orm import Session

from clinic_portal.booking.events import AppointmentCancelled
from clinic_portal.booking.queries import AppointmentFacts, facts_of, lock_appointment
from clinic_portal.booking.rules import (
    AppointmentState,
    CancelReason,
    ClinicReason,
    judge_change,
    judge_change_by_staff,
)
from clinic_portal.booking.steps.appointments import move
from clinic_portal.core.actor import Actor
from clinic_portal.core.audit import record
from clinic_portal.core.clock import Clock
from clinic_portal.core.errors import Conflict
from clinic_portal.core.events import publish
from clinic_portal.core.ids import AppointmentId, FacilityId, ServiceId
from clinic_portal.facilities.queries import service_by_id
from clinic_portal.notifications.steps import queue_message, void_messages

BY_CLINIC = "appointment_cancelled_by_clinic"


def cancel_visit(  # noqa: PLR0913 - who, why, what staff wrote, and who tells the patient
    db: Session,
    clock: Clock,
    *,
    appointment_id: AppointmentId,
    actor: Actor,
    reason: CancelReason | ClinicReason,
    note: str = "",
    is_told: bool = True,
) -> AppointmentFacts:
    """Cancel a visit and give its time back. The caller has checked that the actor may change it.

    What was queued about it is replaced by one message on both channels (not `is_told`: the caller sends one about
    several). When the patient asks, on the page or by phone,
    the cut-off of the service counts, unless staff write why not (`note`); a reason of the clinic's is bound by nothing.
    Repeating the call returns the first result and queues no second message.
    Raises: NotFound; Conflict "appointment.already_started", "appointment.too_late_to_change".
    """
    row = lock_appointment(db, appointment_id)
    if row.state is AppointmentState.CANCELLED:
        return facts_of(row)
    is_wanted = isinstance(reason, CancelReason) or reason is ClinicReason.PATIENT_ASKED
    if is_wanted and not note:
        cutoff = service_by_id(db, ServiceId(row.service_id)).rules.change_cutoff
        verdict = judge_change(row.state, row.starts_at, cutoff=cutoff, now=clock.now())
    else:
        verdict = judge_change_by_staff(row.state)
    if not verdict.allowed:
        raise Conflict(verdict.code)
    changes: dict[str, object] = {"cancelled_at": clock.now(), "sequence": row.sequence + 1}
    if not is_wanted:
        # What they were told before was another time.
        changes |= {"cancelled_by_clinic_at": clock.now(), "told_at": None}
    move(db, clock, row, AppointmentState.CANCELLED, actor=actor, reason=reason.value, note=note, **changes)
    void_messages(db, clock, subject_id=row.id)
    if is_told:
        queue_message(db, clock, "appointment_cancelled" if is_wanted else BY_CLINIC, subject_id=row.id)
    publish(db, clock, AppointmentCancelled(appointment_id, FacilityId(row.facility_id)))
    return facts_of(row)


def cancel_as_staff(  # noqa: PLR0913 - as above
    db: Session,
    clock: Clock,
    *,
    appointment_id: AppointmentId,
    actor: Actor,
    reason: ClinicReason,
    note: str,
    is_told: bool = True,
) -> AppointmentFacts:
    """Cancel a visit as `cancel_visit` does, and write down in the audit log which of the staff did it."""
    was_cancelled = lock_appointment(db, appointment_id).state is AppointmentState.CANCELLED
    done = cancel_visit(
        db, clock, appointment_id=appointment_id, actor=actor, reason=reason, note=note.strip(), is_told=is_told
    )
    if not was_cancelled:
        record(
            db, clock, actor=actor, action="appointment.cancelled_by_staff", subject_kind="appointment",
            subject_id=appointment_id, reason=reason.value,
        )  # fmt: skip
    return done
