"""Leave an offered time to somebody else."""

from sqlalchemy.orm import Session

from clinic_portal.booking.queries.waiting import OfferFacts, lock_offer, offer_facts_of
from clinic_portal.booking.rules import OfferState
from clinic_portal.booking.steps.waiting import end_offer
from clinic_portal.core.actor import Actor
from clinic_portal.core.audit import record
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import OfferId


def decline_offer(db: Session, clock: Clock, *, offer_id: OfferId, staff: Actor | None = None) -> OfferFacts:
    """Say no to an open offer: the patient stays on the list, the next is asked. The caller has checked the offer's link.

    What was answered already, or ran out, stays as it is. `staff` do it for a patient on the phone, which the audit log says.
    Raises: NotFound.
    """
    with transaction(db):
        _, offer = lock_offer(db, offer_id)
        if offer.state is OfferState.OPEN:
            end_offer(db, clock, offer, OfferState.DECLINED)
            if staff is not None:
                record(
                    db, clock, actor=staff, action="waiting.declined_by_staff", subject_kind="waiting_offer",
                    subject_id=offer.id,
                )  # fmt: skip
        return offer_facts_of(offer)
