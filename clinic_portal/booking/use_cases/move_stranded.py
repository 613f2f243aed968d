"""Give a visit that lies outside the hours a time that somebody works."""

from sqlalchemy.orm import Session

from clinic_portal.booking import steps
from clinic_portal.booking.queries import AppointmentFacts
from clinic_portal.booking.queries.staff import MOVED_BY_CLINIC
from clinic_portal.booking.queries.stranded import stranded_visit
from clinic_portal.booking.steps import NewTime
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction


def move_stranded(db: Session, clock: Clock, *, token: str, to: NewTime, actor: Actor, note: str) -> AppointmentFacts:
    """Move a visit and tell the patient; cut-off and visits a day do not count, because the clinic is why it moves.

    `token` names the visit and when it was shown to start; `note` is the reason for staff.
    Raises: NotFound (moved, cancelled or inside the hours by now, or not the actor's to decide); Forbidden; Conflict
    "appointment.slot_taken", "appointment.patient_overlap": the visit is then as it was.
    """
    with transaction(db):
        found = stranded_visit(db, clock, token, actor=actor)
        return steps.move_visit(
            db, clock, appointment_id=found.visit.appointment.id, to=to, actor=actor, note=note, reason=MOVED_BY_CLINIC
        )
