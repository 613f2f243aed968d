"""Giving a visit another time: the row stays, the old time is free again, and nobody else's is taken."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment, AppointmentHistory
from clinic_portal.booking.queries.visits import LinkHolder
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.booking.steps import NewTime, write_history
from clinic_portal.booking.use_cases.hold_time import hold_time
from clinic_portal.booking.use_cases.move_appointment import move_appointment
from clinic_portal.booking.use_cases.move_later_sessions import move_later_sessions
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import Conflict, Forbidden, NotFound
from clinic_portal.core.ids import AppointmentId, FacilityId, PractitionerId
from clinic_portal.notifications.models import Message
from clinic_portal.notifications.steps import queue_message
from clinic_portal.practitioners.models import Practitioner
from tests.booking.factory import THURSDAY, make_appointment, set_rules
from tests.booking.holding import choose, code_of, end_right
from tests.booking.series import make_series
from tests.support.cast import Cast
from tests.support.clinic import Clinic

AFTERNOON = THURSDAY + timedelta(hours=4)
QUARTER = timedelta(minutes=15)


@pytest.fixture
def booked(db: Session, clinic: Clinic, cast: Cast) -> Appointment:
    return make_appointment(db, clinic, cast.patient_person, booked_by_account_id=cast.patient.id, patient_note="knee")


def to(clinic: Clinic, at: datetime = AFTERNOON, practitioner: Practitioner | None = None) -> NewTime:
    return NewTime(FacilityId(clinic.lisbon.id), at, PractitionerId(practitioner.id) if practitioner else None)


def move(db: Session, clock: FixedClock, row: Appointment, cast: Cast, new: NewTime):
    return move_appointment(db, clock, appointment_id=AppointmentId(row.id), actor=cast.patient.actor(), to=new)


def test_the_row_stays_and_the_old_time_is_free_again(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, booked: Appointment
) -> None:
    moved = move(db, clock, booked, cast, to(clinic, practitioner=clinic.rui))
    row = db.get_one(Appointment, booked.id)
    assert (row.starts_at, row.ends_at) == (AFTERNOON, AFTERNOON + timedelta(minutes=30))
    assert (row.busy_from, row.busy_until) == (row.starts_at, row.ends_at)
    assert (row.practitioner_id, row.room_id) == (clinic.rui.id, clinic.room_2.id)
    assert (row.state, row.sequence, row.any_practitioner) == (AppointmentState.BOOKED, 1, False)
    kept = (booked.reference, "knee", booked.price_minor)
    assert (row.reference, row.patient_note, row.price_minor) == kept
    assert (moved.id, moved.starts_at) == (booked.id, AFTERNOON)
    (line,) = db.scalars(select(AppointmentHistory))
    assert (line.reason, line.from_state, line.to_state, line.starts_at) == (
        "moved", AppointmentState.BOOKED, AppointmentState.BOOKED, AFTERNOON,
    )  # fmt: skip
    assert line.account_id == cast.patient.id
    again = hold_time(db, clock, choice=choose(clinic, practitioner=clinic.ines), hold_key="b", actor=None)
    assert again.starts_at == THURSDAY
    assert db.scalars(select(Appointment)).all().__len__() == 2, "the claim on the new time is gone"


#: The columns of a visit that say when, where and with whom, and what was said of that: what a move is about.
MOVED = {
    "facility_id", "room_id", "practitioner_id", "any_practitioner", "starts_at", "ends_at", "busy_from", "busy_until",
    "sequence", "confirmed_at",
}  # fmt: skip


@pytest.mark.parametrize("is_alone", [True, False], ids=["one visit", "with all later sessions"])
def test_everything_else_stays_what_it_was_and_where_it_hangs(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, is_alone: bool
) -> None:
    """Payment, documents, history: whatever the row says, or points at it, also in columns and tables of later days."""
    agreed = {"price_minor": 1750, "currency": "USD", "patient_note": "knee", "any_facility": True, "told_at": THURSDAY}
    _, rows = make_series(db, clinic, cast.patient_person, booked_by_account_id=cast.patient.id, **agreed)
    with transaction(db):
        write_history(db, clock, rows[0], before=None, actor=cast.patient.actor(), reason="booked", note="first")
    columns = [column.key for column in Appointment.__table__.c if column.key not in MOVED]
    before = [{name: getattr(row, name) for name in columns} for row in rows]
    id_, actor = AppointmentId(rows[0].id), cast.patient.actor()
    if is_alone:
        move_appointment(db, clock, appointment_id=id_, actor=actor, to=to(clinic, practitioner=clinic.rui))
    else:
        starts = [row.starts_at + timedelta(hours=4) for row in rows]
        move_later_sessions(db, clock, appointment_id=id_, actor=actor, starts=starts)
    db.expire_all()
    assert rows[0].starts_at == AFTERNOON
    assert [{name: getattr(row, name) for name in columns} for row in rows] == before
    lines = db.scalars(select(AppointmentHistory).where(AppointmentHistory.appointment_id == id_)).all()
    assert sorted((line.reason, line.note) for line in lines) == [("booked", "first"), ("moved", "")]


def test_what_was_queued_is_replaced_by_one_message_and_repeating_sends_nothing(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, booked: Appointment
) -> None:
    db.info["in_transaction"], db.info["after_commit"] = True, []
    queue_message(db, clock, "appointment_booked", subject_id=booked.id)
    db.info["in_transaction"] = False
    db.commit()
    for _ in range(2):
        assert move(db, clock, booked, cast, to(clinic)).sequence == 1
    for _ in range(2):
        assert move(db, clock, booked, cast, to(clinic, AFTERNOON + QUARTER)).sequence == 2
    told = select(Message).where(Message.kind.startswith("appointment"))
    messages = sorted(f"{row.kind} {row.channel} {row.state}" for row in db.scalars(told))
    assert messages == [
        "appointment_booked email cancelled",
        "appointment_booked sms cancelled",
        "appointment_moved email cancelled",
        "appointment_moved email queued",
        "appointment_moved sms cancelled",
        "appointment_moved sms queued",
    ]


def test_by_a_quarter_of_an_hour_into_its_own_time(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, booked: Appointment
) -> None:
    for name in ("starts_at", "ends_at", "busy_from", "busy_until"):
        setattr(booked, name, getattr(booked, name) + QUARTER)
    db.commit()
    moved = move(db, clock, booked, cast, to(clinic, THURSDAY, clinic.ines))
    assert (moved.starts_at, moved.practitioner_id) == (THURSDAY, clinic.ines.id)


def test_to_a_start_beside_those_that_are_offered(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, booked: Appointment
) -> None:
    with pytest.raises(Conflict) as refusal:
        move(db, clock, booked, cast, to(clinic, THURSDAY + QUARTER, clinic.ines))
    assert code_of(refusal) == "appointment.slot_taken"


def test_with_no_preference_it_goes_to_whoever_is_free(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, booked: Appointment
) -> None:
    make_appointment(db, clinic, cast.stranger_person, at=AFTERNOON, practitioner=clinic.rui)
    moved = move(db, clock, booked, cast, to(clinic))
    assert (moved.practitioner_id, moved.any_practitioner) == (clinic.ines.id, True)


def test_a_time_that_somebody_else_has_is_refused_and_the_visit_stays_as_it_was(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, booked: Appointment
) -> None:
    make_appointment(db, clinic, cast.stranger_person, at=AFTERNOON)
    with pytest.raises(Conflict) as refusal:
        move(db, clock, booked, cast, to(clinic, practitioner=clinic.ines))
    assert code_of(refusal) == "appointment.slot_taken"
    db.expire_all()
    row = db.get_one(Appointment, booked.id)
    assert (row.starts_at, row.state, row.sequence) == (THURSDAY, AppointmentState.BOOKED, 0)
    assert not db.scalars(select(Message)).all()


def test_an_expired_hold_is_not_in_the_way_and_a_live_one_is(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, booked: Appointment
) -> None:
    hold_time(db, clock, choice=choose(clinic, AFTERNOON, clinic.ines), hold_key="x", actor=None)
    with pytest.raises(Conflict):
        move(db, clock, booked, cast, to(clinic, practitioner=clinic.ines))
    clock.advance(timedelta(minutes=11))
    assert move(db, clock, booked, cast, to(clinic, practitioner=clinic.ines)).starts_at == AFTERNOON


def test_the_patients_own_other_visit_is_in_the_way(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, booked: Appointment
) -> None:
    make_appointment(db, clinic, cast.patient_person, at=AFTERNOON, practitioner=clinic.rui)
    with pytest.raises(Conflict) as refusal:
        move(db, clock, booked, cast, to(clinic, practitioner=clinic.ines))
    assert code_of(refusal) == "appointment.patient_overlap"


def test_a_limit_of_visits_a_day_does_not_count_the_visit_itself(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, booked: Appointment
) -> None:
    set_rules(db, clinic.massage, visits_per_day=1)
    assert move(db, clock, booked, cast, to(clinic)).starts_at == AFTERNOON
    make_appointment(db, clinic, cast.patient_person, at=AFTERNOON + timedelta(days=1))
    with pytest.raises(Conflict) as refusal:
        move(db, clock, booked, cast, to(clinic, THURSDAY + timedelta(days=1)))
    assert code_of(refusal) == "appointment.too_many_that_day"


@pytest.mark.parametrize(("before_start", "code"), [(1441, ""), (1440, ""), (1439, "appointment.too_late_to_change")])
def test_until_the_cut_off_of_the_service(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, booked: Appointment, before_start: int, code: str
) -> None:
    set_rules(db, clinic.massage, change_cutoff_minutes=1440)
    clock.at = THURSDAY - timedelta(minutes=before_start)
    if not code:
        assert move(db, clock, booked, cast, to(clinic)).starts_at == AFTERNOON
        return
    with pytest.raises(Conflict) as refusal:
        move(db, clock, booked, cast, to(clinic))
    assert code_of(refusal) == code


@pytest.mark.parametrize(
    "state", [AppointmentState.ARRIVED, AppointmentState.FULFILLED, AppointmentState.CANCELLED, AppointmentState.NOSHOW]
)
def test_what_has_begun_or_is_over_is_not_moved(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, state: AppointmentState
) -> None:
    row = make_appointment(db, clinic, cast.patient_person, state=state)
    with pytest.raises(Conflict) as refusal:
        move(db, clock, row, cast, to(clinic))
    assert code_of(refusal) == "appointment.already_started"


def test_strangers_find_nothing_and_ended_rights_are_refused(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, booked: Appointment
) -> None:
    id_ = AppointmentId(booked.id)
    other = AppointmentId(make_appointment(db, clinic, cast.stranger_person, at=AFTERNOON).id)
    for actor in (cast.stranger.actor(), LinkHolder(other)):
        with pytest.raises(NotFound):
            move_appointment(db, clock, appointment_id=id_, actor=actor, to=to(clinic))
    child = AppointmentId(make_appointment(db, clinic, cast.child, practitioner=clinic.rui).id)
    end_right(db, cast, clock)
    with pytest.raises(Forbidden):
        move_appointment(db, clock, appointment_id=child, actor=cast.guardian.actor(), to=to(clinic))


def test_who_said_that_they_come_said_it_of_the_old_time(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    row = make_appointment(db, clinic, cast.patient_person, confirmed_at=clock.now())
    assert move(db, clock, row, cast, to(clinic)).confirmed_at is None
