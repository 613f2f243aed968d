"""Change what follows from missed visits."""

from sqlalchemy import update
from sqlalchemy.orm import Session

from clinic_portal.booking.models import VisitPolicy
from clinic_portal.booking.queries.missed import MissedRule
from clinic_portal.core import audit
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction


def change_missed_rule(db: Session, clock: Clock, *, actor: Actor, rule: MissedRule) -> None:
    """Set after how many missed visits in how many days a patient books by phone only; no limit: never.

    It holds for the next booking. The caller has checked that the actor is an administrator.
    """
    with transaction(db):
        db.execute(update(VisitPolicy).values(noshow_limit=rule.limit, noshow_days=rule.days))
        audit.record(
            db,
            clock,
            actor=actor,
            action="missed_rule.changed",
            subject_kind="visit_policy",
            subject_id=None,
            limit=str(rule.limit or ""),
            days=str(rule.days),
        )
