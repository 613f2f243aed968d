"""Say whom a held time is for."""

from sqlalchemy.orm import Session

from clinic_portal.booking import steps
from clinic_portal.booking.queries import AppointmentFacts, facts_of
from clinic_portal.booking.queries.holds import lock_hold_for, own_hold
from clinic_portal.booking.rules import judge_hold
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import Conflict
from clinic_portal.core.ids import AppointmentId, PatientId
from clinic_portal.dependents.steps import lock_person_to_book_for


def choose_patient(
    db: Session, clock: Clock, *, appointment_id: AppointmentId, hold_key: str, patient_id: PatientId, actor: Actor
) -> AppointmentFacts:
    """Tie the time that this browser holds to a patient for whom the actor may book.

    Raises: NotFound (not this browser's hold, or none of the actor's people); Forbidden (may not book for them);
    Conflict "appointment.hold_expired", "appointment.patient_overlap",
    "appointment.missed_too_often".
    """
    with transaction(db):
        own_hold(db, appointment_id, hold_key_hash=steps.hold_key_hash(hold_key))
        lock_person_to_book_for(db, clock, patient_id, actor=actor)
        row, expired = lock_hold_for(db, appointment_id, patient_id, now=clock.now())
        verdict = judge_hold(row.state, row.held_until, now=clock.now())
        if not verdict.allowed:
            raise Conflict(verdict.code)
        steps.end_holds(db, clock, expired, actor=None, now=clock.now())
        steps.give_to_patient(db, clock, row, patient_id, actor=actor)
        return facts_of(row)
