"""Staff give a visit another time: by the rules, or with a written reason beside them; never onto somebody else's."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment, AppointmentHistory
from clinic_portal.booking.queries import Taker
from clinic_portal.booking.queries.staff import MOVED, MOVED_BY_CLINIC
from clinic_portal.booking.rules import AppointmentState, StrandedAnswer
from clinic_portal.booking.steps import NewTime
from clinic_portal.booking.use_cases.move_by_clinic import move_by_clinic
from clinic_portal.core.audit import AuditEntry
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import AppointmentId, FacilityId, PractitionerId, RoomId
from clinic_portal.core.modes import Mode
from clinic_portal.notifications.models import Message
from tests.booking.factory import THURSDAY, decide, make_appointment, set_rules
from tests.booking.holding import code_of
from tests.support.cast import Cast
from tests.support.clinic import Clinic

AFTERNOON = THURSDAY + timedelta(hours=4)
#: Nobody works then.
SUNDAY = datetime(2026, 11, 29, 20, 5, tzinfo=UTC)
WHY = "She travels from Porto, agreed with Inês"


def anyway(clinic: Clinic, at: datetime) -> NewTime:
    taker = Taker(PractitionerId(clinic.ines.id), RoomId(clinic.room_1.id), Mode.IN_PERSON)
    return NewTime(FacilityId(clinic.lisbon.id), at, taker.practitioner_id, anyway=taker)


def move(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, row: Appointment, to: NewTime, **other):
    values = {"actor": cast.receptionist.actor(), "note": ""} | other
    id_ = AppointmentId(row.id)
    return move_by_clinic(db, clock, appointment_id=id_, facility_id=FacilityId(clinic.lisbon.id), to=to, **values)


@pytest.fixture
def booked(db: Session, clinic: Clinic, cast: Cast) -> Appointment:
    return make_appointment(db, clinic, cast.patient_person)


def test_to_a_time_that_is_offered_no_reason_is_needed(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, booked: Appointment
) -> None:
    moved = move(db, clock, clinic, cast, booked, NewTime(FacilityId(clinic.lisbon.id), AFTERNOON))
    assert moved.starts_at == AFTERNOON
    assert "appointment_moved" in {row.kind for row in db.scalars(select(Message))}
    (entry,) = db.scalars(select(AuditEntry))
    assert (entry.action, entry.detail) == ("appointment.moved_by_staff", {"rules": "kept"})


def test_outside_hours_only_with_a_written_reason_which_is_kept(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, booked: Appointment
) -> None:
    for note in ("", "   "):
        with pytest.raises(Conflict) as refusal:
            move(db, clock, clinic, cast, booked, anyway(clinic, SUNDAY), note=note)
        assert code_of(refusal) == "appointment.slot_taken"
    for _ in range(2):
        assert move(db, clock, clinic, cast, booked, anyway(clinic, SUNDAY), note=WHY).starts_at == SUNDAY
    (line,) = db.scalars(select(AppointmentHistory))
    assert (line.reason, line.note, line.starts_at) == ("moved", WHY, SUNDAY)
    # The second press of the same button writes nothing.
    assert [entry.detail["rules"] for entry in db.scalars(select(AuditEntry))] == ["set_aside"]


def test_cut_off_notice_and_visits_a_day_are_set_aside(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, booked: Appointment
) -> None:
    set_rules(db, clinic.massage, change_cutoff_minutes=1440, visits_per_day=1)
    make_appointment(db, clinic, cast.patient_person, at=AFTERNOON + timedelta(hours=2), practitioner=clinic.rui)
    clock.at = THURSDAY - timedelta(minutes=30)
    soon = THURSDAY - timedelta(minutes=20)
    with pytest.raises(Conflict) as refusal:
        move(db, clock, clinic, cast, booked, NewTime(FacilityId(clinic.lisbon.id), AFTERNOON))
    assert code_of(refusal) == "appointment.too_late_to_change"
    assert move(db, clock, clinic, cast, booked, anyway(clinic, soon), note=WHY).starts_at == soon


@pytest.mark.parametrize("whose", ["practitioner", "room", "patient"])
def test_nobodys_time_is_given_twice(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, booked: Appointment, whose: str
) -> None:
    values = {"practitioner": clinic.rui, "room_id": clinic.room_2.id} | {
        "practitioner": {"practitioner": clinic.ines},
        "room": {"room_id": clinic.room_1.id},
        "patient": {},
    }[whose]
    patient = cast.patient_person if whose == "patient" else cast.stranger_person
    make_appointment(db, clinic, patient, at=SUNDAY + timedelta(minutes=15), **values)
    with pytest.raises(Conflict) as refusal:
        move(db, clock, clinic, cast, booked, anyway(clinic, SUNDAY), note=WHY)
    assert code_of(refusal) == ("appointment.patient_overlap" if whose == "patient" else "appointment.slot_taken")
    db.expire_all()
    assert db.get_one(Appointment, booked.id).starts_at == THURSDAY


def test_whoever_has_arrived_is_not_moved(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    row = make_appointment(db, clinic, cast.patient_person, state=AppointmentState.ARRIVED)
    with pytest.raises(Conflict) as refusal:
        move(db, clock, clinic, cast, row, anyway(clinic, SUNDAY), note=WHY)
    assert code_of(refusal) == "appointment.already_started"


def test_only_staff_of_the_facility(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, booked: Appointment
) -> None:
    for account in (cast.far_receptionist, cast.patient):
        with pytest.raises(NotFound):
            move(db, clock, clinic, cast, booked, anyway(clinic, SUNDAY), note=WHY, actor=account.actor())


@pytest.mark.parametrize(
    ("answer", "reason"), [(None, MOVED), (StrandedAnswer.KEEP, MOVED), (StrandedAnswer.MOVE, MOVED_BY_CLINIC)]
)
def test_what_a_change_of_hours_has_moved_is_the_clinics_doing(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, booked: Appointment, answer: StrandedAnswer | None,
    reason: str,
) -> None:  # fmt: skip
    """Its message says sorry, whoever of the staff then moves it."""
    if answer is not None:
        decide(db, clock, booked, answer)
    move(db, clock, clinic, cast, booked, NewTime(FacilityId(clinic.lisbon.id), AFTERNOON))
    assert db.scalars(select(AppointmentHistory.reason)).one() == reason
