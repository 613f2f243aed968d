"""Somebody pressed "Arrived" in the wrong row."""

import pytest
from sqlalchemy import select

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.check_in.use_cases.mark_arrived import mark_arrived
from clinic_portal.check_in.use_cases.undo_arrival import undo_arrival
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import AppointmentId
from clinic_portal.waiting_room.models import Ticket
from clinic_portal.waiting_room.use_cases.call_ticket import call_ticket
from clinic_portal.waiting_room.use_cases.enter_room import enter_room
from tests.booking.factory import make_appointment
from tests.waiting_room.desk import Desk


def test_the_visit_is_booked_as_before_and_out_of_the_queue(desk: Desk) -> None:
    ticket = desk.arrive(desk.cast.patient_person)
    visit, version = desk.row(ticket).appointment_id, desk.version()
    facts = undo_arrival(desk.db, desk.clock, appointment_id=visit, **desk.ask())
    assert facts.state is AppointmentState.BOOKED
    assert desk.db.scalars(select(Ticket)).all() == []
    assert desk.version() == version + 1
    undo_arrival(desk.db, desk.clock, appointment_id=visit, **desk.ask())
    assert desk.version() == version + 1, "repeating changes nothing"


def test_they_may_arrive_again(desk: Desk) -> None:
    ticket = desk.arrive(desk.cast.patient_person)
    visit = desk.row(ticket).appointment_id
    undo_arrival(desk.db, desk.clock, appointment_id=visit, **desk.ask())
    assert mark_arrived(desk.db, desk.clock, appointment_id=visit, **desk.ask()).state is AppointmentState.ARRIVED
    assert desk.db.scalars(select(Ticket)).one().number == 2


def test_a_call_goes_with_the_arrival(desk: Desk) -> None:
    ticket = desk.arrive(desk.cast.patient_person)
    visit = desk.row(ticket).appointment_id
    call_ticket(desk.db, desk.clock, ticket_id=ticket, **desk.ask())
    undo_arrival(desk.db, desk.clock, appointment_id=visit, **desk.ask())
    assert desk.db.scalars(select(Ticket)).all() == []


def test_not_from_the_room(desk: Desk) -> None:
    ticket = desk.arrive(desk.cast.patient_person)
    visit = desk.row(ticket).appointment_id
    enter_room(desk.db, desk.clock, ticket_id=ticket, **desk.ask())
    with pytest.raises(Conflict, match=r"appointment\.state_changed"):
        undo_arrival(desk.db, desk.clock, appointment_id=visit, **desk.ask())


def test_not_by_staff_of_another_facility(desk: Desk) -> None:
    ticket = desk.arrive(desk.cast.patient_person)
    visit = desk.row(ticket).appointment_id
    actor = desk.cast.far_receptionist.actor()
    with pytest.raises(NotFound):
        undo_arrival(desk.db, desk.clock, appointment_id=visit, facility_id=desk.facility_id, actor=actor)


@pytest.mark.parametrize("state", [AppointmentState.PROPOSED, AppointmentState.PENDING])
def test_a_time_that_is_not_booked_yet_is_not_booked_by_it(desk: Desk, state: AppointmentState) -> None:
    visit = make_appointment(desk.db, desk.clinic, desk.cast.patient_person, state=state)
    with pytest.raises(Conflict, match=r"appointment\.state_changed"):
        undo_arrival(desk.db, desk.clock, appointment_id=AppointmentId(visit.id), **desk.ask())
    assert desk.db.get(Appointment, visit.id, populate_existing=True).state is state
