"""The jobs of the waiting list: a nudge for each freed time, and the sweep that repairs what was lost."""

from datetime import timedelta

from sqlalchemy.orm import Session

from clinic_portal.booking.jobs import offer_freed_time, sweep_waiting_list
from clinic_portal.booking.models import WaitingEntry
from clinic_portal.booking.rules import AppointmentState, EntryEnd, OfferState
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.ids import new_id
from tests.booking.factory import make_appointment
from tests.booking.waiting import free_a_time, join, offers
from tests.support.cast import Cast
from tests.support.clinic import Clinic


def test_a_nudge_offers_a_freed_time_once(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    join(db, clock, clinic, cast.patient, cast.patient_person)
    freed = free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person)
    for _ in range(2):
        offer_freed_time(str(freed))
    offer_freed_time(str(new_id()))
    assert [offer.state for offer in offers(db)] == [OfferState.OPEN]


def test_the_sweep_does_what_every_lost_nudge_should_have(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    first = join(db, clock, clinic, cast.patient, cast.patient_person)
    second = join(db, clock, clinic, cast.guardian, cast.child)
    visit = make_appointment(db, clinic, cast.guardian_person, practitioner=clinic.rui)
    gone = join(db, clock, clinic, cast.guardian, cast.guardian_person, visit=visit)
    visit.state = AppointmentState.CANCELLED
    free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person)
    sweep_waiting_list()
    assert [offer.entry_id for offer in offers(db)] == [first.id]
    assert db.get_one(WaitingEntry, gone.id, populate_existing=True).end_reason is EntryEnd.VISIT_OVER
    clock.advance(timedelta(minutes=31))
    for _ in range(2):
        sweep_waiting_list()
    assert [(offer.entry_id, offer.state) for offer in offers(db)] == [
        (first.id, OfferState.EXPIRED),
        (second.id, OfferState.OPEN),
    ]
