"""Book the time that a browser holds."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from clinic_portal.booking import steps
from clinic_portal.booking.events import AppointmentBooked
from clinic_portal.booking.models import Appointment
from clinic_portal.booking.queries import AppointmentFacts, facts_of
from clinic_portal.booking.queries.holds import lock_hold_for, own_hold
from clinic_portal.booking.rules import MAX_NOTE, AppointmentState, judge_hold
from clinic_portal.booking.steps.reminders import tell_of_booking
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.events import publish
from clinic_portal.core.ids import AppointmentId, FacilityId, PatientId
from clinic_portal.dependents.steps import lock_person_to_book_for


@dataclass(frozen=True)
class Answers:
    """What was answered on the last page. `patient_id` None: whom the hold already names."""

    patient_id: PatientId | None = None
    #: Why they come, in their own words.
    patient_note: str = ""


def book_appointment(
    db: Session, clock: Clock, *, appointment_id: AppointmentId, hold_key: str, actor: Actor, answers: Answers
) -> AppointmentFacts:
    """Turn the held time into a visit, tell the patient, and tell the clinic.

    Repeating the call returns the first result and sends nothing again.
    Raises: NotFound (not this browser's hold, or none of the actor's people); Forbidden (may not book for this person);
    Conflict "appointment.hold_expired", "appointment.patient_missing", "appointment.patient_overlap",
    "appointment.missed_too_often".
    """
    with transaction(db):
        key = steps.hold_key_hash(hold_key)
        # Asked for only when the page did not say: the patient is locked before the hold.
        patient_id = answers.patient_id or own_hold(db, appointment_id, hold_key_hash=key).patient_id
        if patient_id is None:
            raise Conflict("appointment.patient_missing")
        lock_person_to_book_for(db, clock, patient_id, actor=actor)
        row, expired = lock_hold_for(db, appointment_id, patient_id, now=clock.now())
        if row.hold_key_hash != key:
            raise NotFound
        if _is_booked(row, patient_id):
            return facts_of(row)
        verdict = judge_hold(row.state, row.held_until, now=clock.now())
        if not verdict.allowed:
            raise Conflict(verdict.code)
        steps.end_holds(db, clock, expired, actor=None, now=clock.now())
        steps.give_to_patient(db, clock, row, patient_id, actor=actor)
        steps.move(
            db, clock, row, AppointmentState.BOOKED, actor=actor, reason="booked", booked_at=clock.now(),
            booked_by_account_id=actor.account_id, patient_note=answers.patient_note[:MAX_NOTE],
        )  # fmt: skip
        tell_of_booking(db, clock, facts_of(row))
        publish(db, clock, AppointmentBooked(appointment_id, FacilityId(row.facility_id), row.starts_at, is_told=True))
        return facts_of(row)


def _is_booked(row: Appointment, patient_id: PatientId) -> bool:
    return row.booked_at is not None and row.cancelled_at is None and row.patient_id == patient_id
