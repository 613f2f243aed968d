"""A day ends, and somebody did not come."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment, AppointmentHistory
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.check_in import jobs
from clinic_portal.check_in.use_cases.mark_missed_visits import mark_missed_visits
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.modes import Mode
from tests.booking.factory import THURSDAY, make_appointment
from tests.support.cast import Cast
from tests.support.clinic import Clinic


def state(db: Session, row: Appointment) -> AppointmentState:
    return db.get_one(Appointment, row.id, populate_existing=True).state


def test_when_the_day_is_over_at_the_facility(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    lisbon = make_appointment(db, clinic, cast.patient_person)
    azores = make_appointment(
        db,
        clinic,
        cast.stranger_person,
        practitioner=clinic.sofia,
        facility_id=clinic.azores.id,
        room_id=clinic.room_a.id,
    )
    clock.at = datetime(2026, 11, 26, 23, 59, tzinfo=UTC)
    assert mark_missed_visits(db, clock) == 0
    clock.advance(timedelta(minutes=1))
    assert mark_missed_visits(db, clock) == 1
    assert (state(db, lisbon), state(db, azores)) == (AppointmentState.NOSHOW, AppointmentState.BOOKED)
    clock.advance(timedelta(hours=1))
    assert mark_missed_visits(db, clock) == 1
    assert mark_missed_visits(db, clock) == 0
    line = db.scalars(select(AppointmentHistory).where(AppointmentHistory.appointment_id == lisbon.id)).one()
    assert (line.actor_name, line.reason, line.account_id) == ("end-of-day", "noshow", None)


def test_who_came_or_cancelled_or_meets_online_missed_nothing(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    rows = [
        make_appointment(db, clinic, cast.patient_person, state=AppointmentState.FULFILLED),
        make_appointment(db, clinic, cast.stranger_person, state=AppointmentState.CANCELLED),
        make_appointment(
            db, clinic, cast.guardian_person, at=THURSDAY + timedelta(hours=3), mode=Mode.ONLINE, room_id=None
        ),
    ]
    before = [row.state for row in rows]
    clock.at = THURSDAY + timedelta(days=2)
    assert mark_missed_visits(db, clock) == 0
    assert [state(db, row) for row in rows] == before


def test_the_job_does_it(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    row = make_appointment(db, clinic, cast.patient_person)
    clock.at = THURSDAY + timedelta(days=1)
    jobs.mark_missed_visits()
    assert state(db, row) is AppointmentState.NOSHOW
