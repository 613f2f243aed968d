"""Give back the times whose holds ran out."""

from sqlalchemy.orm import Session

from clinic_portal.booking import steps
from clinic_portal.booking.queries.holds import lock_expired_holds
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction

BATCH = 100


def end_expired_holds(db: Session, clock: Clock) -> int:
    """Cancel a batch of holds that ran out and return how many there were.

    Nobody waits for it: an expired hold counts as free, and who wants the time ends it on the way. Two sweepers at once
    take different rows.
    """
    with transaction(db):
        now = clock.now()
        rows = lock_expired_holds(db, now=now, limit=BATCH)
        steps.end_holds(db, clock, rows, actor=None, now=now)
        return len(rows)
