"""A screen has fetched its board."""

from sqlalchemy.orm import Session

from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.waiting_room import queries
from clinic_portal.waiting_room.queries import ScreenFacts, screen_facts
from clinic_portal.waiting_room.rules import is_worth_noting


def note_seen(db: Session, clock: Clock, *, screen: ScreenFacts) -> ScreenFacts:
    """Keep when a screen was last heard of, at most every ten seconds, so that the desk sees one that is silent.

    Raises: NotFound (revoked meanwhile).
    """
    if not is_worth_noting(screen.last_seen_at, now=clock.now()):
        return screen
    with transaction(db):
        row = queries.lock_screen(db, screen.id)
        row.last_seen_at = clock.now()
        return screen_facts(row)
