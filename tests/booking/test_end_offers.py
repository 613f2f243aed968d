"""Offers that ran out, and those whose time is gone."""

from datetime import timedelta

from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.rules import AppointmentState, OfferState
from clinic_portal.booking.steps import end_holds
from clinic_portal.booking.use_cases.accept_offer import accept_offer
from clinic_portal.booking.use_cases.end_offers import end_offers
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import OfferId, new_id
from tests.booking.waiting import first_come, free_a_time, join, offer_all, offers, sweep_offers
from tests.support.cast import Cast
from tests.support.clinic import Clinic


def test_an_offer_ends_when_it_said_and_not_before(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    join(db, clock, clinic, cast.patient, cast.patient_person)
    offer_all(db, clock, free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person))
    clock.advance(timedelta(minutes=29, seconds=59))
    assert sweep_offers(db, clock) == 0
    clock.advance(timedelta(seconds=1))
    assert sweep_offers(db, clock) == 1
    (offer,) = offers(db)
    assert (offer.state, offer.ended_at) == (OfferState.EXPIRED, clock.now())
    assert db.get_one(Appointment, offer.hold_id).state is AppointmentState.CANCELLED
    assert sweep_offers(db, clock) == 0
    assert not end_offers(db, clock, offer_id=OfferId(new_id()))


def test_an_offer_ends_when_a_change_of_hours_ended_its_hold(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    join(db, clock, clinic, cast.patient, cast.patient_person)
    offer_all(db, clock, free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person))
    hold = db.get_one(Appointment, offers(db)[0].hold_id)
    with transaction(db):
        end_holds(db, clock, [hold], actor=None, now=clock.now())
    assert sweep_offers(db, clock) == 1
    assert offers(db)[0].state is OfferState.LOST


def test_when_somebody_was_faster_the_others_offers_end(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    first_come(db, clinic)
    join(db, clock, clinic, cast.patient, cast.patient_person)
    join(db, clock, clinic, cast.guardian, cast.child)
    freed = free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person)
    offer_all(db, clock, freed)
    accept_offer(db, clock, offer_id=OfferId(offers(db)[1].id))
    assert sweep_offers(db, clock) == 1
    assert [offer.state for offer in offers(db)] == [OfferState.LOST, OfferState.ACCEPTED]
