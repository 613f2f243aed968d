"""Change the hours in which nobody is reminded."""

from sqlalchemy import update
from sqlalchemy.orm import Session

from clinic_portal.booking.models import VisitPolicy
from clinic_portal.booking.rules.reminders import QuietHours
from clinic_portal.booking.steps.reminders import replan_after_commit
from clinic_portal.core import audit
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction


def change_quiet_hours(db: Session, clock: Clock, *, actor: Actor, quiet: QuietHours) -> None:
    """Set the clinic's quiet hours; what waits is planned anew in the background.

    The caller has checked that the actor is an administrator.
    """
    with transaction(db):
        db.execute(
            update(VisitPolicy).values(quiet_from_minute=quiet.from_minute, quiet_until_minute=quiet.until_minute)
        )
        audit.record(
            db,
            clock,
            actor=actor,
            action="quiet_hours.changed",
            subject_kind="visit_policy",
            subject_id=None,
            from_minute=str(quiet.from_minute),
            until_minute=str(quiet.until_minute),
        )
        replan_after_commit(db)
