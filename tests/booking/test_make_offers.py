"""To whom a time that came free is offered."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment, FreedTime, VisitPolicy, WaitingEntry
from clinic_portal.booking.rules import AppointmentState, EntryEnd, OfferState, PartOfDay
from clinic_portal.booking.steps import NewTime
from clinic_portal.booking.use_cases.change_hours import change_hours
from clinic_portal.booking.use_cases.decline_offer import decline_offer
from clinic_portal.booking.use_cases.end_expired_holds import end_expired_holds
from clinic_portal.booking.use_cases.hold_time import hold_time
from clinic_portal.booking.use_cases.make_offers import make_offers
from clinic_portal.booking.use_cases.move_appointment import move_appointment
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.ids import AbsenceId, AppointmentId, FacilityId, FreedTimeId, OfferId, PractitionerId
from clinic_portal.notifications.models import Message
from clinic_portal.practitioners.models import Absence
from clinic_portal.practitioners.steps import RemoveAbsence
from tests.booking.factory import THURSDAY, make_appointment
from tests.booking.holding import choose, end_right
from tests.booking.waiting import TUESDAY, first_come, free_a_time, join, offer_all, offers, sweep_offers
from tests.support.cast import Cast
from tests.support.clinic import Clinic


def test_one_at_a_time_who_asked_first_is_asked_first_and_the_time_is_held(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    later = join(db, clock, clinic, cast.guardian, cast.child)
    later.created_at += timedelta(minutes=1)
    first = join(db, clock, clinic, cast.patient, cast.patient_person)
    freed = free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person)
    assert offer_all(db, clock, freed) == 1
    (offer,) = offers(db)
    assert (offer.entry_id, offer.starts_at, offer.practitioner_id) == (first.id, TUESDAY, clinic.ines.id)
    assert offer.ends_at == clock.now() + timedelta(minutes=30)
    hold = db.get_one(Appointment, offer.hold_id)
    # Nobody's yet: it takes up nothing of the patient's time.
    assert (hold.state, hold.held_until, hold.patient_id) == (AppointmentState.PROPOSED, offer.ends_at, None)
    sent = db.scalars(select(Message.channel).where(Message.kind == "time_offered", Message.subject_id == offer.id))
    assert sorted(sent) == ["email", "sms"]
    clock.advance(timedelta(minutes=30))
    assert sweep_offers(db, clock) == 1
    assert offer_all(db, clock, freed) == 1
    assert [(one.entry_id, one.state) for one in offers(db)] == [
        (first.id, OfferState.EXPIRED),
        (later.id, OfferState.OPEN),
    ]
    clock.advance(timedelta(minutes=30))
    sweep_offers(db, clock)
    # Nobody is asked twice about one time; when nobody is left, the work is done and the time is free for all.
    assert offer_all(db, clock, freed) == 0
    assert db.get_one(FreedTime, freed, populate_existing=True).closed_at == clock.now()
    assert hold_time(db, clock, choice=choose(clinic, at=TUESDAY, practitioner=clinic.ines), hold_key="a", actor=None)


@pytest.mark.parametrize(
    "asked",
    [
        {"weekdays": frozenset({0, 2, 3, 4, 5, 6})},
        {"parts": frozenset({PartOfDay.AFTERNOON, PartOfDay.AFTER_WORK})},
        {"from_day": date(2026, 11, 25)},
        {"until_day": date(2026, 11, 23)},
        {"practitioner_id": "rui"},
        {"facility_id": "azores"},
        {"service": "evaluation"},
        {"notice": timedelta(days=1)},
    ],
    ids=lambda asked: next(iter(asked)),
)
def test_whoever_asked_for_something_else_is_not_asked(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, asked: dict[str, object]
) -> None:
    named = {name: getattr(clinic, value) if isinstance(value, str) else value for name, value in asked.items()}
    wish = {name: getattr(value, "id", value) if name != "service" else value for name, value in named.items()}
    # The half hours beside it are taken: an evaluation of an hour does not fit in.
    make_appointment(db, clinic, cast.stranger_person, at=TUESDAY + timedelta(minutes=30))
    join(db, clock, clinic, cast.patient, cast.patient_person, **wish)
    freed = free_a_time(db, clock, clinic, cast.guardian, cast.guardian_person)
    assert offer_all(db, clock, freed) == 0
    assert offers(db) == []


@pytest.mark.parametrize(("seconds", "made"), [(0, 1), (1, 0)])
def test_who_needs_notice_hears_of_a_time_so_long_before_it(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, seconds: int, made: int
) -> None:
    join(db, clock, clinic, cast.patient, cast.patient_person, notice=timedelta(days=2))
    clock.at = THURSDAY - timedelta(days=2) + timedelta(seconds=seconds)
    freed = free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person, at=THURSDAY)
    assert offer_all(db, clock, freed) == made
    # From then on the offer stands as any other.
    assert [one.ends_at - one.made_at for one in offers(db)] == [timedelta(minutes=30)] * made


def test_a_visit_is_brought_forward_never_put_back(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    visit = make_appointment(db, clinic, cast.patient_person, at=THURSDAY, practitioner=clinic.rui)
    join(db, clock, clinic, cast.patient, cast.patient_person, visit=visit)
    later = free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person, at=THURSDAY + timedelta(minutes=30))
    assert offer_all(db, clock, later) == 0
    earlier = free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person, at=THURSDAY - timedelta(minutes=30))
    assert offer_all(db, clock, earlier) == 1


def test_the_time_that_a_moved_visit_had_is_offered(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    join(db, clock, clinic, cast.patient, cast.patient_person, until_day=date(2026, 11, 24))
    visit = make_appointment(db, clinic, cast.stranger_person, at=TUESDAY)
    to = NewTime(FacilityId(clinic.lisbon.id), THURSDAY, PractitionerId(clinic.rui.id))
    move_appointment(db, clock, appointment_id=AppointmentId(visit.id), actor=cast.stranger.actor(), to=to)
    (freed,) = db.scalars(select(FreedTime))
    assert (freed.practitioner_id, freed.starts_at) == (clinic.ines.id, TUESDAY)
    assert offer_all(db, clock, FreedTimeId(freed.id)) == 1
    assert offers(db)[0].starts_at == TUESDAY


def test_whoever_has_another_visit_then_is_left_out(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    join(db, clock, clinic, cast.patient, cast.patient_person)
    make_appointment(db, clinic, cast.patient_person, at=TUESDAY, practitioner=clinic.rui, service=clinic.evaluation)
    freed = free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person)
    assert offer_all(db, clock, freed) == 0


def test_too_close_to_the_visit_nothing_is_offered(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    join(db, clock, clinic, cast.patient, cast.patient_person)
    soon = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    freed = free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person, at=soon)
    assert offer_all(db, clock, freed) == 0
    assert db.get_one(FreedTime, freed, populate_existing=True).closed_at is not None


def test_at_night_the_offer_waits_for_the_morning(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    join(db, clock, clinic, cast.patient, cast.patient_person)
    clock.at = datetime(2026, 11, 23, 23, 0, tzinfo=UTC)
    freed = free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person, at=TUESDAY + timedelta(hours=3))
    assert offer_all(db, clock, freed) == 0
    clock.at = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
    assert offer_all(db, clock, freed) == 1


def test_a_time_that_somebody_holds_is_offered_when_the_hold_ends(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    join(db, clock, clinic, cast.patient, cast.patient_person)
    freed = free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person)
    hold_time(db, clock, choice=choose(clinic, at=TUESDAY, practitioner=clinic.ines), hold_key="a", actor=None)
    assert offer_all(db, clock, freed) == 0
    clock.advance(timedelta(minutes=10))
    end_expired_holds(db, clock)
    assert offer_all(db, clock, freed) == 1


def test_who_looks_at_an_offer_gets_the_next_one_after_answering(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    join(db, clock, clinic, cast.patient, cast.patient_person)
    one = free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person)
    assert offer_all(db, clock, one) == 1
    other = free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person, at=TUESDAY + timedelta(hours=1))
    assert offer_all(db, clock, other) == 0
    decline_offer(db, clock, offer_id=OfferId(offers(db)[0].id))
    assert offer_all(db, clock, other) == 1
    assert [offer.state for offer in offers(db)] == [OfferState.DECLINED, OfferState.OPEN]


def test_first_come_many_are_told_and_nothing_is_held(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    first_come(db, clinic)
    join(db, clock, clinic, cast.patient, cast.patient_person)
    join(db, clock, clinic, cast.guardian, cast.child)
    freed = free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person)
    assert make_offers(db, clock, freed_time_id=freed) == 2
    assert make_offers(db, clock, freed_time_id=freed) == 0
    assert {offer.hold_id for offer in offers(db)} == {None}
    assert hold_time(db, clock, choice=choose(clinic, at=TUESDAY, practitioner=clinic.ines), hold_key="a", actor=None)


def test_hours_that_are_worked_after_all_are_offered(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    wish = {"until_day": date(2026, 11, 25), "practitioner_id": clinic.ines.id}
    first = join(db, clock, clinic, cast.patient, cast.patient_person, **wish)
    second = join(db, clock, clinic, cast.guardian, cast.child, **wish)
    away = Absence(
        practitioner_id=clinic.ines.id, starts_at=datetime(2026, 11, 25, tzinfo=UTC),
        ends_at=datetime(2026, 11, 26, 12, 0, tzinfo=UTC), reason="course",
    )  # fmt: skip
    db.add(away)
    db.commit()
    change = RemoveAbsence(PractitionerId(clinic.ines.id), AbsenceId(away.id))
    change_hours(db, clock, change=change, answers={}, actor=cast.administrator.actor())
    days = [FreedTimeId(row.id) for row in db.scalars(select(FreedTime).order_by(FreedTime.starts_at))]
    assert len(days) == 2
    assert [offer_all(db, clock, one) for one in days] == [2, 0]
    # Two people, two times of the day that came free.
    nine = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
    assert [(one.entry_id, one.starts_at) for one in offers(db)] == [
        (first.id, nine),
        (second.id, nine + timedelta(minutes=30)),
    ]


def test_a_service_that_is_no_longer_booked_is_offered_to_those_alone_who_have_a_visit(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    join(db, clock, clinic, cast.guardian, cast.child)
    visit = make_appointment(db, clinic, cast.patient_person, practitioner=clinic.rui)
    moving = join(db, clock, clinic, cast.patient, cast.patient_person, visit=visit)
    clinic.massage.is_bookable = False
    db.flush()
    freed = free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person)
    assert offer_all(db, clock, freed) == 1
    assert [one.entry_id for one in offers(db)] == [moving.id]


def test_who_missed_too_many_visits_is_not_offered_what_they_may_not_book(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    join(db, clock, clinic, cast.patient, cast.patient_person)
    db.execute(update(VisitPolicy).values(noshow_limit=1))
    missed = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
    make_appointment(db, clinic, cast.patient_person, at=missed, state=AppointmentState.NOSHOW)
    freed = free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person)
    assert offer_all(db, clock, freed) == 0


def test_whoever_no_longer_waits_is_taken_off_the_list(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    visit = make_appointment(db, clinic, cast.patient_person)
    over = join(db, clock, clinic, cast.patient, cast.patient_person, visit=visit)
    visit.state = AppointmentState.CANCELLED
    no_right = join(db, clock, clinic, cast.guardian, cast.child)
    end_right(db, cast, clock)
    freed = free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person)
    assert offer_all(db, clock, freed) == 0
    reasons = {row.id: row.end_reason for row in db.scalars(select(WaitingEntry))}
    assert reasons == {over.id: EntryEnd.VISIT_OVER, no_right.id: EntryEnd.NO_RIGHT}
