"""What the desk and the waiting room do to appointments."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from clinic_portal.booking import steps
from clinic_portal.booking.models import AppointmentHistory
from clinic_portal.booking.queries import AppointmentFacts, appointment_at, day_list
from clinic_portal.booking.rules import LIVE_STATES, NEXT_STATES, AppointmentState, may_follow
from clinic_portal.core.actor import system
from clinic_portal.core.clock import FixedClock, day_bounds
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import AppointmentId, FacilityId, new_id
from tests.booking.factory import THURSDAY, make_appointment
from tests.support.cast import Cast
from tests.support.clinic import Clinic

DESK = system("test-desk")

Step = Callable[..., AppointmentFacts]

PATHS: list[tuple[AppointmentState, Step, AppointmentState]] = [
    (AppointmentState.BOOKED, steps.mark_arrived, AppointmentState.ARRIVED),
    (AppointmentState.ARRIVED, steps.undo_arrival, AppointmentState.BOOKED),
    (AppointmentState.ARRIVED, steps.start_consultation, AppointmentState.CHECKED_IN),
    (AppointmentState.CHECKED_IN, steps.fulfil, AppointmentState.FULFILLED),
    (AppointmentState.BOOKED, steps.mark_noshow, AppointmentState.NOSHOW),
]


@pytest.mark.parametrize(("before", "step", "after"), PATHS)
def test_each_step_moves_the_state_and_writes_one_line_even_when_repeated(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast,
    before: AppointmentState, step: Step, after: AppointmentState,
) -> None:  # fmt: skip
    row = make_appointment(db, clinic, cast.patient_person, state=before)
    clock.at = THURSDAY + timedelta(minutes=20)
    for _ in range(2):
        with transaction(db):
            facts = step(db, clock, appointment_id=AppointmentId(row.id), actor=DESK)
        assert facts.state is after
    db.commit()
    (line,) = db.scalars(select(AppointmentHistory).where(AppointmentHistory.appointment_id == row.id))
    assert (line.from_state, line.to_state, line.at, line.actor_name) == (before, after, clock.at, "test-desk")
    assert line.patient_id == cast.patient_person.id


@pytest.mark.parametrize("state", [AppointmentState.CANCELLED, AppointmentState.NOSHOW, AppointmentState.FULFILLED])
def test_nobody_arrives_for_a_visit_that_is_over(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, state: AppointmentState
) -> None:
    row = make_appointment(db, clinic, cast.patient_person, state=state)
    with pytest.raises(Conflict) as refusal:
        steps.mark_arrived(db, clock, appointment_id=AppointmentId(row.id), actor=DESK)
    assert refusal.value.code == "appointment.state_changed"


def test_nobody_fails_to_come_before_the_time(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    row = make_appointment(db, clinic, cast.patient_person)
    clock.at = THURSDAY - timedelta(seconds=1)
    with pytest.raises(Conflict) as refusal:
        steps.mark_noshow(db, clock, appointment_id=AppointmentId(row.id), actor=DESK)
    assert refusal.value.code == "appointment.not_started"


def test_an_unknown_appointment_is_not_found(db: Session, clock: FixedClock, clinic: Clinic) -> None:
    with pytest.raises(NotFound):
        steps.mark_arrived(db, clock, appointment_id=AppointmentId(new_id()), actor=DESK)


def test_history_cannot_be_changed(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    row = make_appointment(db, clinic, cast.patient_person)
    with transaction(db):
        steps.mark_arrived(db, clock, appointment_id=AppointmentId(row.id), actor=DESK)
    db.commit()
    for statement in ("UPDATE appointment_history SET reason = 'x'", "DELETE FROM appointment_history"):
        with pytest.raises(DBAPIError), db.begin_nested():
            db.execute(text(statement))


def test_the_day_list_is_in_order_and_without_holds_and_cancelled(db: Session, clinic: Clinic, cast: Cast) -> None:
    made = {}
    for hour, state in enumerate(AppointmentState):
        row = make_appointment(db, clinic, cast.patient_person, state=state, at=THURSDAY + timedelta(hours=hour))
        made[state] = row.id
    make_appointment(db, clinic, cast.stranger_person, at=THURSDAY + timedelta(days=1))
    start, end = day_bounds(THURSDAY.date(), clinic.lisbon.tz)
    facility = FacilityId(clinic.lisbon.id)
    seen = day_list(db, facility_id=facility, start=start, end=end)
    assert [facts.starts_at for facts in seen] == sorted(facts.starts_at for facts in seen)
    hidden = {AppointmentState.PROPOSED, AppointmentState.CANCELLED, AppointmentState.ENTERED_IN_ERROR}
    assert {facts.id for facts in seen} == {id_ for state, id_ in made.items() if state not in hidden}
    assert day_list(db, facility_id=FacilityId(clinic.azores.id), start=start, end=end) == []
    assert seen[0].minutes == 30


def test_a_facility_sees_only_its_own_appointments(db: Session, clinic: Clinic, cast: Cast) -> None:
    row = make_appointment(db, clinic, cast.patient_person)
    held = make_appointment(db, clinic, None, state=AppointmentState.PROPOSED, at=THURSDAY + timedelta(hours=2))
    lisbon, azores = FacilityId(clinic.lisbon.id), FacilityId(clinic.azores.id)
    assert appointment_at(db, appointment_id=AppointmentId(row.id), facility_id=lisbon).id == row.id
    for id_, facility in ((row.id, azores), (held.id, lisbon), (new_id(), lisbon)):
        with pytest.raises(NotFound):
            appointment_at(db, appointment_id=AppointmentId(id_), facility_id=facility)


@given(st.lists(st.sampled_from(AppointmentState), max_size=12))
def test_no_walk_through_the_states_comes_back_from_an_end(wanted: list[AppointmentState]) -> None:
    state = AppointmentState.PROPOSED
    left_hold = False
    for step in wanted:
        if may_follow(state, step):
            state = step
            left_hold = left_hold or state is not AppointmentState.PROPOSED
        assert state is not AppointmentState.PROPOSED or not left_hold
    assert set(NEXT_STATES) == set(AppointmentState)
    ends = {name for name, following in NEXT_STATES.items() if not following}
    # A no-show is the desk's, or the night's, and either may be mistaken.
    assert ends == set(AppointmentState) - {*LIVE_STATES, AppointmentState.NOSHOW}
