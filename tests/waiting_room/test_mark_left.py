"""Somebody went away."""

import pytest

from clinic_portal.core.errors import Conflict
from clinic_portal.waiting_room.queries import queue_day
from clinic_portal.waiting_room.rules import TicketState
from clinic_portal.waiting_room.use_cases.enter_room import enter_room
from clinic_portal.waiting_room.use_cases.mark_left import mark_left
from tests.waiting_room.desk import Desk


def test_is_out_of_the_queue_once(desk: Desk) -> None:
    ticket = desk.arrive(desk.cast.patient_person)
    before = desk.version()
    for _ in range(2):
        facts = mark_left(desk.db, desk.clock, ticket_id=ticket, **desk.ask())
    assert (facts.state, facts.ended_at) == (TicketState.LEFT, desk.clock.now())
    assert desk.version() == before + 1
    day = queue_day(desk.db, desk.clock, facility_id=desk.facility_id, day=desk.clock.now().date())
    assert list(day.waiting) == []


def test_not_from_the_room(desk: Desk) -> None:
    ticket = desk.arrive(desk.cast.patient_person)
    enter_room(desk.db, desk.clock, ticket_id=ticket, **desk.ask())
    with pytest.raises(Conflict, match=r"ticket\.moved_on"):
        mark_left(desk.db, desk.clock, ticket_id=ticket, **desk.ask())
