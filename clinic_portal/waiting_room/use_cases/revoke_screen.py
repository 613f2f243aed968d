"""A TV goes out of service."""

from sqlalchemy.orm import Session

from clinic_portal.core import audit
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import FacilityId, ScreenId
from clinic_portal.waiting_room import queries, steps


def revoke_screen(db: Session, clock: Clock, *, screen_id: ScreenId, facility_id: FacilityId, actor: Actor) -> None:
    """Have a screen show nothing any more; opened again, it asks to be paired anew.

    Raises: NotFound (no such screen at a facility of the actor's, or revoked before).
    """
    with transaction(db):
        screen = queries.lock_screen_for_staff(db, screen_id, facility_id=facility_id, actor=actor)
        screen.revoked_at = clock.now()
        audit.record(
            db,
            clock,
            actor=actor,
            action="screen.revoked",
            subject_kind="screen",
            subject_id=screen.id,
            facility=str(facility_id),
        )
        steps.queue_changed(db, steps.lock_queue(db, clock, facility_id))
