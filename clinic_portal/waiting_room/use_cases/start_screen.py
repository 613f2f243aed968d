"""A TV opens its page for the first time."""

import secrets
from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from clinic_portal.accounts.queries import token_hash
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.waiting_room import steps
from clinic_portal.waiting_room.models import Screen
from clinic_portal.waiting_room.queries import ScreenFacts, screen_facts

#: An unpaired screen that has not asked for a new code for this long was switched off.
FORGOTTEN_AFTER = timedelta(hours=1)


def start_screen(db: Session, clock: Clock) -> tuple[str, ScreenFacts]:
    """Make a screen that shows a pairing code, and forget unpaired ones that were switched off.

    Returns the token for its cookie, which is stored nowhere, and the screen.
    """
    token = secrets.token_urlsafe(32)
    with transaction(db):
        now = clock.now()
        db.execute(delete(Screen).where(Screen.paired_at.is_(None), Screen.pairing_expires_at < now - FORGOTTEN_AFTER))
        screen = Screen(token_hash=token_hash(token), created_at=now)
        steps.show_new_code(db, clock, screen)
        db.add(screen)
        db.flush()
        return token, screen_facts(screen)
