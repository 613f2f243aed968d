"""An online visit begins: no arrival, no queue, nobody on the waiting room's screen."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from clinic_portal.booking.models import AppointmentHistory
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.check_in.use_cases.finish_online_visit import finish_online_visit
from clinic_portal.check_in.use_cases.mark_arrived import mark_arrived
from clinic_portal.check_in.use_cases.start_online_visit import start_online_visit
from clinic_portal.check_in.use_cases.undo_arrival import undo_arrival
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import AppointmentId, FacilityId
from clinic_portal.core.modes import Mode
from clinic_portal.waiting_room.models import Ticket
from tests.waiting_room.desk import Desk
from tests.waiting_room.visits import make_visit


def online(desk: Desk, minutes: int = 0) -> AppointmentId:
    here = {"mode": Mode.ONLINE, "room_id": None}
    return make_visit(desk.db, desk.clock, desk.clinic, desk.cast.patient_person, minutes=minutes, **here)  # type: ignore[arg-type]


def states(desk: Desk, visit: AppointmentId) -> list[AppointmentState]:
    lines = select(AppointmentHistory.to_state).where(AppointmentHistory.appointment_id == visit)
    return list(desk.db.scalars(lines.order_by(AppointmentHistory.id)))


def test_it_begins_once_and_no_queue_knows_of_it(desk: Desk) -> None:
    visit = online(desk)
    for _ in range(2):
        facts = start_online_visit(desk.db, desk.clock, appointment_id=visit, **desk.ask())
        assert facts.state is AppointmentState.CHECKED_IN
    assert states(desk, visit) == [AppointmentState.ARRIVED, AppointmentState.CHECKED_IN]
    assert desk.db.scalars(select(Ticket)).all() == []


def test_a_press_in_the_wrong_row_is_taken_back(desk: Desk) -> None:
    visit = online(desk)
    start_online_visit(desk.db, desk.clock, appointment_id=visit, **desk.ask())
    assert undo_arrival(desk.db, desk.clock, appointment_id=visit, **desk.ask()).state is AppointmentState.BOOKED
    start_online_visit(desk.db, desk.clock, appointment_id=visit, **desk.ask())
    done = finish_online_visit(desk.db, desk.clock, appointment_id=visit, **desk.ask())
    assert done.state is AppointmentState.FULFILLED


def test_nobody_arrives_for_it(desk: Desk) -> None:
    with pytest.raises(NotFound):
        mark_arrived(desk.db, desk.clock, appointment_id=online(desk), **desk.ask())


def test_not_on_another_day(desk: Desk) -> None:
    visit = online(desk, minutes=24 * 60)
    with pytest.raises(Conflict, match=r"check_in\.later_day"):
        start_online_visit(desk.db, desk.clock, appointment_id=visit, **desk.ask())


def test_a_visit_at_the_clinic_and_another_facilitys_are_not_found(desk: Desk) -> None:
    in_person = make_visit(desk.db, desk.clock, desk.clinic, desk.cast.patient_person)
    with pytest.raises(NotFound):
        start_online_visit(desk.db, desk.clock, appointment_id=in_person, **desk.ask())
    elsewhere = desk.ask() | {"facility_id": FacilityId(desk.clinic.azores.id)}
    desk.clock.advance(timedelta(hours=1))
    with pytest.raises(NotFound):
        start_online_visit(desk.db, desk.clock, appointment_id=online(desk), **elsewhere)
