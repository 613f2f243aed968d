"""Whether a patient who missed visits may book on the portal."""

from sqlalchemy.orm import Session

from clinic_portal.booking.queries.missed import missed_under_rule
from clinic_portal.booking.rules.missed import judge_missed
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.errors import Conflict
from clinic_portal.core.ids import PatientId


def check_missed(db: Session, clock: Clock, patient_id: PatientId, *, actor: Actor | None) -> None:
    """Refuse a patient who missed too many visits by the clinic's rule; staff are not limited.

    Raises: Conflict "appointment.missed_too_often".
    """
    if actor is not None and actor.is_staff:
        return
    missed, rule = missed_under_rule(db, clock, patient_id)
    verdict = judge_missed(missed, rule)
    if not verdict.allowed:
        raise Conflict(verdict.code)
