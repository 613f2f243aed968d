"""End an offer that ran out, whose time is gone, or that no longer fits."""

from datetime import timedelta

from sqlalchemy.orm import Session

from clinic_portal.booking.models import WaitingEntry, WaitingOffer
from clinic_portal.booking.queries.waiting import is_firmly_taken, is_still_held, lock_offer, still_suits
from clinic_portal.booking.rules import OfferState
from clinic_portal.booking.steps.waiting import end_offer
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import OfferId, ServiceId
from clinic_portal.facilities.queries import service_by_id


def end_offers(db: Session, clock: Clock, *, offer_id: OfferId) -> bool:
    """End the offer if it is over, so that its time goes to the next; return whether it was.

    Nobody waits for it: an offer that ran out cannot be taken, whatever its row says. Safe to call twice at once.
    """
    with transaction(db):
        try:
            entry, offer = lock_offer(db, offer_id)
        except NotFound:
            return False
        if offer.state is not OfferState.OPEN:
            return False
        if offer.ends_at <= clock.now():
            end_offer(db, clock, offer, OfferState.EXPIRED)
            return True
        if not still_suits(db, entry, offer):
            end_offer(db, clock, offer, OfferState.WITHDRAWN)  # The visit was moved meanwhile, to a time before it.
            return True
        if _is_lost(db, clock, entry, offer):
            end_offer(db, clock, offer, OfferState.LOST)
            return True
        return False


def _is_lost(db: Session, clock: Clock, entry: WaitingEntry, offer: WaitingOffer) -> bool:
    if offer.hold_id is not None:
        return not is_still_held(db, OfferId(offer.id), now=clock.now())
    minutes = service_by_id(db, ServiceId(entry.service_id)).minutes
    return is_firmly_taken(db, offer, end=offer.starts_at + timedelta(minutes=minutes))
