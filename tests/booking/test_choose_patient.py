"""Saying whom a held time is for."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from clinic_portal.booking.queries import AppointmentFacts
from clinic_portal.booking.use_cases.choose_patient import choose_patient
from clinic_portal.booking.use_cases.hold_time import hold_time
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import Conflict, Forbidden, NotFound
from clinic_portal.core.ids import PatientId
from tests.booking.factory import make_appointment
from tests.booking.holding import choose, code_of, end_right
from tests.support.cast import Cast
from tests.support.clinic import Clinic


@pytest.fixture
def held(db: Session, clock: FixedClock, clinic: Clinic) -> AppointmentFacts:
    return hold_time(db, clock, choice=choose(clinic, practitioner=clinic.ines), hold_key="a", actor=None)


def pick(db: Session, clock: FixedClock, held: AppointmentFacts, cast: Cast, key: str = "a") -> AppointmentFacts:
    return choose_patient(
        db,
        clock,
        appointment_id=held.id,
        hold_key=key,
        patient_id=PatientId(cast.child.id),
        actor=cast.guardian.actor(),
    )


def test_the_hold_is_the_childs(db: Session, clock: FixedClock, held: AppointmentFacts, cast: Cast) -> None:
    for _ in range(2):
        chosen = pick(db, clock, held, cast)
        assert (chosen.patient_id, chosen.booked_by, chosen.held_until) == (
            cast.child.id, cast.guardian.id, held.held_until,
        )  # fmt: skip


def test_who_has_another_visit_then_is_refused_at_once(
    db: Session, clock: FixedClock, held: AppointmentFacts, cast: Cast, clinic: Clinic
) -> None:
    make_appointment(db, clinic, cast.child, practitioner=clinic.rui, at=held.starts_at - timedelta(minutes=29))
    with pytest.raises(Conflict) as refusal:
        pick(db, clock, held, cast)
    assert code_of(refusal) == "appointment.patient_overlap"


def test_a_hold_that_ran_out_is_nobodys(db: Session, clock: FixedClock, held: AppointmentFacts, cast: Cast) -> None:
    clock.advance(timedelta(minutes=10))
    with pytest.raises(Conflict) as refusal:
        pick(db, clock, held, cast)
    assert code_of(refusal) == "appointment.hold_expired"


def test_only_this_browser_and_only_with_the_right(
    db: Session, clock: FixedClock, held: AppointmentFacts, cast: Cast
) -> None:
    with pytest.raises(NotFound):
        pick(db, clock, held, cast, key="b")
    end_right(db, cast, clock)
    with pytest.raises(Forbidden):
        pick(db, clock, held, cast)
