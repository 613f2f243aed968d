"""Give a session of a series, and all that come after it, new times."""

from datetime import datetime

from sqlalchemy.orm import Session

from clinic_portal.booking.queries import visit_of
from clinic_portal.booking.queries.series import later_sessions
from clinic_portal.booking.steps.series_moving import move_together
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock, stopped
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import AppointmentId
from clinic_portal.patients.steps import lock_patient


def move_later_sessions(
    db: Session, clock: Clock, *, appointment_id: AppointmentId, actor: Actor, starts: tuple[datetime, ...]
) -> list[AppointmentId]:
    """Move this session and the later ones of its series, each where it is, with one message; all of them or none.

    `starts` has a time for each of them, in their order; one that stays has the time that it has. Returns which moved.
    Until all are certain every old time stays. Repeating the call changes nothing and sends nothing.
    Raises: NotFound (no such, not of a series, or none that the actor may change); Forbidden; Conflict
    "series.changed" (there are more or fewer sessions now), "series.times_lost" (`lost`, by start: codes),
    "appointment.too_late_to_change", "appointment.already_started".
    """
    clock = stopped(clock)  # Its message is about what has its time.
    with transaction(db):
        visit = visit_of(db, clock, appointment_id, actor=actor).appointment
        lock_patient(db, visit.known_patient_id)
        return move_together(db, clock, later_sessions(db, visit), starts, actor=actor)
