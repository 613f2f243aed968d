"""Booking a series: all of the chosen times or none, once, with one message."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from clinic_portal.accounts.models import Account
from clinic_portal.booking.models import Appointment, AppointmentHistory
from clinic_portal.booking.queries.missed import MissedRule
from clinic_portal.booking.queries.series import series_facts
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.booking.steps import hold_key_hash
from clinic_portal.booking.use_cases.book_series import book_series
from clinic_portal.booking.use_cases.change_missed_rule import change_missed_rule
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import SeriesId
from clinic_portal.notifications.models import Message
from clinic_portal.practitioners.models import Absence
from tests.booking.factory import THURSDAY, make_appointment, set_rules
from tests.booking.series import FOUR, choice, lost, nothing_was_booked, told_about
from tests.support.cast import Cast
from tests.support.clinic import Clinic


def book(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, *starts: datetime, by: Account | None = None
) -> SeriesId:
    wanted = choice(clinic, cast.patient_person, starts or FOUR)
    return book_series(db, clock, choice=wanted, actor=(by or cast.patient).actor())


def test_all_times_are_booked_with_one_message(
    app: object, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    series_id = book(db, clock, clinic, cast)
    found = series_facts(db, series_id)
    assert found is not None
    assert [one.starts_at for one in found.sessions] == list(FOUR)
    assert {(one.state, one.practitioner_id, one.patient_id) for one in found.sessions} == {
        (AppointmentState.BOOKED, clinic.ines.id, cast.patient_person.id)
    }
    assert all(one.room_id == clinic.room_1.id and one.booked_by == cast.patient.id for one in found.sessions)
    history = db.execute(select(AppointmentHistory.to_state, AppointmentHistory.reason)).all()
    assert [tuple(row) for row in history] == [(AppointmentState.BOOKED, "booked")] * 4
    assert told_about(db) == [("series_booked", series_id)] * 2
    # Reminders stay with each visit.
    reminded = db.scalars(select(Message.subject_id).where(Message.kind.like("reminder%"))).all()
    assert set(reminded) <= {one.id for one in found.sessions}
    assert len(set(reminded)) >= 3


def test_booking_twice_books_once(app: object, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    first = book(db, clock, clinic, cast)
    assert book(db, clock, clinic, cast, *reversed(FOUR)) == first
    assert db.scalar(select(func.count()).select_from(Appointment)) == 4
    assert told_about(db) == [("series_booked", first)] * 2


def test_one_lost_time_books_nothing_and_says_which(
    app: object, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    make_appointment(db, clinic, cast.stranger_person, at=FOUR[2] + timedelta(minutes=15))
    with pytest.raises(Conflict) as refused:
        book(db, clock, clinic, cast)
    assert lost(refused) == {FOUR[2]: "appointment.slot_taken"}
    assert nothing_was_booked(db)
    assert db.scalar(select(func.count()).select_from(Message)) == 0


def test_a_visit_elsewhere_at_that_time_is_the_patients_own(
    app: object, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    make_appointment(db, clinic, cast.patient_person, at=FOUR[1], practitioner=clinic.rui)
    with pytest.raises(Conflict) as refused:
        book(db, clock, clinic, cast)
    assert lost(refused) == {FOUR[1]: "appointment.patient_overlap"}


def test_the_limit_of_visits_in_a_day_holds_for_each_session(
    app: object, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    set_rules(db, clinic.massage, visits_per_day=1)
    make_appointment(db, clinic, cast.patient_person, at=FOUR[0] + timedelta(hours=5), practitioner=clinic.rui)
    twice = FOUR[3] + timedelta(hours=1)
    with pytest.raises(Conflict) as refused:
        book(db, clock, clinic, cast, *FOUR, twice)
    assert lost(refused) == dict.fromkeys((FOUR[0], twice), "appointment.too_many_that_day")


@pytest.mark.parametrize(
    "start",
    [
        datetime(2026, 11, 23, 11, 0, tzinfo=UTC),  # sooner than the notice
        datetime(2026, 11, 26, 13, 0, tzinfo=UTC),  # over the lunch break
        datetime(2027, 3, 4, 10, 0, tzinfo=UTC),  # after the horizon
        datetime(2026, 11, 28, 10, 0, tzinfo=UTC),  # a Saturday
    ],
)
def test_what_is_not_offered_is_not_booked(
    app: object, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, start: datetime
) -> None:
    with pytest.raises(Conflict) as refused:
        book(db, clock, clinic, cast, start, *FOUR)
    assert lost(refused) == {start: "appointment.slot_taken"}


def test_an_absence_meanwhile_is_noticed(
    app: object, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    db.add(
        Absence(practitioner_id=clinic.ines.id, starts_at=FOUR[3], ends_at=FOUR[3] + timedelta(hours=2), reason="leave")
    )
    db.commit()
    with pytest.raises(Conflict) as refused:
        book(db, clock, clinic, cast)
    assert lost(refused) == {FOUR[3]: "appointment.slot_taken"}


def test_expired_holds_and_the_browsers_own_are_no_obstacle(
    app: object, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    expired = make_appointment(
        db,
        clinic,
        cast.stranger_person,
        at=FOUR[0],
        state=AppointmentState.PROPOSED,
        held_until=clock.now(),
        booked_at=None,
    )
    own = make_appointment(
        db, clinic, None, at=FOUR[1], state=AppointmentState.PROPOSED, held_until=clock.now() + timedelta(minutes=9),
        hold_key_hash=hold_key_hash("mine"), booked_at=None,
    )  # fmt: skip
    wanted = choice(clinic, cast.patient_person)
    with pytest.raises(Conflict) as refused:
        book_series(db, clock, choice=wanted, actor=cast.patient.actor(), hold_key="another's")
    assert lost(refused) == {FOUR[1]: "appointment.slot_taken"}
    book_series(db, clock, choice=wanted, actor=cast.patient.actor(), hold_key="mine")
    db.expire_all()
    states = db.scalars(select(Appointment.state).where(Appointment.id.in_([expired.id, own.id]))).all()
    assert set(states) == {AppointmentState.CANCELLED}


def test_only_as_many_as_the_service_allows_and_only_its_series(
    app: object, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    days = tuple(THURSDAY + timedelta(days=day) for day in range(30) if (THURSDAY + timedelta(days=day)).weekday() < 5)
    for starts in ((), days[:13]):
        with pytest.raises(Conflict, match=r"series\.not_offered"):
            book_series(db, clock, choice=choice(clinic, cast.patient_person, starts), actor=cast.patient.actor())
    set_rules(db, clinic.massage, series_max=None)
    with pytest.raises(Conflict, match=r"series\.not_offered"):
        book(db, clock, clinic, cast)
    assert nothing_was_booked(db)


def test_a_stranger_cannot_book_and_a_parent_can(
    app: object, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    with pytest.raises(NotFound):
        book(db, clock, clinic, cast, by=cast.stranger)
    wanted = choice(clinic, cast.child)
    found = series_facts(db, book_series(db, clock, choice=wanted, actor=cast.guardian.actor()))
    assert found is not None
    assert {one.booked_by for one in found.sessions} == {cast.guardian.id}


def test_over_the_clock_change_each_session_is_at_the_same_wall_time(
    app: object, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    clock.at = datetime(2027, 3, 10, 9, 0, tzinfo=UTC)
    starts = (datetime(2027, 3, 25, 10, 30, tzinfo=UTC), datetime(2027, 4, 1, 9, 30, tzinfo=UTC))
    found = series_facts(db, book(db, clock, clinic, cast, *starts))
    assert found is not None
    assert [one.starts_at for one in found.sessions] == list(starts)


def test_who_missed_too_often_books_by_phone(
    app: object, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    make_appointment(db, clinic, cast.patient_person, at=clock.now() - timedelta(days=3), state=AppointmentState.NOSHOW)
    change_missed_rule(db, clock, actor=cast.administrator.actor(), rule=MissedRule(1, 90))
    with pytest.raises(Conflict, match=r"appointment\.missed_too_often"):
        book(db, clock, clinic, cast)
    assert nothing_was_booked(db)
