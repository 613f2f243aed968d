"""Booking a held time."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment, AppointmentHistory
from clinic_portal.booking.queries import AppointmentFacts
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.booking.use_cases.book_appointment import Answers, book_appointment
from clinic_portal.booking.use_cases.hold_time import hold_time
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import Conflict, Forbidden, NotFound
from clinic_portal.core.ids import PatientId
from clinic_portal.notifications.models import Message
from tests.booking.factory import make_appointment
from tests.booking.holding import choose, code_of, end_right
from tests.support.cast import Cast
from tests.support.clinic import Clinic


@dataclass
class Desk:
    """A visitor's held time, and the press on Book."""

    db: Session
    clock: FixedClock
    cast: Cast
    held: AppointmentFacts

    def book(self, key: str = "a", **answers: object) -> AppointmentFacts:
        return book_appointment(
            self.db, self.clock, appointment_id=self.held.id, hold_key=key, actor=self.cast.guardian.actor(),
            answers=Answers(**{"patient_id": PatientId(self.cast.child.id)} | answers),  # type: ignore[arg-type]
        )  # fmt: skip

    def messages(self) -> list[str]:
        return sorted(f"{row.kind} {row.channel}" for row in self.db.scalars(select(Message)))


@pytest.fixture
def desk(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> Desk:
    return Desk(db, clock, cast, hold_time(db, clock, choice=choose(clinic), hold_key="a", actor=None))


def test_a_held_time_becomes_a_visit_with_history_and_messages(desk: Desk, clock: FixedClock) -> None:
    booked = desk.book(patient_note="His left knee")
    assert booked.state is AppointmentState.BOOKED
    assert (booked.patient_id, booked.patient_note) == (desk.cast.child.id, "His left knee")
    assert (booked.booked_by, booked.booked_at, booked.held_until) == (desk.cast.guardian.id, clock.now(), None)
    assert booked.reference == desk.held.reference
    lines = desk.db.scalars(select(AppointmentHistory).order_by(AppointmentHistory.id)).all()
    assert [(line.to_state, line.reason) for line in lines] == [
        (AppointmentState.PROPOSED, "hold"),
        (AppointmentState.BOOKED, "booked"),
    ]
    assert (lines[1].account_id, lines[1].patient_id) == (desk.cast.guardian.id, desk.cast.child.id)
    assert desk.messages() == ["appointment_booked email", "appointment_booked sms", "reminder email", "reminder sms"]


def test_pressing_twice_books_once(desk: Desk) -> None:
    first = desk.book(patient_note="one")
    desk.clock.advance(timedelta(hours=1))
    assert desk.book(patient_note="two") == first
    assert len(desk.messages()) == 4
    assert len(desk.db.scalars(select(AppointmentHistory)).all()) == 2


def test_an_expired_hold_is_not_booked(desk: Desk) -> None:
    desk.clock.advance(timedelta(minutes=10))
    with pytest.raises(Conflict) as refusal:
        desk.book()
    assert code_of(refusal) == "appointment.hold_expired"
    assert desk.messages() == []


def test_a_second_before_the_end_it_is(desk: Desk) -> None:
    desk.clock.advance(timedelta(minutes=9, seconds=59))
    assert desk.book().state is AppointmentState.BOOKED


def test_another_browser_cannot_book_it(desk: Desk) -> None:
    with pytest.raises(NotFound):
        desk.book(key="b")


def test_nobody_books_for_a_stranger(desk: Desk) -> None:
    with pytest.raises(NotFound):
        desk.book(patient_id=PatientId(desk.cast.stranger_person.id))


def test_a_right_that_has_ended_books_nothing(desk: Desk) -> None:
    end_right(desk.db, desk.cast, desk.clock)
    with pytest.raises(Forbidden):
        desk.book()


def test_somebody_must_be_named(desk: Desk) -> None:
    with pytest.raises(Conflict) as refusal:
        desk.book(patient_id=None)
    assert code_of(refusal) == "appointment.patient_missing"


def test_a_patient_is_never_in_two_places(desk: Desk, clinic: Clinic) -> None:
    other = clinic.rui if desk.held.practitioner_id == clinic.ines.id else clinic.ines
    made = make_appointment(
        desk.db, clinic, desk.cast.child, practitioner=other, at=desk.held.starts_at + timedelta(minutes=15)
    )
    with pytest.raises(Conflict) as refusal:
        desk.book()
    assert code_of(refusal) == "appointment.patient_overlap"
    states = {row.id: row.state for row in desk.db.scalars(select(Appointment))}
    assert states == {desk.held.id: AppointmentState.PROPOSED, made.id: AppointmentState.BOOKED}


def test_the_patients_own_expired_hold_is_not_in_the_way(desk: Desk, clinic: Clinic) -> None:
    other = clinic.rui if desk.held.practitioner_id == clinic.ines.id else clinic.ines
    old = make_appointment(
        desk.db, clinic, desk.cast.child, practitioner=other, at=desk.held.starts_at,
        state=AppointmentState.PROPOSED, held_until=desk.clock.now(), booked_at=None,
    )  # fmt: skip
    assert desk.book().state is AppointmentState.BOOKED
    assert desk.db.get_one(Appointment, old.id).state is AppointmentState.CANCELLED


def test_a_very_long_note_is_cut(desk: Desk) -> None:
    assert len(desk.book(patient_note="x" * 600).patient_note) == 500
