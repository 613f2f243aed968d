"""Asking to be told of a time that comes free."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from clinic_portal.booking.models import VisitPolicy, WaitingEntry
from clinic_portal.booking.rules import AppointmentState, EntryEnd, EntryState, PartOfDay
from clinic_portal.booking.use_cases.end_entries import end_entries
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import Conflict, Forbidden, NotFound
from clinic_portal.core.ids import new_id
from clinic_portal.core.modes import Mode
from tests.booking.factory import make_appointment
from tests.booking.holding import end_right
from tests.booking.online import work_online
from tests.booking.waiting import entry_id, free_a_time, join, offer_all, offers
from tests.support.cast import Cast
from tests.support.clinic import Clinic


def test_joining_again_changes_the_wishes_and_keeps_the_place(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    first = join(db, clock, clinic, cast.patient, cast.patient_person, weekdays=frozenset({0, 2}))
    joined_at = first.created_at
    clock.advance(timedelta(days=1))
    parts = frozenset({PartOfDay.MORNING, PartOfDay.AFTER_WORK})
    again = join(
        db, clock, clinic, cast.patient, cast.patient_person, parts=parts, practitioner_id=clinic.rui.id,
        facility_id=clinic.lisbon.id,
    )  # fmt: skip
    assert (again.id, again.created_at, again.state) == (first.id, joined_at, EntryState.WAITING)
    assert (again.weekdays, again.parts) == ([], ["after-work", "morning"])
    assert (again.practitioner_id, again.facility_id) == (clinic.rui.id, clinic.lisbon.id)
    other = join(db, clock, clinic, cast.patient, cast.patient_person, service=clinic.evaluation)
    assert other.id != first.id


def test_a_wish_to_meet_otherwise_lets_go_of_the_visit(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    work_online(db, clinic, who=clinic.rui)
    visit = make_appointment(db, clinic, cast.patient_person)
    entry = join(db, clock, clinic, cast.patient, cast.patient_person, visit=visit)
    # Asked for as a new visit, and as the visit that there is: it stays the one to bring forward.
    assert join(db, clock, clinic, cast.patient, cast.patient_person).appointment_id == visit.id
    join(db, clock, clinic, cast.patient, cast.patient_person, mode=Mode.ONLINE)
    db.refresh(entry)
    assert (entry.state, entry.mode, entry.appointment_id) == (EntryState.WAITING, Mode.ONLINE, None)
    offer_all(db, clock, free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person))
    assert not offers(db)


def test_the_database_knows_one_place_for_a_patient_and_a_service(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    entry = join(db, clock, clinic, cast.patient, cast.patient_person)
    copy = {name: getattr(entry, name) for name in WaitingEntry.__table__.columns.keys()}  # noqa: SIM118 - no mapping
    db.add(WaitingEntry(**copy | {"id": new_id()}))
    with pytest.raises(IntegrityError, match="ix_waiting_entry_live"):
        db.flush()
    db.rollback()


def test_who_may_not_book_for_somebody_does_not_wait_for_them_either(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    assert join(db, clock, clinic, cast.guardian, cast.child).account_id == cast.guardian.id
    with pytest.raises(NotFound):
        join(db, clock, clinic, cast.stranger, cast.patient_person)
    end_right(db, cast, clock)
    with pytest.raises(Forbidden):
        join(db, clock, clinic, cast.guardian, cast.child, service=clinic.evaluation)
    assert len(db.scalars(select(WaitingEntry)).all()) == 1


@pytest.mark.parametrize("days", [-1, 8])
def test_the_database_knows_no_other_notice(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, days: int
) -> None:
    join(db, clock, clinic, cast.patient, cast.patient_person)
    with pytest.raises(IntegrityError, match="ck_waiting_entry_notice_asked"):
        db.execute(update(WaitingEntry).values(notice_days=days))


def test_days_that_are_over_or_the_wrong_way_round_are_refused(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    for code, from_day, until_day in (
        ("waiting.days_over", date(2026, 11, 1), date(2026, 11, 22)),
        ("waiting.days_reversed", date(2026, 12, 2), date(2026, 12, 1)),
        ("waiting.too_much_notice", date(2026, 11, 23), date(2026, 11, 25)),
    ):
        with pytest.raises(Conflict) as refused:
            join(
                db, clock, clinic, cast.patient, cast.patient_person, from_day=from_day, until_day=until_day,
                notice=timedelta(days=3),
            )  # fmt: skip
        assert refused.value.code == code


def test_only_a_visit_of_this_patient_and_service_that_is_still_to_come_is_brought_forward(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    visit = make_appointment(db, clinic, cast.patient_person)
    assert join(db, clock, clinic, cast.patient, cast.patient_person, visit=visit).appointment_id == visit.id
    with pytest.raises(NotFound):
        join(db, clock, clinic, cast.patient, cast.patient_person, visit=visit, service=clinic.evaluation)
    with pytest.raises(NotFound):
        join(db, clock, clinic, cast.stranger, cast.stranger_person, visit=visit)
    gone = make_appointment(db, clinic, cast.patient_person, state=AppointmentState.CANCELLED, practitioner=clinic.rui)
    with pytest.raises(Conflict) as refused:
        join(db, clock, clinic, cast.patient, cast.patient_person, visit=gone)
    assert refused.value.code == "appointment.already_started"


def test_who_asks_again_after_the_visit_was_given_back_is_not_swept_off_the_list(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    visit = make_appointment(db, clinic, cast.patient_person)
    first = join(db, clock, clinic, cast.patient, cast.patient_person, visit=visit)
    visit.state = AppointmentState.CANCELLED
    db.flush()
    again = join(db, clock, clinic, cast.patient, cast.patient_person)
    assert (first.state, first.end_reason) == (EntryState.ENDED, EntryEnd.VISIT_OVER)
    assert (again.state, again.appointment_id) == (EntryState.WAITING, None)
    assert not end_entries(db, clock, entry_id=entry_id(again))


def test_who_asks_again_after_finding_a_time_waits_for_another_one(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    join(db, clock, clinic, cast.patient, cast.patient_person)
    clock.advance(timedelta(minutes=1))
    visit = make_appointment(db, clinic, cast.patient_person, booked_at=clock.now())
    clock.advance(timedelta(seconds=20))
    again = join(db, clock, clinic, cast.patient, cast.patient_person)
    assert not end_entries(db, clock, entry_id=entry_id(again))
    # Bringing that visit forward instead keeps the place.
    earlier = join(db, clock, clinic, cast.patient, cast.patient_person, visit=visit)
    assert (earlier.id, earlier.appointment_id) == (again.id, visit.id)


def test_who_books_by_phone_only_is_told_so_instead_of_waiting_in_vain(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    db.execute(update(VisitPolicy).values(noshow_limit=1))
    missed = clock.now() - timedelta(days=3)
    make_appointment(db, clinic, cast.patient_person, at=missed, state=AppointmentState.NOSHOW)
    browser, path = cast.browser(cast.patient), "/book/massage/waiting-list"
    answer = browser.page(path, method="POST", data=browser.page(path).fields(), status=409)
    assert "Please call us to book" in answer.text
    assert db.scalars(select(WaitingEntry)).all() == []
    # Moving stays open to everybody, and so does waiting for an earlier time.
    visit = make_appointment(db, clinic, cast.patient_person)
    assert join(db, clock, clinic, cast.patient, cast.patient_person, visit=visit).state is EntryState.WAITING
