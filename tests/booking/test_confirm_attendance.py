"""I'm coming."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import AppointmentHistory
from clinic_portal.booking.queries.visits import LinkHolder
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.booking.use_cases.confirm_attendance import confirm_attendance
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import AppointmentId
from tests.booking.factory import THURSDAY, make_appointment
from tests.support.cast import Cast
from tests.support.clinic import Clinic


def test_the_first_answer_counts(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    id_ = AppointmentId(make_appointment(db, clinic, cast.patient_person).id)
    first = clock.now()
    for actor in (LinkHolder(id_), cast.patient.actor()):
        assert confirm_attendance(db, clock, appointment_id=id_, actor=actor).confirmed_at == first
        clock.advance(timedelta(hours=1))
    (line,) = db.scalars(select(AppointmentHistory))
    assert (line.reason, line.actor_name, line.to_state) == ("patient.coming", "visit-link", AppointmentState.BOOKED)


@pytest.mark.parametrize("state", [AppointmentState.CANCELLED, AppointmentState.ARRIVED, AppointmentState.BOOKED])
def test_only_what_is_still_to_come(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, state: AppointmentState
) -> None:
    id_ = AppointmentId(make_appointment(db, clinic, cast.patient_person, state=state).id)
    clock.at = THURSDAY
    assert confirm_attendance(db, clock, appointment_id=id_, actor=LinkHolder(id_)).confirmed_at is None


def test_not_of_somebody_else(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    id_ = AppointmentId(make_appointment(db, clinic, cast.patient_person).id)
    other = AppointmentId(make_appointment(db, clinic, cast.child, practitioner=clinic.rui).id)
    for actor in (cast.stranger.actor(), LinkHolder(other)):
        with pytest.raises(NotFound):
            confirm_attendance(db, clock, appointment_id=id_, actor=actor)
