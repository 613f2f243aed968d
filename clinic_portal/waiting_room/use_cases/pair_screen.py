"""A receptionist types the code that a TV shows."""

from sqlalchemy.orm import Session

from clinic_portal.core import audit
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import FacilityId
from clinic_portal.facilities.queries import works_at
from clinic_portal.waiting_room import queries
from clinic_portal.waiting_room.queries import ScreenFacts, screen_facts
from clinic_portal.waiting_room.rules import ScreenLabel, typed_code


def pair_screen(
    db: Session, clock: Clock, *, facility_id: FacilityId, actor: Actor, code: str, label: ScreenLabel
) -> ScreenFacts:
    """Give the TV that shows this code to the facility: from now on it shows the board.

    The code may be typed in any case, with spaces or dashes.
    Raises: NotFound (not a facility of the actor's); Conflict "screen.code_unknown" (unknown, used or run out).
    """
    with transaction(db):
        if not works_at(db, facility_id, actor=actor):
            raise NotFound
        screen = queries.lock_screen_with_code(db, typed_code(code), now=clock.now())
        if screen is None:
            raise Conflict("screen.code_unknown")
        screen.pair(facility_id=facility_id, label=label, at=clock.now(), by=actor.account_id)
        audit.record(
            db,
            clock,
            actor=actor,
            action="screen.paired",
            subject_kind="screen",
            subject_id=screen.id,
            facility=str(facility_id),
        )
        return screen_facts(screen)
