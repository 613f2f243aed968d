"""The patient did not come."""

from sqlalchemy.orm import Session

from clinic_portal.booking import steps as booking
from clinic_portal.booking.queries import AppointmentFacts, facts_of, lock_appointment
from clinic_portal.check_in.events import PatientMissed
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import NotFound
from clinic_portal.core.events import publish
from clinic_portal.core.ids import AppointmentId, FacilityId
from clinic_portal.facilities.queries import works_at


def mark_noshow(
    db: Session, clock: Clock, *, appointment_id: AppointmentId, facility_id: FacilityId, actor: Actor
) -> AppointmentFacts:
    """Note that the patient of a visit did not come. Repeating the call changes nothing.

    Raises: NotFound (no such visit at a facility of the actor's); Conflict "appointment.not_started",
    "appointment.state_changed".
    """
    with transaction(db):
        if not works_at(db, facility_id, actor=actor):
            raise NotFound
        if facts_of(lock_appointment(db, appointment_id)).facility_id != facility_id:
            raise NotFound
        facts = booking.mark_noshow(db, clock, appointment_id=appointment_id, actor=actor)
        publish(db, clock, PatientMissed(appointment_id, facility_id))
        return facts
