"""Change how a facility offers times that come free."""

from dataclasses import asdict
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from clinic_portal.booking.models import WaitingPolicy
from clinic_portal.booking.rules import WaitingRules
from clinic_portal.core import audit
from clinic_portal.core.actor import Actor, Role
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import Forbidden
from clinic_portal.core.ids import FacilityId
from clinic_portal.facilities.queries import facility_by_id

ONE_MINUTE = timedelta(minutes=1)


def change_waiting_policy(
    db: Session, clock: Clock, *, facility_id: FacilityId, rules: WaitingRules, actor: Actor
) -> None:
    """Set how a facility offers times from now on; an offer that is open stands as it was made.

    Setting what already counts writes nothing down.
    Raises: Forbidden (no administrator); NotFound.
    """
    if actor.role is not Role.ADMINISTRATOR:
        raise Forbidden
    with transaction(db):
        facility_by_id(db, facility_id)
        # Whoever comes second finds the first one's row and waits for its lock.
        defaults = _columns(WaitingRules()) | {"facility_id": facility_id}
        db.execute(insert(WaitingPolicy).values(defaults).on_conflict_do_nothing())
        row = db.scalars(
            select(WaitingPolicy)
            .where(WaitingPolicy.facility_id == facility_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).one()
        before = row.rules
        for name, value in _columns(rules).items():
            setattr(row, name, value)
        changed = {name: str(value) for name, value in asdict(rules).items() if value != getattr(before, name)}
        if changed:
            audit.record(
                db,
                clock,
                actor=actor,
                action="waiting_policy.changed",
                subject_kind="facility",
                subject_id=facility_id,
                **changed,
            )


def _columns(rules: WaitingRules) -> dict[str, object]:
    return {
        "mode": rules.mode,
        "offer_minutes": rules.stands // ONE_MINUTE,
        "stop_minutes": rules.stop_before // ONE_MINUTE,
    }
