"""Somebody counted as missing did come."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from clinic_portal.booking.models import Appointment, AppointmentHistory
from clinic_portal.booking.queries.missed import missed_counts
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.check_in.use_cases.mark_arrived import mark_arrived
from clinic_portal.check_in.use_cases.mark_missed_visits import mark_missed_visits
from clinic_portal.check_in.use_cases.mark_noshow import mark_noshow
from clinic_portal.check_in.use_cases.undo_noshow import undo_noshow
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import AppointmentId, PatientId
from clinic_portal.core.modes import Mode
from tests.waiting_room.desk import Desk
from tests.waiting_room.visits import make_visit


def missed(desk: Desk) -> AppointmentId:
    visit = make_visit(desk.db, desk.clock, desk.clinic, desk.cast.patient_person, minutes=-20)
    mark_noshow(desk.db, desk.clock, appointment_id=visit, **desk.ask())
    return visit


def count(desk: Desk) -> int:
    patient_id = PatientId(desk.cast.patient_person.id)
    return missed_counts(desk.db, desk.clock, [patient_id], actor=desk.actor).get(patient_id, 0)


def test_a_visit_of_today_is_booked_as_before_and_its_patient_may_arrive(desk: Desk) -> None:
    visit = missed(desk)
    assert count(desk) == 1
    for _ in range(2):
        facts = undo_noshow(desk.db, desk.clock, appointment_id=visit, **desk.ask())
        assert facts.state is AppointmentState.BOOKED
    assert count(desk) == 0
    lines = desk.db.scalars(select(AppointmentHistory.reason).where(AppointmentHistory.appointment_id == visit)).all()
    assert sorted(lines) == ["noshow", "noshow.undone"], "repeating writes nothing"
    arrived = mark_arrived(desk.db, desk.clock, appointment_id=visit, **desk.ask())
    assert arrived.state is AppointmentState.ARRIVED


def test_what_the_night_marked_is_taken_back_for_good(desk: Desk) -> None:
    visit = make_visit(desk.db, desk.clock, desk.clinic, desk.cast.patient_person)
    desk.clock.advance(timedelta(days=1))
    assert mark_missed_visits(desk.db, desk.clock) == 1
    facts = undo_noshow(desk.db, desk.clock, appointment_id=visit, **desk.ask())
    assert facts.state is AppointmentState.FULFILLED
    assert (mark_missed_visits(desk.db, desk.clock), count(desk)) == (0, 0)


def test_not_when_somebody_else_has_the_time_by_now(desk: Desk) -> None:
    visit = missed(desk)
    make_visit(desk.db, desk.clock, desk.clinic, desk.person("Rita"), minutes=-5)
    with pytest.raises(Conflict, match=r"appointment\.time_given_away"):
        undo_noshow(desk.db, desk.clock, appointment_id=visit, **desk.ask())
    assert desk.db.get_one(Appointment, visit, populate_existing=True).state is AppointmentState.NOSHOW


def test_other_peoples_visits_online_are_not_in_the_way(desk: Desk) -> None:
    online = {"mode": Mode.ONLINE, "room_id": None}
    visit = make_visit(desk.db, desk.clock, desk.clinic, desk.cast.patient_person, minutes=-20, **online)
    mark_noshow(desk.db, desk.clock, appointment_id=visit, **desk.ask())
    make_visit(
        desk.db, desk.clock, desk.clinic, desk.person("Rita"), minutes=-20, practitioner=desk.clinic.rui, **online
    )
    facts = undo_noshow(desk.db, desk.clock, appointment_id=visit, **desk.ask())
    assert facts.state is AppointmentState.BOOKED


@pytest.mark.parametrize("state", [AppointmentState.CANCELLED, AppointmentState.ARRIVED, AppointmentState.FULFILLED])
def test_nothing_else_is_taken_back(desk: Desk, state: AppointmentState) -> None:
    visit = make_visit(desk.db, desk.clock, desk.clinic, desk.cast.patient_person, minutes=-20, state=state)
    with pytest.raises(Conflict, match=r"appointment\.state_changed"):
        undo_noshow(desk.db, desk.clock, appointment_id=visit, **desk.ask())


def test_not_by_staff_of_another_facility(desk: Desk) -> None:
    visit, actor = missed(desk), desk.cast.far_receptionist.actor()
    with pytest.raises(NotFound):
        undo_noshow(desk.db, desk.clock, appointment_id=visit, facility_id=desk.facility_id, actor=actor)
