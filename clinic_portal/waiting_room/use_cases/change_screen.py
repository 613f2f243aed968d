"""A TV gets another name or speaks another language."""

from sqlalchemy.orm import Session

from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import FacilityId, ScreenId
from clinic_portal.waiting_room import queries, steps
from clinic_portal.waiting_room.queries import ScreenFacts, screen_facts
from clinic_portal.waiting_room.rules import ScreenLabel


def change_screen(
    db: Session,
    clock: Clock,
    *,
    screen_id: ScreenId,
    facility_id: FacilityId,
    actor: Actor,
    label: ScreenLabel,
) -> ScreenFacts:
    """Rename a screen and set its language; it shows both within seconds.

    Raises: NotFound (no such screen at a facility of the actor's).
    """
    with transaction(db):
        screen = queries.lock_screen_for_staff(db, screen_id, facility_id=facility_id, actor=actor)
        if ScreenLabel(screen.name, screen.language) != label:
            screen.relabel(label)
            steps.queue_changed(db, steps.lock_queue(db, clock, facility_id))
        return screen_facts(screen)
