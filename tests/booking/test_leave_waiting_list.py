"""Stopping to wait."""

import pytest
from sqlalchemy.orm import Session

from clinic_portal.booking.models import WaitingEntry
from clinic_portal.booking.rules import EntryEnd, EntryState, OfferState
from clinic_portal.booking.use_cases.leave_waiting_list import leave_waiting_list
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import NotFound
from tests.booking.waiting import entry_id, first_of_two, join, offer_all, offers
from tests.support.cast import Cast
from tests.support.clinic import Clinic


def test_who_leaves_gives_the_offered_time_to_the_next(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    first, second, freed = first_of_two(db, clock, clinic, cast)
    for _ in range(2):
        leave_waiting_list(db, clock, entry_id=entry_id(first), actor=cast.patient.actor())
    row = db.get_one(WaitingEntry, first.id, populate_existing=True)
    assert (row.state, row.end_reason, row.ended_at) == (EntryState.ENDED, EntryEnd.PATIENT, clock.now())
    assert offer_all(db, clock, freed) == 1
    assert [(offer.entry_id, offer.state) for offer in offers(db)] == [
        (first.id, OfferState.WITHDRAWN),
        (second.id, OfferState.OPEN),
    ]


def test_a_stranger_ends_nobodys_waiting(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    entry = join(db, clock, clinic, cast.patient, cast.patient_person)
    with pytest.raises(NotFound):
        leave_waiting_list(db, clock, entry_id=entry_id(entry), actor=cast.stranger.actor())
    assert db.get_one(WaitingEntry, entry.id, populate_existing=True).state is EntryState.WAITING
