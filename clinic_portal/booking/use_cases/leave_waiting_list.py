"""Stop waiting."""

from sqlalchemy.orm import Session

from clinic_portal.booking.queries.waiting import lock_entry, own_entry
from clinic_portal.booking.rules import EntryEnd, EntryState
from clinic_portal.booking.steps.waiting import end_entry
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import EntryId


def leave_waiting_list(db: Session, clock: Clock, *, entry_id: EntryId, actor: Actor) -> None:
    """Take a patient off the list; a time that is offered to them goes to the next. Repeating it changes nothing.

    Raises: NotFound (no such, or none of the actor's people); Forbidden (may not act for them).
    """
    with transaction(db):
        own_entry(db, clock, entry_id, actor=actor)
        entry = lock_entry(db, entry_id)
        if entry is not None and entry.state is EntryState.WAITING:
            end_entry(db, clock, entry, EntryEnd.PATIENT)
