"""Holding a time, saying who it is for, booking it, giving it back."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment, AppointmentHistory
from clinic_portal.booking.queries import Wish, free_times
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.booking.steps import NewTime
from clinic_portal.booking.use_cases.hold_time import Choice, hold_time
from clinic_portal.booking.use_cases.move_appointment import move_appointment
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import Conflict, Forbidden, NotFound
from clinic_portal.core.ids import AppointmentId, FacilityId, PatientId, PractitionerId, ServiceId, new_id
from clinic_portal.facilities.models import Closure
from clinic_portal.practitioners.models import Absence
from tests.booking.factory import THURSDAY, make_appointment
from tests.booking.holding import choose, code_of, end_right
from tests.support.cast import Cast
from tests.support.clinic import Clinic


def test_a_free_time_is_held_for_ten_minutes(db: Session, clock: FixedClock, clinic: Clinic) -> None:
    held = hold_time(db, clock, choice=choose(clinic, practitioner=clinic.ines), hold_key="a", actor=None)
    assert held.state is AppointmentState.PROPOSED
    assert held.held_until == clock.now() + timedelta(minutes=10)
    assert (held.practitioner_id, held.room_id, held.minutes) == (clinic.ines.id, clinic.room_1.id, 30)
    assert (held.price.minor, held.patient_id, held.any_practitioner) == (3000, None, False)
    assert len(held.reference) == 8
    (line,) = db.scalars(select(AppointmentHistory))
    assert (line.from_state, line.to_state, line.actor_name) == (None, AppointmentState.PROPOSED, "visitor")


def test_a_held_time_is_offered_to_nobody_else_but_to_who_holds_it(
    db: Session, clock: FixedClock, clinic: Clinic
) -> None:
    hold_time(db, clock, choice=choose(clinic, practitioner=clinic.ines), hold_key="a", actor=None)
    with pytest.raises(Conflict) as refusal:
        hold_time(db, clock, choice=choose(clinic, practitioner=clinic.ines), hold_key="b", actor=None)
    assert code_of(refusal) == "appointment.slot_taken"
    held = db.scalars(select(Appointment)).one()
    for own_hold, count in ((None, 0), (held.hold_key_hash, 1)):
        wish = Wish(ServiceId(clinic.massage.id), PractitionerId(clinic.ines.id), own_hold=own_hold)
        (day,) = free_times(db, clock, wish, from_day=THURSDAY.date(), days=1).days
        assert sum(time.start == THURSDAY for time in day.times) == count


def test_repeating_the_choice_keeps_the_hold(db: Session, clock: FixedClock, clinic: Clinic) -> None:
    first = hold_time(db, clock, choice=choose(clinic), hold_key="a", actor=None)
    clock.advance(timedelta(minutes=2))
    again = hold_time(db, clock, choice=choose(clinic), hold_key="a", actor=None)
    assert again == first


def test_one_browser_holds_one_time(db: Session, clock: FixedClock, clinic: Clinic) -> None:
    first = hold_time(db, clock, choice=choose(clinic), hold_key="a", actor=None)
    later = choose(clinic, THURSDAY + timedelta(minutes=30))
    second = hold_time(db, clock, choice=later, hold_key="a", actor=None)
    rows = {row.id: row for row in db.scalars(select(Appointment))}
    assert rows[first.id].state is AppointmentState.CANCELLED
    assert rows[second.id].state is AppointmentState.PROPOSED
    reasons = [line.reason for line in db.scalars(select(AppointmentHistory).order_by(AppointmentHistory.id))]
    assert reasons == ["hold", "hold.released", "hold"]


def test_an_expired_hold_is_swept_aside(db: Session, clock: FixedClock, clinic: Clinic) -> None:
    first = hold_time(db, clock, choice=choose(clinic, practitioner=clinic.ines), hold_key="a", actor=None)
    clock.advance(timedelta(minutes=10))
    second = hold_time(db, clock, choice=choose(clinic, practitioner=clinic.ines), hold_key="b", actor=None)
    assert second.starts_at == first.starts_at
    line = db.scalars(select(AppointmentHistory).where(AppointmentHistory.to_state == AppointmentState.CANCELLED)).one()
    assert (line.appointment_id, line.reason, line.actor_name) == (first.id, "hold.expired", "hold-sweeper")


def test_with_no_preference_the_one_with_fewer_visits_takes_it_then_the_other(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    make_appointment(db, clinic, cast.patient_person, practitioner=clinic.ines, at=THURSDAY + timedelta(hours=5))
    first = hold_time(db, clock, choice=choose(clinic), hold_key="a", actor=None)
    second = hold_time(db, clock, choice=choose(clinic), hold_key="b", actor=None)
    assert [first.practitioner_id, second.practitioner_id] == [clinic.rui.id, clinic.ines.id]
    assert first.any_practitioner
    with pytest.raises(Conflict):
        hold_time(db, clock, choice=choose(clinic), hold_key="c", actor=None)


def test_with_no_preference_days_begin_with_one_after_the_other(db: Session, clock: FixedClock, clinic: Clinic) -> None:
    """One visit a day, on ten working days: each of two has five of them, and the page named who it would be."""
    wish = Wish(ServiceId(clinic.massage.id), facility_id=FacilityId(clinic.lisbon.id))
    anywhere = replace(wish, facility_id=None)
    days = [day for number in range(14) if (day := THURSDAY + timedelta(days=number)).weekday() < 5]
    whose = []
    for number, at in enumerate(days):
        named = set()
        for one in (wish, anywhere):
            (shown,) = free_times(db, clock, one, from_day=at.date(), days=1).days
            named |= {time.practitioner_ids[0] for time in shown.times if time.facility_id == clinic.lisbon.id}
        held = hold_time(db, clock, choice=choose(clinic, at), hold_key=f"{number}", actor=None)
        assert named == {held.practitioner_id}
        whose.append(held.practitioner_id)
    assert [whose.count(one.id) for one in (clinic.ines, clinic.rui)] == [5, 5]


def test_a_room_that_is_in_use_counts_as_taken(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    make_appointment(db, clinic, cast.patient_person, practitioner=clinic.rui, room_id=clinic.room_1.id)
    with pytest.raises(Conflict) as refusal:
        hold_time(db, clock, choice=choose(clinic, practitioner=clinic.ines), hold_key="a", actor=None)
    assert code_of(refusal) == "appointment.slot_taken"


NOT_OFFERED = {
    "before the hours": THURSDAY.replace(hour=8, minute=30),
    "over the lunch break": THURSDAY.replace(hour=12, minute=45),
    "on a Sunday": THURSDAY + timedelta(days=3),
    "off the clock": THURSDAY.replace(minute=31),
    "within the notice": datetime(2026, 11, 23, 11, 10, tzinfo=UTC),
    "in the past": datetime(2026, 11, 20, 10, 0, tzinfo=UTC),
    "after the horizon": datetime(2027, 2, 22, 10, 0, tzinfo=UTC),
    "on a closed day": datetime(2026, 12, 1, 10, 0, tzinfo=UTC),
    "while she is away": datetime(2026, 12, 2, 10, 0, tzinfo=UTC),
}


@pytest.mark.parametrize("when", NOT_OFFERED)
def test_what_is_not_offered_cannot_be_held(db: Session, clock: FixedClock, clinic: Clinic, when: str) -> None:
    db.add(Closure(facility_id=clinic.lisbon.id, day=datetime(2026, 12, 1, tzinfo=UTC).date(), reason="Restauração"))
    db.add(
        Absence(
            practitioner_id=clinic.ines.id,
            starts_at=datetime(2026, 12, 2, 9, 30, tzinfo=UTC),
            ends_at=datetime(2026, 12, 2, 10, 15, tzinfo=UTC),
            reason="course",
        )
    )
    db.commit()
    at = NOT_OFFERED[when]
    with pytest.raises(Conflict) as refusal:
        hold_time(db, clock, choice=choose(clinic, at, clinic.ines), hold_key="a", actor=None)
    assert code_of(refusal) == "appointment.slot_taken"


def test_the_edges_of_notice_and_horizon_are_offered(db: Session, clock: FixedClock, clinic: Clinic) -> None:
    for key, at in (
        ("a", datetime(2026, 11, 23, 11, 30, tzinfo=UTC)),
        ("b", datetime(2027, 2, 19, 17, 30, tzinfo=UTC)),
    ):
        assert hold_time(db, clock, choice=choose(clinic, at), hold_key=key, actor=None).starts_at == at


def test_a_start_beside_those_that_are_offered_cannot_be_held(db: Session, clock: FixedClock, clinic: Clinic) -> None:
    """It would leave an hour in two pieces. Not even when the notice has cut what is free to less than two visits."""
    at_quarter_past = datetime(2026, 11, 23, 11, 15, tzinfo=UTC)
    following = at_quarter_past + timedelta(minutes=30)
    make_appointment(db, clinic, patient=None, at=following, state=AppointmentState.PROPOSED)
    for at in (THURSDAY + timedelta(minutes=5), at_quarter_past):
        with pytest.raises(Conflict) as refusal:
            hold_time(db, clock, choice=choose(clinic, at, clinic.ines), hold_key="a", actor=None)
        assert code_of(refusal) == "appointment.slot_taken"


def test_a_page_may_be_read_until_the_time_itself_is_too_soon(db: Session, clock: FixedClock, clinic: Clinic) -> None:
    at = datetime(2026, 11, 23, 11, 30, tzinfo=UTC)
    clock.at = at - timedelta(hours=1)
    assert hold_time(db, clock, choice=choose(clinic, at, clinic.ines), hold_key="a", actor=None).starts_at == at
    clock.at += timedelta(minutes=1)
    with pytest.raises(Conflict):
        hold_time(db, clock, choice=choose(clinic, at, clinic.rui), hold_key="b", actor=None)


@pytest.mark.parametrize(("minutes", "is_had"), [(29, True), (31, False)])
def test_who_reads_while_the_grid_shifts_gets_what_they_saw(
    db: Session, clock: FixedClock, clinic: Clinic, minutes: int, is_had: bool
) -> None:
    """Somebody's half an hour makes the hours of 60 minutes start at half past."""
    nine = datetime(2026, 11, 26, 9, tzinfo=UTC)
    hold_time(db, clock, choice=choose(clinic, nine, clinic.ines), hold_key="somebody", actor=None)
    row = db.scalars(select(Appointment)).one()
    row.held_until = nine
    db.commit()
    clock.advance(timedelta(minutes=minutes))
    seen = replace(choose(clinic, nine + timedelta(hours=1), clinic.ines), service_id=ServiceId(clinic.evaluation.id))
    wish = Wish(seen.service_id, seen.practitioner_id)
    (day,) = free_times(db, clock, wish, from_day=nine.date(), days=1).days
    assert day.times[0].start == nine + timedelta(minutes=30)
    if is_had:
        assert hold_time(db, clock, choice=seen, hold_key="a", actor=None).starts_at == seen.starts_at
    else:
        with pytest.raises(Conflict):
            hold_time(db, clock, choice=seen, hold_key="a", actor=None)


@pytest.mark.parametrize(("minutes", "is_had"), [(29, True), (31, False)])
def test_what_was_moved_away_meanwhile_has_shifted_the_grid_too(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, minutes: int, is_had: bool
) -> None:
    """Its row is elsewhere by now, and of another practitioner: where it was is known all the same."""
    nine = datetime(2026, 11, 26, 9, tzinfo=UTC)
    visit = make_appointment(db, clinic, cast.patient_person, at=nine)
    seen = replace(
        choose(clinic, nine + timedelta(minutes=30), clinic.ines), service_id=ServiceId(clinic.evaluation.id)
    )
    wish = Wish(seen.service_id, seen.practitioner_id)
    (day,) = free_times(db, clock, wish, from_day=nine.date(), days=1).days
    assert day.times[0].start == seen.starts_at
    to = NewTime(FacilityId(clinic.lisbon.id), nine + timedelta(days=1), PractitionerId(clinic.rui.id))
    move_appointment(db, clock, appointment_id=AppointmentId(visit.id), actor=cast.patient.actor(), to=to)
    (day,) = free_times(db, clock, wish, from_day=nine.date(), days=1).days
    assert day.times[0].start == nine
    clock.advance(timedelta(minutes=minutes))
    if is_had:
        assert hold_time(db, clock, choice=seen, hold_key="a", actor=None).starts_at == seen.starts_at
    else:
        with pytest.raises(Conflict):
            hold_time(db, clock, choice=seen, hold_key="a", actor=None)


def test_what_is_moved_away_on_another_day_shifts_nothing(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    visit = make_appointment(db, clinic, cast.patient_person, at=THURSDAY - timedelta(days=1))
    to = NewTime(FacilityId(clinic.lisbon.id), THURSDAY, PractitionerId(clinic.rui.id))
    move_appointment(db, clock, appointment_id=AppointmentId(visit.id), actor=cast.patient.actor(), to=to)
    with pytest.raises(Conflict):
        hold_time(
            db, clock, choice=choose(clinic, THURSDAY + timedelta(minutes=5), clinic.ines), hold_key="a", actor=None
        )


def test_a_signed_in_parent_holds_for_a_child(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    choice = choose(clinic, patient_id=PatientId(cast.child.id))
    held = hold_time(db, clock, choice=choice, hold_key="a", actor=cast.guardian.actor())
    assert held.patient_id == cast.child.id
    assert held.booked_by == cast.guardian.id


def test_nobody_holds_for_a_stranger(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    choice = choose(clinic, patient_id=PatientId(cast.child.id))
    with pytest.raises(NotFound):
        hold_time(db, clock, choice=choice, hold_key="a", actor=cast.stranger.actor())
    assert db.scalars(select(Appointment)).all() == []


def test_a_relative_without_the_right_is_refused(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    end_right(db, cast, clock)
    choice = choose(clinic, patient_id=PatientId(cast.child.id))
    with pytest.raises(Forbidden):
        hold_time(db, clock, choice=choice, hold_key="a", actor=cast.guardian.actor())


def test_a_patient_with_another_visit_then_is_refused(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    make_appointment(db, clinic, cast.patient_person, practitioner=clinic.rui, at=THURSDAY - timedelta(minutes=15))
    choice = choose(clinic, practitioner=clinic.ines, patient_id=PatientId(cast.patient_person.id))
    with pytest.raises(Conflict) as refusal:
        hold_time(db, clock, choice=choice, hold_key="a", actor=cast.patient.actor())
    assert code_of(refusal) == "appointment.patient_overlap"


def test_changing_the_time_keeps_whom_it_is_for_and_what_was_written(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    choice = choose(clinic, patient_id=PatientId(cast.child.id))
    first = hold_time(db, clock, choice=choice, hold_key="a", actor=cast.guardian.actor())
    db.get_one(Appointment, first.id).patient_note = "His left knee"
    db.commit()
    later = choose(clinic, THURSDAY + timedelta(hours=1), instead_of=first.id)
    second = hold_time(db, clock, choice=later, hold_key="a", actor=cast.guardian.actor())
    assert (second.patient_id, second.patient_note) == (cast.child.id, "His left knee")


def test_another_browsers_hold_cannot_be_taken_over(db: Session, clock: FixedClock, clinic: Clinic) -> None:
    first = hold_time(db, clock, choice=choose(clinic), hold_key="a", actor=None)
    later = choose(clinic, THURSDAY + timedelta(hours=1), instead_of=first.id)
    with pytest.raises(NotFound):
        hold_time(db, clock, choice=later, hold_key="b", actor=None)


def test_an_unknown_service_is_not_found(db: Session, clock: FixedClock, clinic: Clinic) -> None:
    choice = Choice(ServiceId(new_id()), FacilityId(clinic.lisbon.id), THURSDAY)
    with pytest.raises(NotFound):
        hold_time(db, clock, choice=choice, hold_key="a", actor=None)
