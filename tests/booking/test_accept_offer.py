"""Taking an offered time."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment, AppointmentHistory, FreedTime, WaitingEntry
from clinic_portal.booking.rules import LIVE_STATES, AppointmentState, EntryState, OfferState
from clinic_portal.booking.steps import NewTime
from clinic_portal.booking.use_cases.accept_offer import accept_offer
from clinic_portal.booking.use_cases.hold_time import hold_time
from clinic_portal.booking.use_cases.move_appointment import move_appointment
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import AppointmentId, FacilityId, FreedTimeId, OfferId, PractitionerId, new_id
from clinic_portal.notifications.models import Message
from clinic_portal.practitioners.models import Absence
from tests.booking.factory import THURSDAY, make_appointment
from tests.booking.holding import choose
from tests.booking.waiting import TUESDAY, first_come, free_a_time, join, offer_all, offers
from tests.support.cast import Cast
from tests.support.clinic import Clinic


def refusal(db: Session, clock: FixedClock, number: int = 0) -> str:
    with pytest.raises(Conflict) as refused:
        accept_offer(db, clock, offer_id=OfferId(offers(db)[number].id))
    return refused.value.code


def live(db: Session) -> list[Appointment]:
    rows = select(Appointment).where(Appointment.state.in_(LIVE_STATES)).order_by(Appointment.starts_at)
    return list(db.scalars(rows.execution_options(populate_existing=True)))


def test_without_a_visit_the_time_is_booked(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    entry = join(db, clock, clinic, cast.guardian, cast.child)
    offer_all(db, clock, free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person))
    offer_id = OfferId(offers(db)[0].id)
    visits = [accept_offer(db, clock, offer_id=offer_id) for _ in range(2)]
    assert visits[0] == visits[1]
    (row,) = live(db)
    assert (row.id, row.state, row.patient_id, row.starts_at) == (
        visits[0].id, AppointmentState.BOOKED, cast.child.id, TUESDAY,
    )  # fmt: skip
    assert row.booked_by_account_id == cast.guardian.id
    (offer,) = offers(db)
    assert (offer.state, offer.appointment_id, offer.ended_at) == (OfferState.ACCEPTED, row.id, clock.now())
    assert db.get_one(WaitingEntry, entry.id, populate_existing=True).state is EntryState.TAKEN
    kinds = db.scalars(select(Message.kind).where(Message.subject_id == row.id)).all()
    assert kinds.count("appointment_booked") == 2
    assert kinds.count("reminder") == 2, "by SMS and by e-mail"


def test_a_visit_is_moved_into_the_time_and_its_old_time_offered_to_the_next(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    visit = make_appointment(db, clinic, cast.patient_person, at=THURSDAY, practitioner=clinic.rui)
    reference, old_time = visit.reference, visit.starts_at
    join(db, clock, clinic, cast.patient, cast.patient_person, visit=visit)
    offer_all(db, clock, free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person))
    other = join(db, clock, clinic, cast.guardian, cast.child)
    moved = accept_offer(db, clock, offer_id=OfferId(offers(db)[0].id))
    (row,) = live(db)
    assert (row.id, row.reference, row.starts_at, row.sequence) == (visit.id, reference, TUESDAY, 1)
    assert (moved.id, moved.practitioner_id) == (visit.id, clinic.ines.id)
    last = db.scalars(select(AppointmentHistory).where(AppointmentHistory.appointment_id == row.id)).all()[-1]
    assert (last.reason, last.account_id, last.actor_name) == ("moved", cast.patient.id, "offer-link")
    freed = db.scalars(select(FreedTime).order_by(FreedTime.id.desc())).first()
    assert freed is not None
    assert (freed.practitioner_id, freed.starts_at) == (clinic.rui.id, old_time)
    assert offer_all(db, clock, FreedTimeId(freed.id)) == 1
    assert (offers(db)[-1].entry_id, offers(db)[-1].starts_at) == (other.id, old_time)


def test_a_visit_may_be_brought_forward_by_less_than_it_lasts(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    visit = make_appointment(
        db, clinic, cast.patient_person, at=TUESDAY + timedelta(minutes=15), practitioner=clinic.rui
    )
    join(db, clock, clinic, cast.patient, cast.patient_person, visit=visit)
    offer_all(db, clock, free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person))
    accept_offer(db, clock, offer_id=OfferId(offers(db)[0].id))
    assert [(row.id, row.starts_at) for row in live(db)] == [(visit.id, TUESDAY)]


def test_an_offer_that_ran_out_is_not_taken(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    visit = make_appointment(db, clinic, cast.patient_person, practitioner=clinic.rui)
    join(db, clock, clinic, cast.patient, cast.patient_person, visit=visit)
    offer_all(db, clock, free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person))
    clock.advance(timedelta(minutes=30))
    assert refusal(db, clock) == "offer.over"
    assert db.get_one(Appointment, visit.id, populate_existing=True).starts_at == THURSDAY
    with pytest.raises(NotFound):
        accept_offer(db, clock, offer_id=OfferId(new_id()))


def test_whoever_cancelled_the_visit_meanwhile_gets_no_other(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    visit = make_appointment(db, clinic, cast.patient_person, practitioner=clinic.rui)
    join(db, clock, clinic, cast.patient, cast.patient_person, visit=visit)
    offer_all(db, clock, free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person))
    visit.state = AppointmentState.CANCELLED
    assert refusal(db, clock) == "offer.over"


def test_somebody_with_another_visit_by_then_is_told_so_and_keeps_the_old_one(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    visit = make_appointment(db, clinic, cast.patient_person, practitioner=clinic.rui)
    join(db, clock, clinic, cast.patient, cast.patient_person, visit=visit)
    offer_all(db, clock, free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person))
    make_appointment(db, clinic, cast.patient_person, at=TUESDAY, practitioner=clinic.rui)
    assert refusal(db, clock) == "appointment.patient_overlap"
    assert db.get_one(Appointment, visit.id, populate_existing=True).starts_at == THURSDAY
    # The time is still held for them: they may cancel the other visit and try again.
    assert db.get_one(Appointment, offers(db)[0].hold_id, populate_existing=True).state is AppointmentState.PROPOSED


def test_visits_of_that_day_are_counted_again(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    """Somebody who waits for a second massage moves the first one to the day of the offer."""
    clinic.massage.visits_per_day = 1
    first = make_appointment(db, clinic, cast.patient_person, practitioner=clinic.rui)
    join(db, clock, clinic, cast.patient, cast.patient_person)
    offer_all(db, clock, free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person))
    to = NewTime(FacilityId(clinic.lisbon.id), TUESDAY + timedelta(hours=6), PractitionerId(clinic.rui.id))
    move_appointment(db, clock, appointment_id=AppointmentId(first.id), actor=cast.patient.actor(), to=to)
    assert refusal(db, clock) == "appointment.too_many_that_day"
    assert [row.id for row in live(db) if row.state is AppointmentState.BOOKED] == [first.id]


def test_hours_are_judged_again(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    join(db, clock, clinic, cast.patient, cast.patient_person)
    offer_all(db, clock, free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person))
    away = {"starts_at": TUESDAY, "ends_at": TUESDAY + timedelta(hours=1), "reason": "ill"}
    db.add(Absence(practitioner_id=clinic.ines.id, **away))
    db.flush()
    assert refusal(db, clock) == "offer.lost"


def test_first_come_the_second_hears_that_somebody_was_faster_and_stays_on_the_list(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    first_come(db, clinic)
    join(db, clock, clinic, cast.patient, cast.patient_person)
    slow = join(db, clock, clinic, cast.guardian, cast.child)
    offer_all(db, clock, free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person))
    accept_offer(db, clock, offer_id=OfferId(offers(db)[0].id))
    assert refusal(db, clock, 1) == "appointment.slot_taken"
    assert db.get_one(WaitingEntry, slow.id, populate_existing=True).state is EntryState.WAITING


def test_first_come_somebody_at_the_booking_page_may_be_faster(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    first_come(db, clinic)
    join(db, clock, clinic, cast.patient, cast.patient_person)
    offer_all(db, clock, free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person))
    hold_time(db, clock, choice=choose(clinic, at=TUESDAY, practitioner=clinic.ines), hold_key="a", actor=None)
    assert refusal(db, clock) == "appointment.slot_taken"
    clock.advance(timedelta(minutes=10))
    assert accept_offer(db, clock, offer_id=OfferId(offers(db)[0].id)).starts_at == TUESDAY
