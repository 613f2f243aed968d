"""Change when patients are reminded."""

from sqlalchemy import delete
from sqlalchemy.orm import Session

from clinic_portal.booking.models import ReminderPlan
from clinic_portal.booking.queries.reminders import Channel, Plan
from clinic_portal.booking.steps.reminders import replan_after_commit
from clinic_portal.core import audit
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import ServiceId


def change_reminder_plan(
    db: Session, clock: Clock, *, actor: Actor, service_id: ServiceId | None, channel: Channel, plan: Plan | None
) -> None:
    """Set how one channel reminds of the visits of a service (None: of all that have no plan of their own).

    `plan` None takes the service's own away; for all services, the usual one of the portal holds again. What already
    waits is planned anew in the background. The caller has checked that the actor is an administrator.
    """
    with transaction(db):
        same = ReminderPlan.service_id.is_(None) if service_id is None else ReminderPlan.service_id == service_id
        db.execute(delete(ReminderPlan).where(same, ReminderPlan.channel == channel))
        if plan is not None:
            db.add(
                ReminderPlan(
                    service_id=service_id,
                    channel=channel,
                    early_days=plan.early_days,
                    last_days=plan.last_days,
                    early_instead_after_days=plan.early_instead_after_days,
                    from_minute=plan.from_minute,
                    until_minute=plan.until_minute,
                    late_from_minute=plan.late_from_minute,
                    late_minutes=plan.late_minutes,
                )
            )
        audit.record(
            db,
            clock,
            actor=actor,
            action="reminders.planned" if plan else "reminders.as_usual",
            subject_kind="service",
            subject_id=service_id,
            channel=channel.value,
        )
        replan_after_commit(db)
