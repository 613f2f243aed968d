"""Calling somebody again."""

from datetime import timedelta

import pytest

from clinic_portal.core.errors import Conflict
from clinic_portal.waiting_room.use_cases.call_ticket import call_ticket
from clinic_portal.waiting_room.use_cases.recall_ticket import recall_ticket
from tests.waiting_room.desk import Desk


def test_is_counted_as_a_repeated_call_but_not_when_pressed_twice(desk: Desk) -> None:
    ticket = desk.arrive(desk.cast.patient_person)
    call_ticket(desk.db, desk.clock, ticket_id=ticket, **desk.ask())
    desk.clock.advance(timedelta(seconds=40))
    for _ in range(2):
        facts = recall_ticket(desk.db, desk.clock, ticket_id=ticket, **desk.ask())
        desk.clock.advance(timedelta(seconds=1))
    assert facts.calls == 2
    assert facts.called_at == desk.clock.now() - timedelta(seconds=2)


def test_only_who_was_called(desk: Desk) -> None:
    ticket = desk.arrive(desk.cast.patient_person)
    with pytest.raises(Conflict, match=r"ticket\.moved_on"):
        recall_ticket(desk.db, desk.clock, ticket_id=ticket, **desk.ask())
