"""Give the desk the time to phone about an offer of which no message reached the patient."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from clinic_portal.booking.models import WaitingEntry, WaitingOffer
from clinic_portal.booking.queries import lock_appointment
from clinic_portal.booking.queries.desk_hours import desk_hours
from clinic_portal.booking.queries.phoning import is_told_in_vain
from clinic_portal.booking.queries.visits import visit_for_message
from clinic_portal.booking.queries.waiting import entry_facts, lock_offer, waiting_rules
from clinic_portal.booking.rules import AppointmentState, OfferState, Stretch, offer_until, open_from, without
from clinic_portal.booking.steps.waiting import end_offer, latest_moments
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import AppointmentId, FacilityId, OfferId, ServiceId
from clinic_portal.facilities.queries import facility_by_id, service_by_id


def give_desk_time(db: Session, clock: Clock, *, offer_id: OfferId) -> bool:
    """Have an open offer stand as long as one that only the desk could tell from the start; return whether it changed.

    The caller found that no message reaches the patient. Only the minutes count then in which the desk is open: an offer of
    the evening stands into the morning, with its hold. It never ends earlier than it was said to, unless nothing is on
    its way any more and nobody is at the desk until then: its time goes to the next at once. Safe to call twice.
    """
    with transaction(db):
        try:
            entry, offer = lock_offer(db, offer_id)
        except NotFound:
            return False
        now = clock.now()
        if offer.state is not OfferState.OPEN or offer.ends_at <= now:
            return False
        facility = facility_by_id(db, FacilityId(offer.facility_id))
        desk = desk_hours(db, facility, now=offer.made_at, until=offer.starts_at)
        if not without([Stretch(offer.made_at, offer.ends_at)], desk):
            return False  # The desk is open all the while: the offer stands as it was made.
        until = _desk_until(db, entry, offer, desk)
        if until is not None and until > offer.ends_at:
            return _extend(db, offer, until, now=now)
        left = Stretch(now, offer.ends_at)
        if not any(one.touches(left) for one in desk) and is_told_in_vain(db, offer_id):
            end_offer(db, clock, offer, OfferState.EXPIRED)
            return True
        return False


def _desk_until(
    db: Session, entry: WaitingEntry, offer: WaitingOffer, desk: Sequence[Stretch]
) -> datetime | None:  # fmt: skip
    """Return until when it would stand had it been for the desk to phone when it was made; None: it is too soon for that."""
    opens = open_from(desk, offer.made_at)
    if opens is None:
        return None
    if not entry_facts(entry).asked.is_soon_enough(offer.starts_at, now=opens):
        return None
    service = service_by_id(db, ServiceId(entry.service_id))
    visit = visit_for_message(db, AppointmentId(entry.appointment_id)) if entry.appointment_id else None
    rules, latest = waiting_rules(db, FacilityId(offer.facility_id)), latest_moments(service, offer.starts_at, visit)
    return offer_until(rules, offer.starts_at, latest=latest, now=opens, desk=desk)


def _extend(db: Session, offer: WaitingOffer, until: datetime, *, now: datetime) -> bool:
    if offer.hold_id is not None:
        hold = lock_appointment(db, AppointmentId(offer.hold_id))
        if hold.state is not AppointmentState.PROPOSED or (hold.held_until or now) <= now:
            return False  # The time is gone: the sweep ends the offer.
        hold.held_until = until
    offer.ends_at = until
    return True
