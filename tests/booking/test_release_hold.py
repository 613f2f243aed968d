"""Giving a held time back, by press or by time."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.jobs import sweep_holds
from clinic_portal.booking.models import Appointment, AppointmentHistory
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.booking.use_cases import end_expired_holds as sweeping
from clinic_portal.booking.use_cases.hold_time import hold_time
from clinic_portal.booking.use_cases.release_hold import release_hold
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import NotFound
from tests.booking.factory import THURSDAY, make_appointment
from tests.booking.holding import choose
from tests.support.cast import Cast
from tests.support.clinic import Clinic


def test_a_released_time_is_free_at_once(db: Session, clock: FixedClock, clinic: Clinic) -> None:
    held = hold_time(db, clock, choice=choose(clinic, practitioner=clinic.ines), hold_key="a", actor=None)
    for _ in range(2):
        release_hold(db, clock, appointment_id=held.id, hold_key="a", actor=None)
    assert len(db.scalars(select(AppointmentHistory)).all()) == 2
    again = hold_time(db, clock, choice=choose(clinic, practitioner=clinic.ines), hold_key="b", actor=None)
    assert again.starts_at == held.starts_at


def test_only_the_browser_that_holds_releases(db: Session, clock: FixedClock, clinic: Clinic) -> None:
    held = hold_time(db, clock, choice=choose(clinic), hold_key="a", actor=None)
    with pytest.raises(NotFound):
        release_hold(db, clock, appointment_id=held.id, hold_key="b", actor=None)


def test_the_sweeper_ends_what_ran_out_and_nothing_else(
    app: Flask, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clinic_portal.booking.jobs.BATCH", 2)
    monkeypatch.setattr(sweeping, "BATCH", 2)
    for number in range(5):
        at = THURSDAY + timedelta(hours=number)
        make_appointment(
            db, clinic, None, at=at, state=AppointmentState.PROPOSED, held_until=clock.now(), booked_at=None
        )
    live = make_appointment(
        db, clinic, None, at=THURSDAY + timedelta(days=1), state=AppointmentState.PROPOSED,
        held_until=clock.now() + timedelta(seconds=1), booked_at=None,
    )  # fmt: skip
    for _ in range(2):
        sweep_holds()
    db.expire_all()
    assert [
        row.id for row in db.scalars(select(Appointment).where(Appointment.state == AppointmentState.PROPOSED))
    ] == [live.id]
    lines = db.scalars(select(AppointmentHistory)).all()
    assert [(line.reason, line.actor_name) for line in lines] == [("hold.expired", "hold-sweeper")] * 5
