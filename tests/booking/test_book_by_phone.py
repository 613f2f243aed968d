"""Staff book for somebody on the phone: by the rules, or with a written reason beside them."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment, AppointmentHistory
from clinic_portal.booking.queries import Taker
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.booking.steps import NewTime
from clinic_portal.booking.use_cases.book_by_phone import PhoneBooking, book_by_phone
from clinic_portal.booking.use_cases.hold_time import hold_time
from clinic_portal.core.audit import AuditEntry
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import FacilityId, PatientId, PractitionerId, RoomId, ServiceId, new_id
from clinic_portal.core.modes import Mode
from clinic_portal.notifications.models import Message
from clinic_portal.patients.models import Patient
from tests.booking.factory import THURSDAY, make_appointment, set_rules
from tests.booking.holding import choose, code_of
from tests.support.cast import Cast
from tests.support.clinic import Clinic

SUNDAY = datetime(2026, 11, 29, 20, 5, tzinfo=UTC)


def booking(clinic: Clinic, patient: Patient, at: datetime = THURSDAY, *, note: str = "") -> PhoneBooking:
    taker = Taker(PractitionerId(clinic.ines.id), RoomId(clinic.room_1.id), Mode.IN_PERSON) if note else None
    to = NewTime(FacilityId(clinic.lisbon.id), at, taker.practitioner_id if taker else None, anyway=taker)
    return PhoneBooking(PatientId(patient.id), ServiceId(clinic.massage.id), to, note)


def test_a_time_that_is_offered(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    actor = cast.receptionist.actor()
    first = book_by_phone(db, clock, booking=booking(clinic, cast.patient_person), actor=actor)
    assert book_by_phone(db, clock, booking=booking(clinic, cast.patient_person), actor=actor) == first
    row = db.scalars(select(Appointment)).one()
    assert (row.state, row.booked_at, row.held_until) == (AppointmentState.BOOKED, clock.now(), None)
    assert row.booked_by_account_id == cast.patient.id
    assert (row.any_practitioner, row.price_minor) == (True, 3000)
    reasons = [line.reason for line in db.scalars(select(AppointmentHistory).order_by(AppointmentHistory.id))]
    assert reasons == ["hold", "booked.by_staff"]
    sent = [row for row in db.scalars(select(Message)) if row.kind == "appointment_booked"]
    assert len(sent) == 2
    (entry,) = db.scalars(select(AuditEntry))
    assert (entry.action, entry.detail) == ("appointment.booked_by_staff", {"rules": "kept"})


def test_a_childs_visit_is_told_to_who_acts_for_the_child(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    booked = book_by_phone(db, clock, booking=booking(clinic, cast.child), actor=cast.receptionist.actor())
    assert booked.booked_by == cast.guardian.id


def test_outside_of_the_rules_only_with_a_reason(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    actor = cast.receptionist.actor()
    for note in ("", "   "):
        with pytest.raises(Conflict) as refusal:
            book_by_phone(db, clock, booking=booking(clinic, cast.patient_person, SUNDAY, note=note), actor=actor)
        assert code_of(refusal) == "appointment.slot_taken"
    why = "Inês comes in for her"
    booked = book_by_phone(db, clock, booking=booking(clinic, cast.patient_person, SUNDAY, note=why), actor=actor)
    assert (booked.starts_at, booked.practitioner_id) == (SUNDAY, clinic.ines.id)
    assert why in [line.note for line in db.scalars(select(AppointmentHistory))]
    assert [entry.detail for entry in db.scalars(select(AuditEntry))] == [{"rules": "set_aside"}]


def test_visits_a_day_may_be_set_aside_an_overlap_never(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    set_rules(db, clinic.massage, visits_per_day=1)
    make_appointment(db, clinic, cast.patient_person)
    actor, later = cast.receptionist.actor(), THURSDAY + timedelta(hours=4)
    for at, note, code in (
        (later, "", "appointment.too_many_that_day"),
        (later, "   ", "appointment.too_many_that_day"),
        (THURSDAY + timedelta(minutes=15), "why", "appointment.patient_overlap"),
    ):
        with pytest.raises(Conflict) as refusal:
            book_by_phone(db, clock, booking=booking(clinic, cast.patient_person, at, note=note), actor=actor)
        assert code_of(refusal) == code
    with pytest.raises(Conflict) as refusal:
        book_by_phone(db, clock, booking=booking(clinic, cast.child, THURSDAY, note="why"), actor=actor)
    assert code_of(refusal) == "appointment.slot_taken"
    done = book_by_phone(db, clock, booking=booking(clinic, cast.patient_person, later, note="agreed"), actor=actor)
    assert done.starts_at == later


def test_an_expired_hold_is_not_in_the_way(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    for key, practitioner in (("a", clinic.ines), ("b", clinic.rui)):
        hold_time(db, clock, choice=choose(clinic, practitioner=practitioner), hold_key=key, actor=None)
    actor = cast.receptionist.actor()
    with pytest.raises(Conflict):
        book_by_phone(db, clock, booking=booking(clinic, cast.patient_person), actor=actor)
    clock.advance(timedelta(minutes=11))
    assert book_by_phone(db, clock, booking=booking(clinic, cast.patient_person), actor=actor).starts_at == THURSDAY


def test_only_staff_of_the_facility_and_only_for_patients(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    for account in (cast.far_receptionist, cast.patient):
        with pytest.raises(NotFound):
            book_by_phone(db, clock, booking=booking(clinic, cast.patient_person), actor=account.actor())
    nobody = Patient(id=new_id())
    with pytest.raises(NotFound):
        book_by_phone(db, clock, booking=booking(clinic, nobody), actor=cast.receptionist.actor())
