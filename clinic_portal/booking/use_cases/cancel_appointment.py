"""Give a booked visit back."""

from sqlalchemy.orm import Session

from clinic_portal.booking import steps
from clinic_portal.booking.events import AppointmentCancelled
from clinic_portal.booking.queries import AppointmentFacts, facts_of, lock_appointment
from clinic_portal.booking.queries.visits import LinkHolder, actor_of, changeable_visit
from clinic_portal.booking.rules import AppointmentState, CancelReason, judge_change
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import Conflict
from clinic_portal.core.events import publish
from clinic_portal.core.ids import AppointmentId
from clinic_portal.notifications.steps import queue_message, void_messages


def cancel_appointment(
    db: Session, clock: Clock, *, appointment_id: AppointmentId, actor: Actor | LinkHolder, reason: CancelReason
) -> AppointmentFacts:
    """Cancel a visit before it starts and give its time back; what was queued about it is replaced by one message.

    Repeating the call returns the first result and queues no second message.
    Raises: NotFound (no such, or none that the actor may change); Forbidden; Conflict "appointment.already_started",
    "appointment.too_late_to_change".
    """
    with transaction(db):
        visit = changeable_visit(db, clock, appointment_id, by=actor)
        row = lock_appointment(db, appointment_id)
        if row.state is AppointmentState.CANCELLED:
            return facts_of(row)
        cutoff = visit.service.rules.change_cutoff
        verdict = judge_change(row.state, row.starts_at, cutoff=cutoff, now=clock.now())
        if not verdict.allowed:
            raise Conflict(verdict.code)
        row.cancelled_at = clock.now()
        row.sequence += 1
        steps.move(db, clock, row, AppointmentState.CANCELLED, actor=actor_of(actor), reason=reason.value)
        void_messages(db, clock, subject_id=row.id)
        queue_message(db, clock, "appointment_cancelled", subject_id=row.id)
        publish(db, clock, AppointmentCancelled(appointment_id))
        return facts_of(row)
