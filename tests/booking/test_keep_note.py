"""What was written beside a held time is not lost."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.booking.use_cases.hold_time import hold_time
from clinic_portal.booking.use_cases.keep_note import keep_note
from clinic_portal.booking.use_cases.release_hold import release_hold
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import NotFound
from tests.booking.holding import choose
from tests.support.cast import Cast
from tests.support.clinic import Clinic


def test_only_the_browser_that_holds_writes(db: Session, clock: FixedClock, clinic: Clinic) -> None:
    held = hold_time(db, clock, choice=choose(clinic), hold_key="a", actor=None)
    with pytest.raises(NotFound):
        keep_note(db, clock, appointment_id=held.id, hold_key="b", patient_note="x")
    assert db.get_one(Appointment, held.id).patient_note == ""


def test_a_note_is_kept_for_the_next_hold_also_when_this_one_ran_out(
    db: Session, clock: FixedClock, clinic: Clinic
) -> None:
    held = hold_time(db, clock, choice=choose(clinic), hold_key="a", actor=None)
    clock.advance(timedelta(minutes=11))
    keep_note(db, clock, appointment_id=held.id, hold_key="a", patient_note="knee")
    again = hold_time(db, clock, choice=choose(clinic, instead_of=held.id), hold_key="a", actor=None)
    assert (again.patient_note, again.id == held.id) == ("knee", False)


def test_a_booked_visit_keeps_its_note(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    held = hold_time(db, clock, choice=choose(clinic), hold_key="a", actor=None)
    row = db.get_one(Appointment, held.id)
    row.state, row.held_until, row.booked_at, row.patient_id = (
        AppointmentState.BOOKED, None, clock.now(), cast.patient_person.id,
    )  # fmt: skip
    db.commit()
    keep_note(db, clock, appointment_id=held.id, hold_key="a", patient_note="changed")
    assert db.get_one(Appointment, held.id).patient_note == ""
    release_hold(db, clock, appointment_id=held.id, hold_key="a", actor=None)
    assert db.get_one(Appointment, held.id).state is AppointmentState.BOOKED
