"""Change what a service asks of those who book it."""

from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.core.actor import Actor, Role
from clinic_portal.core.audit import record
from clinic_portal.core.cache import FREE_TIMES, forget_after_commit
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import Forbidden, NotFound
from clinic_portal.core.ids import ServiceId
from clinic_portal.facilities.models import Service
from clinic_portal.facilities.queries import ServiceFacts, read_service
from clinic_portal.facilities.rules import BookingRules


def change_service_rules(
    db: Session, clock: Clock, *, service_id: ServiceId, rules: BookingRules, actor: Actor
) -> ServiceFacts:
    """Set a service's rules for what is booked from now on; visits that are booked keep their time and buffers.

    Raises: Forbidden (no administrator); NotFound.
    """
    if actor.role is not Role.ADMINISTRATOR:
        raise Forbidden
    with transaction(db):
        row = db.scalar(select(Service).where(Service.id == service_id).with_for_update(key_share=True))
        if row is None:
            raise NotFound
        before = row.rules
        row.buffer_before_minutes = int(rules.before.total_seconds() // 60)
        row.buffer_after_minutes = int(rules.after.total_seconds() // 60)
        row.notice_minutes = int(rules.notice.total_seconds() // 60)
        row.horizon_days = rules.horizon_days
        row.change_cutoff_minutes = int(rules.change_cutoff.total_seconds() // 60)
        row.visits_per_day = rules.visits_per_day
        row.series_max = rules.series_max
        row.modes = rules.modes
        changed = {name: str(value) for name, value in vars(rules).items() if value != getattr(before, name)}
        if changed:
            forget_after_commit(db, FREE_TIMES)
            record(
                db,
                clock,
                actor=actor,
                action="service.rules_changed",
                subject_kind="service",
                subject_id=row.id,
                **changed,
            )
        return replace(read_service(row), rules=rules)
