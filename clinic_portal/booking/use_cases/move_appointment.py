"""Give a visit another time."""

from sqlalchemy.orm import Session

from clinic_portal.booking import steps
from clinic_portal.booking.queries import AppointmentFacts
from clinic_portal.booking.queries.visits import LinkHolder, actor_of, changeable_visit
from clinic_portal.booking.steps import NewTime
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import AppointmentId


def move_appointment(
    db: Session, clock: Clock, *, appointment_id: AppointmentId, actor: Actor | LinkHolder, to: NewTime
) -> AppointmentFacts:
    """Move a visit to a time that is offered. Until that is certain the old time stays; the patient gets one message.

    Repeating the call returns the same result and sends nothing again.
    Raises: NotFound (no such, or none that the actor may change); Forbidden; Conflict "appointment.slot_taken",
    "appointment.patient_overlap", "appointment.too_many_that_day", "appointment.too_late_to_change",
    "appointment.already_started".
    """
    with transaction(db):
        changeable_visit(db, clock, appointment_id, by=actor)
        return steps.move_visit(
            db, clock, appointment_id=appointment_id, to=to, actor=actor_of(actor), only_offered=True
        )
