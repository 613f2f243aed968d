"""Give a booked visit back."""

from sqlalchemy.orm import Session

from clinic_portal.booking import steps
from clinic_portal.booking.queries import AppointmentFacts
from clinic_portal.booking.queries.visits import LinkHolder, actor_of, changeable_visit
from clinic_portal.booking.rules import CancelReason
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import AppointmentId


def cancel_appointment(
    db: Session, clock: Clock, *, appointment_id: AppointmentId, actor: Actor | LinkHolder, reason: CancelReason
) -> AppointmentFacts:
    """Cancel a visit before it starts and give its time back; what was queued about it is replaced by one message.

    Repeating the call returns the first result and queues no second message.
    Raises: NotFound (no such, or none that the actor may change); Forbidden; Conflict "appointment.already_started",
    "appointment.too_late_to_change".
    """
    with transaction(db):
        changeable_visit(db, clock, appointment_id, by=actor)
        who = actor_of(actor)
        return steps.cancel_visit(db, clock, appointment_id=appointment_id, actor=who, reason=reason)
