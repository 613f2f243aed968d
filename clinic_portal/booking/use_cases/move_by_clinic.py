"""Staff give a visit another time."""

from sqlalchemy.orm import Session

from clinic_portal.booking import steps
from clinic_portal.booking.queries import AppointmentFacts
from clinic_portal.booking.queries.appointments import promised_appointment
from clinic_portal.booking.queries.moves import to_be_moved
from clinic_portal.booking.queries.staff import MOVED, MOVED_BY_CLINIC, visit_at_desk
from clinic_portal.booking.steps import NewTime
from clinic_portal.core.actor import Actor
from clinic_portal.core.audit import record
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import AppointmentId, FacilityId
from clinic_portal.patients.steps import lock_patient


def move_by_clinic(  # noqa: PLR0913 - all by name
    db: Session,
    clock: Clock,
    *,
    appointment_id: AppointmentId,
    facility_id: FacilityId,
    actor: Actor,
    to: NewTime,
    note: str = "",
) -> AppointmentFacts:
    """Move a visit for the patient, who is told. A written reason (`note`) sets the rules of booking aside.

    Cut-off, notice, horizon, hours and visits a day may be set aside, an overlap never. Repeating the call changes nothing.
    Raises: NotFound (no such visit at a facility of the actor's, no such place or person); Conflict
    "appointment.slot_taken", "appointment.patient_overlap", "appointment.too_many_that_day",
    "appointment.too_late_to_change", "appointment.already_started".
    """
    with transaction(db):
        visit = visit_at_desk(db, appointment_id, facility_id=facility_id, actor=actor)
        lock_patient(db, visit.known_patient_id)
        before = promised_appointment(db, appointment_id)  # As it is now that nobody else moves it.
        reason = MOVED_BY_CLINIC if to_be_moved(db, {appointment_id}) else MOVED
        moved = steps.move_visit(
            db, clock, appointment_id=appointment_id, to=to, actor=actor, note=note.strip(), reason=reason
        )
        if moved.sequence != before.sequence:
            record(
                db, clock, actor=actor, action="appointment.moved_by_staff", subject_kind="appointment",
                subject_id=appointment_id, rules="set_aside" if note.strip() else "kept",
            )  # fmt: skip
        return moved
