"""The patient is in the room."""

import pytest

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.core.errors import Conflict
from clinic_portal.waiting_room.rules import TicketState
from clinic_portal.waiting_room.use_cases.call_ticket import call_ticket
from clinic_portal.waiting_room.use_cases.enter_room import enter_room
from tests.waiting_room.desk import Desk


def test_starts_the_consultation_once(desk: Desk) -> None:
    ticket = desk.arrive(desk.cast.patient_person)
    call_ticket(desk.db, desk.clock, ticket_id=ticket, room_id=desk.room_2, **desk.ask())
    before = desk.version()
    for _ in range(2):
        facts = enter_room(desk.db, desk.clock, ticket_id=ticket, **desk.ask())
    assert (facts.state, facts.room_id, facts.entered_at) == (TicketState.IN_ROOM, desk.room_2, desk.clock.now())
    assert desk.version() == before + 1
    visit = desk.db.get(Appointment, desk.row(ticket).appointment_id, populate_existing=True)
    assert visit is not None
    assert visit.state is AppointmentState.CHECKED_IN


def test_somebody_may_walk_straight_in(desk: Desk) -> None:
    ticket = desk.arrive(desk.cast.patient_person)
    facts = enter_room(desk.db, desk.clock, ticket_id=ticket, **desk.ask())
    assert facts.called_at == facts.entered_at == desk.clock.now()
    assert facts.calls == 0


def test_two_patients_are_never_in_one_room(desk: Desk) -> None:
    first = desk.arrive(desk.cast.patient_person)
    second = desk.arrive(desk.cast.child, practitioner=desk.clinic.rui)
    enter_room(desk.db, desk.clock, ticket_id=first, **desk.ask())
    before = desk.version()
    with pytest.raises(Conflict, match=r"ticket\.room_in_use"):
        enter_room(desk.db, desk.clock, ticket_id=second, room_id=desk.room_1, **desk.ask())
    assert desk.row(second).state is TicketState.WAITING
    assert desk.version() == before
    visit = desk.db.get(Appointment, desk.row(second).appointment_id, populate_existing=True)
    assert visit is not None
    assert visit.state is AppointmentState.ARRIVED, "refused as a whole"
