"""Say that the patient is coming."""

from sqlalchemy.orm import Session

from clinic_portal.booking import steps
from clinic_portal.booking.queries import AppointmentFacts, facts_of, lock_appointment
from clinic_portal.booking.queries.visits import LinkHolder, actor_of, changeable_visit
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import AppointmentId


def confirm_attendance(
    db: Session, clock: Clock, *, appointment_id: AppointmentId, actor: Actor | LinkHolder
) -> AppointmentFacts:
    """Note "I'm coming" for a visit that is booked and has not begun; anything else stays as it is.

    Repeating the call keeps the first answer. Moving the visit forgets it.
    Raises: NotFound (no such, or none that the actor may change); Forbidden.
    """
    with transaction(db):
        changeable_visit(db, clock, appointment_id, by=actor)
        row = lock_appointment(db, appointment_id)
        now = clock.now()
        if row.state is AppointmentState.BOOKED and row.confirmed_at is None and now < row.starts_at:
            row.confirmed_at = now
            steps.write_history(db, clock, row, before=row.state, actor=actor_of(actor), reason="patient.coming")
        return facts_of(row)
