"""Take off the list who no longer waits."""

from sqlalchemy.orm import Session

from clinic_portal.booking.queries.waiting import entry_over, lock_entry
from clinic_portal.booking.rules import EntryState
from clinic_portal.booking.steps.waiting import end_entry
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import EntryId


def end_entries(db: Session, clock: Clock, *, entry_id: EntryId) -> bool:
    """End the entry if nothing can be offered to it any more (its visit is over, its days have passed); return whether.

    Safe to call twice at once.
    """
    with transaction(db):
        entry = lock_entry(db, entry_id, skip_locked=True)
        reason = entry_over(db, clock, entry) if entry is not None and entry.state is EntryState.WAITING else None
        if entry is None or reason is None:
            return False
        end_entry(db, clock, entry, reason)
        return True
