"""Give a held time back."""

from sqlalchemy.orm import Session

from clinic_portal.booking import steps
from clinic_portal.booking.queries import lock_appointment
from clinic_portal.booking.queries.holds import own_hold
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import AppointmentId


def release_hold(
    db: Session, clock: Clock, *, appointment_id: AppointmentId, hold_key: str, actor: Actor | None
) -> None:
    """Free the time that this browser holds. One that is booked, or no longer held, stays as it is.

    Raises: NotFound when this browser never held it.
    """
    with transaction(db):
        own_hold(db, appointment_id, hold_key_hash=steps.hold_key_hash(hold_key))
        row = lock_appointment(db, appointment_id)
        if row.state is AppointmentState.PROPOSED:
            steps.end_holds(db, clock, [row], actor=actor, now=clock.now())
