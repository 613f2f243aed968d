"""A pairing code has run out."""

from sqlalchemy.orm import Session

from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import ScreenId
from clinic_portal.waiting_room import queries, steps
from clinic_portal.waiting_room.queries import ScreenFacts, screen_facts
from clinic_portal.waiting_room.rules import code_has_expired


def renew_code(db: Session, clock: Clock, *, screen_id: ScreenId) -> ScreenFacts:
    """Show another code on a screen that is not paired and whose code has run out; else change nothing.

    Raises: NotFound (no such screen).
    """
    with transaction(db):
        screen = queries.lock_screen(db, screen_id)
        if screen.paired_at is None and code_has_expired(screen.pairing_expires_at, now=clock.now()):
            steps.show_new_code(db, clock, screen)
        return screen_facts(screen)
