"""Sweeping beside somebody who is just looking at a hold."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.queries import lock_appointment
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.booking.use_cases.end_expired_holds import end_expired_holds
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.ids import AppointmentId
from tests.booking.factory import make_appointment
from tests.booking.rivals import own_database
from tests.support.clinic import make_clinic

NOW = datetime(2026, 11, 23, 10, 12, tzinfo=UTC)


@pytest.mark.processes
def test_a_hold_that_somebody_has_locked_is_left_for_the_next_time(worker_number: int) -> None:
    clock = FixedClock(NOW)
    with own_database(f"clinic_sweep_{worker_number}") as sessions:
        with sessions() as db:
            clinic = make_clinic(db, clock)
            ids = [
                make_appointment(
                    db, clinic, None, at=NOW + timedelta(days=1, hours=hour), state=AppointmentState.PROPOSED,
                    held_until=NOW, booked_at=None,
                ).id
                for hour in range(3)
            ]  # fmt: skip
        with sessions() as busy, sessions() as sweeper:
            lock_appointment(busy, AppointmentId(ids[1]))
            assert end_expired_holds(sweeper, clock) == 2
            busy.rollback()
            assert end_expired_holds(sweeper, clock) == 1
            assert end_expired_holds(sweeper, clock) == 0
        _check_all_cancelled(sessions())


def _check_all_cancelled(db: Session) -> None:
    with db:
        assert {row.state for row in db.query(Appointment)} == {AppointmentState.CANCELLED}
