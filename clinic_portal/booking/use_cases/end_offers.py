"""End an offer that ran out, whose time is gone, or that no longer fits."""

from sqlalchemy.orm import Session

from clinic_portal.booking.queries.standing import standing_of
from clinic_portal.booking.queries.waiting import lock_offer
from clinic_portal.booking.rules import OfferState
from clinic_portal.booking.steps.waiting import end_offer
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import OfferId


def end_offers(db: Session, clock: Clock, *, offer_id: OfferId) -> bool:
    """End the offer if it is over, so that its time goes to the next; return whether it was.

    Nobody waits for it: an offer that is over is shown so, and cannot be taken, whatever its row says. Safe to call
    twice at once.
    """
    with transaction(db):
        try:
            entry, offer = lock_offer(db, offer_id)
        except NotFound:
            return False
        if offer.state is not OfferState.OPEN:
            return False
        ending = standing_of(db, clock, offer, entry).ends_as
        if ending is not None:
            end_offer(db, clock, offer, ending)
        return ending is not None
