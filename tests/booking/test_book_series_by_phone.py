"""Staff book several sessions for somebody on the phone: by the rules, or with a written reason beside them."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from clinic_portal.accounts.models import Account
from clinic_portal.booking.models import Appointment, AppointmentHistory, Series
from clinic_portal.booking.queries import Taker
from clinic_portal.booking.queries.missed import MissedRule
from clinic_portal.booking.queries.series import series_facts
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.booking.use_cases.book_series import book_series
from clinic_portal.booking.use_cases.book_series_by_phone import book_series_by_phone
from clinic_portal.booking.use_cases.change_missed_rule import change_missed_rule
from clinic_portal.core.audit import AuditEntry
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import PractitionerId, RoomId, SeriesId, new_id
from clinic_portal.core.modes import Mode
from clinic_portal.notifications.models import Message
from clinic_portal.patients.models import Patient
from clinic_portal.practitioners.models import Absence
from tests.booking.factory import THURSDAY, make_appointment, set_rules
from tests.booking.series import A_WEEK, FOUR, choice, lost, nothing_was_booked, told_about
from tests.support.cast import Cast
from tests.support.clinic import Clinic

WHY = "The doctor wants it soon"


@pytest.fixture
def book(app: object, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast):
    def done(*starts: datetime, patient: Patient | None = None, by: Account | None = None, note: str = "") -> SeriesId:
        wanted = choice(clinic, patient or cast.patient_person, starts or FOUR)
        return book_series_by_phone(db, clock, choice=wanted, actor=(by or cast.receptionist).actor(), note=note)

    return done


def test_the_patient_is_told_once_and_the_history_says_who_booked(db: Session, cast: Cast, book) -> None:
    series_id = book()
    assert book(*reversed(FOUR)) == series_id
    found = series_facts(db, series_id)
    assert found is not None
    assert [one.starts_at for one in found.sessions] == list(FOUR)
    assert {(one.state, one.booked_by) for one in found.sessions} == {(AppointmentState.BOOKED, cast.patient.id)}
    lines = db.scalars(select(AppointmentHistory)).all()
    actor = cast.receptionist.actor()
    assert [(line.reason, line.account_id, line.note) for line in lines] == [
        ("booked.by_staff", actor.account_id, "")
    ] * 4  # fmt: skip
    assert told_about(db) == [("series_booked", series_id)] * 2
    (entry,) = db.scalars(select(AuditEntry))
    assert (entry.action, entry.subject_id, entry.detail) == ("series.booked_by_staff", series_id, {"rules": "kept"})


def test_hours_are_set_aside_for_the_one_time_that_staff_chose_and_for_nobody_without_a_reason(
    app: object, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    evening = THURSDAY + timedelta(days=1, hours=9)
    own = evening, Taker(PractitionerId(clinic.ines.id), RoomId(clinic.room_2.id), Mode.IN_PERSON)
    wanted, actor = replace(choice(clinic, cast.patient_person, FOUR), own=(own,)), cast.receptionist.actor()
    for note in ("", "  "):
        with pytest.raises(Conflict) as refusal:
            book_series_by_phone(db, clock, choice=wanted, actor=actor, note=note)
        assert lost(refusal) == {evening: "appointment.slot_taken"}
    other = replace(wanted, starts=(*FOUR, evening + A_WEEK))  # Only for that one.
    with pytest.raises(Conflict) as refusal:
        book_series_by_phone(db, clock, choice=other, actor=actor, note=WHY)
    assert lost(refusal) == {evening + A_WEEK: "appointment.slot_taken"}
    assert nothing_was_booked(db)
    with pytest.raises(Conflict, match=r"series\.times_lost"):  # No patient has it by any way.
        book_series(db, clock, choice=wanted, actor=cast.patient.actor())
    series_id = book_series_by_phone(db, clock, choice=wanted, actor=actor, note=WHY)
    found = series_facts(db, series_id)
    assert found is not None
    assert [(one.starts_at, one.room_id) for one in found.sessions][1] == (evening, clinic.room_2.id)
    assert book_series_by_phone(db, clock, choice=wanted, actor=actor, note=WHY) == series_id


def test_of_a_childs_sessions_the_parent_is_told(db: Session, cast: Cast, book) -> None:
    found = series_facts(db, book(patient=cast.child))
    assert found is not None
    assert {one.booked_by for one in found.sessions} == {cast.guardian.id}


def test_only_staff_of_the_facility_and_only_for_patients(db: Session, cast: Cast, book) -> None:
    for account in (cast.far_receptionist, cast.patient):
        with pytest.raises(NotFound):
            book(by=account)
    with pytest.raises(NotFound):
        book(patient=Patient(id=new_id()))
    assert nothing_was_booked(db)


def test_notice_horizon_and_visits_a_day_are_set_aside_with_a_reason(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, book
) -> None:
    set_rules(db, clinic.massage, visits_per_day=1, horizon_days=20, notice_minutes=24 * 60)
    make_appointment(db, clinic, cast.patient_person, at=FOUR[1] + timedelta(hours=4), practitioner=clinic.rui)
    soon, late = clock.now() + timedelta(hours=5, minutes=18), THURSDAY + 20 * A_WEEK - timedelta(hours=1)
    for note in ("", " "):
        with pytest.raises(Conflict) as refused:
            book(soon, *FOUR[:2], late, note=note)
        assert lost(refused) == {
            soon: "appointment.slot_taken", late: "appointment.slot_taken", FOUR[1]: "appointment.too_many_that_day",
        }  # fmt: skip
    series_id = book(soon, *FOUR[:2], late, note=WHY)
    assert set(db.scalars(select(AppointmentHistory.note).where(AppointmentHistory.reason == "booked.by_staff"))) == {
        WHY
    }
    assert [entry.detail for entry in db.scalars(select(AuditEntry))] == [{"rules": "set_aside"}]
    assert told_about(db) == [("series_booked", series_id)] * 2


def test_more_than_the_service_allows_are_booked_with_a_reason_and_never_more_than_twenty(
    db: Session, clinic: Clinic, book
) -> None:
    set_rules(db, clinic.massage, series_max=3)
    for starts, note in ((FOUR, ""), (tuple(THURSDAY + A_WEEK * week for week in range(21)), WHY)):
        with pytest.raises(Conflict, match=r"series\.not_offered"):
            book(*starts, note=note)
    book(note=WHY)
    assert db.scalar(select(func.count()).select_from(Appointment)) == 4


def test_hours_and_what_somebody_else_has_are_never_set_aside(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, book
) -> None:
    make_appointment(db, clinic, cast.stranger_person, at=FOUR[0])
    make_appointment(db, clinic, cast.patient_person, at=FOUR[1], practitioner=clinic.rui)
    db.add(Absence(practitioner_id=clinic.ines.id, starts_at=FOUR[2], ends_at=FOUR[2] + A_WEEK / 7, reason="leave"))
    db.commit()
    saturday, past = THURSDAY + timedelta(days=2), clock.now() - timedelta(hours=1)
    with pytest.raises(Conflict) as refused:
        book(past, *FOUR, saturday, note=WHY)
    taken = "appointment.slot_taken"
    assert lost(refused) == {
        FOUR[0]: taken, FOUR[1]: "appointment.patient_overlap", FOUR[2]: taken, saturday: taken, past: taken,
    }  # fmt: skip
    assert nothing_was_booked(db)


def test_who_missed_too_often_is_booked_by_staff(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, book
) -> None:
    make_appointment(db, clinic, cast.patient_person, at=clock.now() - timedelta(days=3), state=AppointmentState.NOSHOW)
    change_missed_rule(db, clock, actor=cast.administrator.actor(), rule=MissedRule(1, 90))
    with pytest.raises(Conflict, match=r"appointment\.missed_too_often"):
        book_series(db, clock, choice=choice(clinic, cast.patient_person), actor=cast.patient.actor())
    assert book()


def test_an_expired_hold_is_not_in_the_way_and_a_live_one_is(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, book
) -> None:
    make_appointment(
        db, clinic, cast.stranger_person, at=FOUR[0], state=AppointmentState.PROPOSED, booked_at=None,
        held_until=clock.now() + timedelta(minutes=9),
    )  # fmt: skip
    with pytest.raises(Conflict) as refused:
        book()
    assert lost(refused) == {FOUR[0]: "appointment.slot_taken"}
    clock.advance(timedelta(minutes=10))
    book()
    assert db.scalar(select(func.count()).select_from(Series)) == 1
    assert {message.kind for message in db.scalars(select(Message)) if "reminder" not in message.kind} == {
        "series_booked"
    }
