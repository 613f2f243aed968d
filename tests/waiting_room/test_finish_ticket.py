"""The consultation is over."""

import pytest

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.core.errors import Conflict
from clinic_portal.waiting_room.rules import TicketState
from clinic_portal.waiting_room.use_cases.enter_room import enter_room
from clinic_portal.waiting_room.use_cases.finish_ticket import finish_ticket
from tests.waiting_room.desk import Desk


def test_fulfils_the_visit_once_and_frees_the_room(desk: Desk) -> None:
    ticket = desk.arrive(desk.cast.patient_person)
    other = desk.arrive(desk.cast.child, minutes=30)
    enter_room(desk.db, desk.clock, ticket_id=ticket, **desk.ask())
    before = desk.version()
    for _ in range(2):
        facts = finish_ticket(desk.db, desk.clock, ticket_id=ticket, **desk.ask())
    assert (facts.state, facts.ended_at) == (TicketState.DONE, desk.clock.now())
    assert desk.version() == before + 1
    visit = desk.db.get(Appointment, desk.row(ticket).appointment_id, populate_existing=True)
    assert visit is not None
    assert visit.state is AppointmentState.FULFILLED
    assert enter_room(desk.db, desk.clock, ticket_id=other, **desk.ask()).room_id == desk.room_1


def test_not_before_they_are_in_the_room(desk: Desk) -> None:
    ticket = desk.arrive(desk.cast.patient_person)
    with pytest.raises(Conflict, match=r"ticket\.moved_on"):
        finish_ticket(desk.db, desk.clock, ticket_id=ticket, **desk.ask())


def test_a_consultation_may_end_after_midnight(desk: Desk) -> None:
    ticket = desk.arrive(desk.cast.patient_person)
    enter_room(desk.db, desk.clock, ticket_id=ticket, **desk.ask())
    desk.clock.at = desk.clock.at.replace(day=24, hour=0)
    assert finish_ticket(desk.db, desk.clock, ticket_id=ticket, **desk.ask()).state is TicketState.DONE
