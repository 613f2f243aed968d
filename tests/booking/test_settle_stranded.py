"""The list of visits outside the hours, and what becomes of them."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.queries.stranded import token_of, visits_outside_hours
from clinic_portal.booking.rules import AppointmentState, StrandedAnswer
from clinic_portal.booking.steps.stranding import Settled
from clinic_portal.booking.use_cases.settle_stranded import settle_stranded
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import Forbidden
from clinic_portal.core.ids import AppointmentId
from clinic_portal.notifications.models import Message
from clinic_portal.practitioners.models import Absence, WeeklyHours
from tests.booking.factory import THURSDAY, make_appointment
from tests.support.cast import Cast
from tests.support.clinic import Clinic


@pytest.fixture
def stranded(db: Session, clinic: Clinic, cast: Cast) -> list[Appointment]:
    """A visit with Inês and one with Rui, both away, and one that is in order."""
    rows = [
        make_appointment(db, clinic, cast.patient_person),
        make_appointment(db, clinic, cast.stranger_person, practitioner=clinic.rui),
    ]
    make_appointment(db, clinic, cast.child, at=THURSDAY + timedelta(days=1))
    for person in (clinic.ines, clinic.rui):
        end = THURSDAY + timedelta(hours=1)
        db.add(Absence(practitioner_id=person.id, starts_at=THURSDAY, ends_at=end, reason="ill"))
    db.commit()
    return rows


def token(row: Appointment) -> str:
    return token_of(AppointmentId(row.id), row.starts_at)


def ids(db: Session, clock: FixedClock, cast: Cast, who: str = "administrator") -> set[object]:
    found = visits_outside_hours(db, clock, actor=getattr(cast, who).actor())
    return {one.visit.appointment.id for one in found}


def test_the_list_is_everybodys_for_an_administrator_and_ones_own_for_a_practitioner(
    db: Session, clock: FixedClock, cast: Cast, stranded: list[Appointment]
) -> None:
    assert ids(db, clock, cast) == {row.id for row in stranded}
    assert ids(db, clock, cast, "doctor") == {stranded[0].id}
    for who in ("receptionist", "patient"):
        with pytest.raises(Forbidden):
            ids(db, clock, cast, who)


def test_each_gets_what_was_chosen(db: Session, clock: FixedClock, cast: Cast, stranded: list[Appointment]) -> None:
    answers = {token(stranded[0]): StrandedAnswer.CANCEL, token(stranded[1]): StrandedAnswer.KEEP}
    actor = cast.administrator.actor()
    assert settle_stranded(db, clock, answers=answers, actor=actor) == Settled(kept=1, cancelled=1)
    assert len(list(db.scalars(select(Message)))) == 2
    (left,) = visits_outside_hours(db, clock, actor=actor)
    assert (left.visit.appointment.id, left.answer) == (stranded[1].id, StrandedAnswer.KEEP)
    # The second press finds nothing to cancel, and another mind about the other.
    answers[token(stranded[1])] = StrandedAnswer.MOVE
    assert settle_stranded(db, clock, answers=answers, actor=actor) == Settled(to_move=1)
    assert len(list(db.scalars(select(Message)))) == 2


def test_a_practitioner_decides_about_their_own_only(
    db: Session, clock: FixedClock, cast: Cast, stranded: list[Appointment]
) -> None:
    answers = {token(row): StrandedAnswer.CANCEL for row in stranded}
    assert settle_stranded(db, clock, answers=answers, actor=cast.doctor.actor()) == Settled(cancelled=1)
    states = [db.get_one(Appointment, row.id, populate_existing=True).state for row in stranded]
    assert states == [AppointmentState.CANCELLED, AppointmentState.BOOKED]


def test_visits_that_are_in_order_again_or_elsewhere_are_left_alone(
    db: Session, clock: FixedClock, cast: Cast, stranded: list[Appointment]
) -> None:
    answers = {token(row): StrandedAnswer.CANCEL for row in stranded}
    moved = db.get_one(Appointment, stranded[0].id)
    moved.starts_at, moved.ends_at = moved.starts_at + timedelta(minutes=5), moved.ends_at + timedelta(minutes=5)
    moved.busy_from, moved.busy_until = moved.starts_at, moved.ends_at
    for row in db.scalars(select(Absence).where(Absence.practitioner_id == stranded[1].practitioner_id)):
        db.delete(row)
    db.commit()
    assert settle_stranded(db, clock, answers=answers, actor=cast.administrator.actor()) == Settled()
    assert not list(db.scalars(select(Message)))


def test_another_room_at_the_same_time(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    """What slipped through is settled as it is in the change itself; a room that is gone by now changes nothing."""
    row = make_appointment(db, clinic, cast.patient_person)
    db.execute(delete(WeeklyHours).where(WeeklyHours.practitioner_id == clinic.rui.id))
    db.execute(
        update(WeeklyHours).where(WeeklyHours.practitioner_id == clinic.ines.id).values(room_id=clinic.room_2.id)
    )
    db.commit()
    actor, answers = cast.administrator.actor(), {token(row): StrandedAnswer.ROOM}
    (shown,) = visits_outside_hours(db, clock, actor=actor)
    assert shown.new_room is not None
    rival = make_appointment(db, clinic, cast.stranger_person, practitioner=clinic.rui)
    assert settle_stranded(db, clock, answers=answers, actor=actor) == Settled()
    rival.state, rival.cancelled_at = AppointmentState.CANCELLED, clock.now()
    db.commit()
    assert settle_stranded(db, clock, answers=answers, actor=actor) == Settled(other_room=1)
    assert db.get_one(Appointment, row.id, populate_existing=True).room_id == clinic.room_2.id
    assert visits_outside_hours(db, clock, actor=actor) == ()


def test_what_is_no_visit_is_left_alone(db: Session, clock: FixedClock, cast: Cast) -> None:
    answers = dict.fromkeys(("", "@", "x@20261126T1030", f"{cast.patient.id}@20261126T1030"), StrandedAnswer.CANCEL)
    assert settle_stranded(db, clock, answers=answers, actor=cast.administrator.actor()) == Settled()
