"""Keep what was written beside a held time."""

from sqlalchemy.orm import Session

from clinic_portal.booking import steps
from clinic_portal.booking.queries import lock_appointment
from clinic_portal.booking.queries.holds import own_hold
from clinic_portal.booking.rules import MAX_NOTE
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import AppointmentId


def keep_note(db: Session, _clock: Clock, *, appointment_id: AppointmentId, hold_key: str, patient_note: str) -> None:
    """Keep the note of this browser's hold, also when it ran out: the next hold takes it over. A booked visit keeps its own.

    Raises: NotFound when this browser never held it.
    """
    with transaction(db):
        own_hold(db, appointment_id, hold_key_hash=steps.hold_key_hash(hold_key))
        row = lock_appointment(db, appointment_id)
        if row.booked_at is None:
            row.patient_note = patient_note[:MAX_NOTE]
