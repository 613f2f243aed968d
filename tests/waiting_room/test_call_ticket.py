"""Calling somebody of one's choice."""

import pytest

from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import RoomId
from clinic_portal.waiting_room.rules import TicketState
from clinic_portal.waiting_room.use_cases.call_ticket import call_ticket
from clinic_portal.waiting_room.use_cases.enter_room import enter_room
from clinic_portal.waiting_room.use_cases.finish_ticket import finish_ticket
from tests.waiting_room.desk import Desk


def test_to_the_room_of_the_appointment(desk: Desk) -> None:
    ticket = desk.arrive(desk.cast.patient_person)
    before = desk.version()
    facts = call_ticket(desk.db, desk.clock, ticket_id=ticket, **desk.ask())
    assert (facts.state, facts.room_id, facts.calls) == (TicketState.CALLED, desk.room_1, 1)
    assert facts.called_at == desk.clock.now()
    assert desk.version() == before + 1


def test_twice_is_one_call_and_another_room_is_a_new_one(desk: Desk) -> None:
    ticket = desk.arrive(desk.cast.patient_person)
    for _ in range(2):
        facts = call_ticket(desk.db, desk.clock, ticket_id=ticket, **desk.ask())
    assert facts.calls == 1
    facts = call_ticket(desk.db, desk.clock, ticket_id=ticket, room_id=desk.room_2, **desk.ask())
    assert (facts.calls, facts.room_id) == (2, desk.room_2)


def test_not_to_a_room_of_another_facility(desk: Desk) -> None:
    ticket = desk.arrive(desk.cast.patient_person)
    with pytest.raises(NotFound):
        call_ticket(desk.db, desk.clock, ticket_id=ticket, room_id=RoomId(desk.clinic.room_a.id), **desk.ask())
    assert desk.row(ticket).state is TicketState.WAITING


def test_somebody_who_is_done_is_not_called(desk: Desk) -> None:
    ticket = desk.arrive(desk.cast.patient_person)
    enter_room(desk.db, desk.clock, ticket_id=ticket, **desk.ask())
    finish_ticket(desk.db, desk.clock, ticket_id=ticket, **desk.ask())
    with pytest.raises(Conflict, match=r"ticket\.moved_on"):
        call_ticket(desk.db, desk.clock, ticket_id=ticket, **desk.ask())


def test_a_ticket_without_a_room_needs_one(desk: Desk) -> None:
    ticket = desk.arrive(desk.cast.patient_person)
    desk.row(ticket).room_id = None
    desk.db.commit()
    with pytest.raises(Conflict, match=r"ticket\.room_needed"):
        call_ticket(desk.db, desk.clock, ticket_id=ticket, **desk.ask())


def test_not_by_staff_of_another_facility(desk: Desk) -> None:
    ticket = desk.arrive(desk.cast.patient_person)
    actor = desk.cast.far_receptionist.actor()
    with pytest.raises(NotFound):
        call_ticket(desk.db, desk.clock, ticket_id=ticket, facility_id=desk.facility_id, actor=actor)


def test_yesterdays_ticket_is_not_called(desk: Desk) -> None:
    ticket = desk.arrive(desk.cast.patient_person)
    desk.clock.at = desk.clock.at.replace(day=24)
    with pytest.raises(Conflict, match=r"ticket\.moved_on"):
        call_ticket(desk.db, desk.clock, ticket_id=ticket, **desk.ask())
