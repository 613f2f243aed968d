"""Leaving an offered time to somebody else."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment, WaitingEntry
from clinic_portal.booking.rules import AppointmentState, EntryState, OfferState
from clinic_portal.booking.use_cases.accept_offer import accept_offer
from clinic_portal.booking.use_cases.decline_offer import decline_offer
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.ids import OfferId
from clinic_portal.notifications.models import Message
from tests.booking.waiting import first_of_two, free_a_time, join, offer_all, offers
from tests.support.cast import Cast
from tests.support.clinic import Clinic


def test_a_declined_time_goes_to_the_next_and_the_place_on_the_list_stays(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    first, second, freed = first_of_two(db, clock, clinic, cast)
    offer_id = OfferId(offers(db)[0].id)
    for _ in range(2):
        assert decline_offer(db, clock, offer_id=offer_id).state is OfferState.DECLINED
    assert db.get_one(Appointment, offers(db)[0].hold_id).state is AppointmentState.CANCELLED
    assert db.get_one(WaitingEntry, first.id, populate_existing=True).state is EntryState.WAITING
    assert set(db.scalars(select(Message.state).where(Message.subject_id == offer_id))) == {"cancelled"}
    assert offer_all(db, clock, freed) == 1
    assert [offer.entry_id for offer in offers(db)] == [first.id, second.id]


def test_what_was_taken_is_not_declined_afterwards(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    join(db, clock, clinic, cast.patient, cast.patient_person)
    offer_all(db, clock, free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person))
    offer_id = OfferId(offers(db)[0].id)
    visit = accept_offer(db, clock, offer_id=offer_id)
    clock.advance(timedelta(minutes=1))
    assert decline_offer(db, clock, offer_id=offer_id).state is OfferState.ACCEPTED
    assert db.get_one(Appointment, visit.id).state is AppointmentState.BOOKED
