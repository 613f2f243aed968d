"""Somebody did not come."""

import pytest

from clinic_portal.booking.rules import AppointmentState
from clinic_portal.check_in.use_cases.mark_noshow import mark_noshow
from clinic_portal.core.errors import Conflict, NotFound
from tests.waiting_room.desk import Desk
from tests.waiting_room.visits import make_visit


def test_after_the_time_of_the_visit(desk: Desk) -> None:
    visit = make_visit(desk.db, desk.clock, desk.clinic, desk.cast.patient_person, minutes=-20)
    for _ in range(2):
        facts = mark_noshow(desk.db, desk.clock, appointment_id=visit, **desk.ask())
        assert facts.state is AppointmentState.NOSHOW


def test_not_before(desk: Desk) -> None:
    visit = make_visit(desk.db, desk.clock, desk.clinic, desk.cast.patient_person, minutes=1)
    with pytest.raises(Conflict, match=r"appointment\.not_started"):
        mark_noshow(desk.db, desk.clock, appointment_id=visit, **desk.ask())


def test_not_when_they_are_here(desk: Desk) -> None:
    ticket = desk.arrive(desk.cast.patient_person, minutes=-20)
    visit = desk.row(ticket).appointment_id
    with pytest.raises(Conflict, match=r"appointment\.state_changed"):
        mark_noshow(desk.db, desk.clock, appointment_id=visit, **desk.ask())


def test_not_by_staff_of_another_facility(desk: Desk) -> None:
    visit = make_visit(desk.db, desk.clock, desk.clinic, desk.cast.patient_person, minutes=-20)
    actor = desk.cast.far_receptionist.actor()
    with pytest.raises(NotFound):
        mark_noshow(desk.db, desk.clock, appointment_id=visit, facility_id=desk.facility_id, actor=actor)
