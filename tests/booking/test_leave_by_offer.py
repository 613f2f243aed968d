"""Stopping to wait with the link of an offer."""

import pytest
from sqlalchemy.orm import Session

from clinic_portal.booking.models import WaitingEntry
from clinic_portal.booking.rules import EntryEnd, EntryState, OfferState
from clinic_portal.booking.use_cases.accept_offer import accept_offer
from clinic_portal.booking.use_cases.leave_by_offer import leave_by_offer
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import OfferId, new_id
from tests.booking.waiting import first_of_two, free_a_time, join, offer_all, offers
from tests.support.cast import Cast
from tests.support.clinic import Clinic


def test_the_link_ends_waiting_and_the_offer_goes_to_the_next(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    first, _, freed = first_of_two(db, clock, clinic, cast)
    for _ in range(2):
        leave_by_offer(db, clock, offer_id=OfferId(offers(db)[0].id))
    row = db.get_one(WaitingEntry, first.id, populate_existing=True)
    assert (row.state, row.end_reason) == (EntryState.ENDED, EntryEnd.PATIENT)
    assert offer_all(db, clock, freed) == 1
    assert [one.state for one in offers(db)] == [OfferState.WITHDRAWN, OfferState.OPEN]
    with pytest.raises(NotFound):
        leave_by_offer(db, clock, offer_id=OfferId(new_id()))


def test_who_took_a_time_keeps_it(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    entry = join(db, clock, clinic, cast.patient, cast.patient_person)
    offer_all(db, clock, free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person))
    accept_offer(db, clock, offer_id=OfferId(offers(db)[0].id))
    leave_by_offer(db, clock, offer_id=OfferId(offers(db)[0].id))
    assert db.get_one(WaitingEntry, entry.id, populate_existing=True).state is EntryState.TAKEN
