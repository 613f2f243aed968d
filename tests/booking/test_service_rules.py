"""What a service asks of its bookings: buffers, notice, horizon, cut-off, visits in a day."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from clinic_portal.booking.queries import Wish, free_times
from clinic_portal.booking.rules import CancelReason
from clinic_portal.booking.use_cases.cancel_appointment import cancel_appointment
from clinic_portal.booking.use_cases.choose_patient import choose_patient
from clinic_portal.booking.use_cases.hold_time import hold_time
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import Conflict
from clinic_portal.core.ids import AppointmentId, FacilityId, PatientId, PractitionerId, ServiceId
from tests.booking.factory import THURSDAY, make_appointment
from tests.booking.holding import choose, code_of
from tests.support.cast import Cast
from tests.support.clinic import Clinic


def walls(db: Session, clock: FixedClock, clinic: Clinic) -> list[str]:
    wish = Wish(ServiceId(clinic.massage.id), PractitionerId(clinic.ines.id), FacilityId(clinic.lisbon.id))
    found = free_times(db, clock, wish, from_day=THURSDAY.date(), days=1)
    return [f"{time.start:%H:%M}" for day in found.days for time in day.times]


def test_buffers_keep_a_distance_to_what_is_booked(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    clinic.massage.buffer_before_minutes, clinic.massage.buffer_after_minutes = 5, 10
    db.commit()
    make_appointment(db, clinic, cast.patient_person, practitioner=clinic.ines, at=THURSDAY.replace(hour=10, minute=0))
    offered = walls(db, clock, clinic)
    # The visit at 10:00 has no buffers of its own; the one offered before it ends 10 minutes earlier, the next starts
    # 5 minutes later.
    assert offered[:2] == ["09:00", "10:35"]
    assert "11:20" in offered


def test_a_held_time_takes_its_buffers_up(db: Session, clock: FixedClock, clinic: Clinic) -> None:
    clinic.massage.buffer_before_minutes, clinic.massage.buffer_after_minutes = 5, 10
    db.commit()
    at = THURSDAY.replace(hour=9, minute=45)
    hold_time(db, clock, choice=choose(clinic, at, clinic.ines), hold_key="a", actor=None)
    for start, is_free in ((at + timedelta(minutes=40), False), (at + timedelta(minutes=45), True)):
        if is_free:
            held = hold_time(db, clock, choice=choose(clinic, start, clinic.ines), hold_key="b", actor=None)
            assert held.starts_at == start
        else:
            with pytest.raises(Conflict) as refusal:
                hold_time(db, clock, choice=choose(clinic, start, clinic.ines), hold_key="b", actor=None)
            assert code_of(refusal) == "appointment.slot_taken"


def test_the_database_refuses_a_visit_in_a_buffer(db: Session, clinic: Clinic, cast: Cast) -> None:
    at = THURSDAY.replace(hour=10, minute=0)
    make_appointment(
        db, clinic, cast.patient_person, practitioner=clinic.ines, at=at,
        busy_from=at, busy_until=at + timedelta(minutes=40),
    )  # fmt: skip
    with pytest.raises(IntegrityError, match="ex_appointment_practitioner"), db.begin_nested():
        make_appointment(db, clinic, cast.child, practitioner=clinic.ines, at=at + timedelta(minutes=30))


def test_notice_and_horizon_are_the_services(db: Session, clock: FixedClock, clinic: Clinic) -> None:
    clinic.massage.notice_minutes, clinic.massage.horizon_days = 24 * 60, 5
    db.commit()
    wish = Wish(ServiceId(clinic.massage.id), facility_id=FacilityId(clinic.lisbon.id))
    found = free_times(db, clock, wish, from_day=clock.now().date(), days=14)
    assert found.days[0].times[0].start == datetime(2026, 11, 24, 10, 30, tzinfo=UTC)
    assert found.days[-1].day.isoformat() == "2026-11-27"
    for start in (datetime(2026, 11, 24, 10, 0, tzinfo=UTC), datetime(2026, 11, 30, 10, 0, tzinfo=UTC)):
        with pytest.raises(Conflict):
            hold_time(db, clock, choice=choose(clinic, start), hold_key="a", actor=None)


@pytest.mark.parametrize(("minutes_before", "refused"), [(241, False), (240, False), (239, True)])
def test_a_visit_is_cancelled_up_to_the_cut_off(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, minutes_before: int, refused: bool
) -> None:
    clinic.massage.change_cutoff_minutes = 240
    db.commit()
    visit = make_appointment(db, clinic, cast.patient_person, booked_at=clock.now())
    clock.at = visit.starts_at - timedelta(minutes=minutes_before)

    def cancel() -> None:
        cancel_appointment(
            db,
            clock,
            appointment_id=AppointmentId(visit.id),
            actor=cast.patient.actor(),
            reason=CancelReason.UNWELL,
        )

    if refused:
        with pytest.raises(Conflict) as refusal:
            cancel()
        assert code_of(refusal) == "appointment.too_late_to_change"
    else:
        cancel()


def test_a_patient_has_so_many_visits_in_a_day(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    clinic.massage.visits_per_day = 1
    db.commit()
    patient, child = PatientId(cast.patient_person.id), PatientId(cast.child.id)
    make_appointment(db, clinic, cast.patient_person, booked_at=clock.now())
    later = THURSDAY.replace(hour=16, minute=0)
    actor = cast.patient.actor()
    with pytest.raises(Conflict) as refusal:
        hold_time(db, clock, choice=choose(clinic, later, patient_id=patient), hold_key="a", actor=actor)
    assert code_of(refusal) == "appointment.too_many_that_day"
    # Held by a visitor first, then given to the patient: the same answer.
    held = hold_time(db, clock, choice=choose(clinic, later), hold_key="b", actor=None)
    with pytest.raises(Conflict) as refusal:
        choose_patient(db, clock, appointment_id=held.id, hold_key="b", patient_id=patient, actor=actor)
    assert code_of(refusal) == "appointment.too_many_that_day"
    # Another person, and another day, are not limited by it.
    hold_time(db, clock, choice=choose(clinic, later, patient_id=child), hold_key="b", actor=cast.guardian.actor())
    next_day = later + timedelta(days=1)
    hold_time(db, clock, choice=choose(clinic, next_day, patient_id=patient), hold_key="c", actor=actor)


def test_the_day_is_that_of_the_place(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    """Half past midnight in UTC and in Lisbon is the evening before in the Azores."""
    clinic.massage.visits_per_day = 1
    db.commit()
    there = {"practitioner": clinic.sofia, "facility_id": clinic.azores.id, "room_id": clinic.room_a.id}
    make_appointment(db, clinic, cast.patient_person, at=datetime(2026, 11, 27, 0, 30, tzinfo=UTC), **there)
    patient, actor = PatientId(cast.patient_person.id), cast.patient.actor()

    def hold(at: datetime) -> None:
        choice = replace(choose(clinic, at, patient_id=patient), facility_id=FacilityId(clinic.azores.id))
        hold_time(db, clock, choice=choice, hold_key="a", actor=actor)

    with pytest.raises(Conflict) as refusal:
        hold(datetime(2026, 11, 26, 11, 0, tzinfo=UTC))
    assert code_of(refusal) == "appointment.too_many_that_day"
    hold(datetime(2026, 11, 27, 11, 0, tzinfo=UTC))
