"""Nobody answered the call."""

import pytest

from clinic_portal.core.errors import Conflict
from clinic_portal.waiting_room.queries import queue_day
from clinic_portal.waiting_room.rules import TicketState
from clinic_portal.waiting_room.use_cases.call_ticket import call_ticket
from clinic_portal.waiting_room.use_cases.enter_room import enter_room
from clinic_portal.waiting_room.use_cases.mark_left import mark_left
from clinic_portal.waiting_room.use_cases.put_back import put_back
from tests.waiting_room.desk import Desk


def order(desk: Desk) -> list[int]:
    day = queue_day(desk.db, desk.clock, facility_id=desk.facility_id, day=desk.clock.now().date())
    return [ticket.number for ticket, _ in day.waiting]


def test_two_places_back_and_never_dropped(desk: Desk) -> None:
    tickets = [desk.arrive(desk.person(f"P{index}"), minutes=30 * index) for index in range(4)]
    call_ticket(desk.db, desk.clock, ticket_id=tickets[0], **desk.ask())
    for _ in range(2):
        facts = put_back(desk.db, desk.clock, ticket_id=tickets[0], **desk.ask())
    assert (facts.state, facts.called_at, facts.calls) == (TicketState.WAITING, None, 1)
    assert order(desk) == [2, 3, 1, 4]


def test_somebody_who_had_left_is_back(desk: Desk) -> None:
    ticket = desk.arrive(desk.cast.patient_person)
    mark_left(desk.db, desk.clock, ticket_id=ticket, **desk.ask())
    assert order(desk) == []
    assert put_back(desk.db, desk.clock, ticket_id=ticket, **desk.ask()).ended_at is None
    assert order(desk) == [1]


def test_not_from_the_room(desk: Desk) -> None:
    ticket = desk.arrive(desk.cast.patient_person)
    enter_room(desk.db, desk.clock, ticket_id=ticket, **desk.ask())
    with pytest.raises(Conflict, match=r"ticket\.moved_on"):
        put_back(desk.db, desk.clock, ticket_id=ticket, **desk.ask())
