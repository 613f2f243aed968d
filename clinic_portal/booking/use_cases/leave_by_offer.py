"""Stop waiting, with the link of an offer."""

from sqlalchemy.orm import Session

from clinic_portal.booking.queries.waiting import lock_offer
from clinic_portal.booking.rules import EntryEnd, EntryState
from clinic_portal.booking.steps.waiting import end_entry
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import OfferId


def leave_by_offer(db: Session, clock: Clock, *, offer_id: OfferId) -> None:
    """Take off the list whoever got an offer. The caller has checked its link. Repeating it changes nothing.

    Raises: NotFound.
    """
    with transaction(db):
        entry, _ = lock_offer(db, offer_id)
        if entry.state is EntryState.WAITING:
            end_entry(db, clock, entry, EntryEnd.PATIENT)
