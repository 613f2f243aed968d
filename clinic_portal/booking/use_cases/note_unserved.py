"""Note who waits in vain, and tell them."""

from datetime import timedelta

from sqlalchemy.orm import Session

from clinic_portal.booking.queries.unserved import judge_now
from clinic_portal.booking.queries.waiting import lock_entry
from clinic_portal.booking.rules import EntryState
from clinic_portal.booking.steps.waiting import UNSERVED
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import EntryId
from clinic_portal.notifications.steps import queue_message, void_messages

#: A change that was a mistake is taken back within the hour, and nobody hears of it.
GRACE = timedelta(hours=1)


def note_unserved(db: Session, clock: Clock, *, entry_id: EntryId) -> bool:
    """Write down why nothing can be offered to an entry any more, or that something can again; return whether that is news.

    They keep their place, and are told once, an hour later if it is still so. Safe to call twice at once.
    """
    with transaction(db):
        entry = lock_entry(db, entry_id, skip_locked=True)
        if entry is None or entry.state is not EntryState.WAITING:
            return False
        unserved = judge_now(db, entry, now=clock.now())
        if unserved is entry.unserved:
            return False
        is_known = entry.unserved is not None
        entry.unserved = unserved
        if unserved is None:
            entry.unserved_since = None
            void_messages(db, clock, subject_id=entry_id, kinds=[UNSERVED])
        elif not is_known:
            entry.unserved_since = clock.now()
            queue_message(db, clock, UNSERVED, subject_id=entry_id, due_at=clock.now() + GRACE)
        return True
