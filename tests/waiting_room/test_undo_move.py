"""The last press was a mistake."""

from datetime import timedelta

import pytest

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.core.errors import Conflict
from clinic_portal.waiting_room.rules import TicketState
from clinic_portal.waiting_room.use_cases.call_ticket import call_ticket
from clinic_portal.waiting_room.use_cases.enter_room import enter_room
from clinic_portal.waiting_room.use_cases.finish_ticket import finish_ticket
from clinic_portal.waiting_room.use_cases.mark_left import mark_left
from clinic_portal.waiting_room.use_cases.undo_move import undo_move
from tests.waiting_room.desk import Desk


def visit_state(desk: Desk, ticket: object) -> AppointmentState:
    row = desk.db.get(Appointment, desk.row(ticket).appointment_id, populate_existing=True)  # type: ignore[arg-type]
    assert row is not None
    return row.state


def test_back_step_by_step_to_the_place_from_before(desk: Desk) -> None:
    ticket = desk.arrive(desk.cast.patient_person)
    due = desk.row(ticket).due_at
    call_ticket(desk.db, desk.clock, ticket_id=ticket, **desk.ask())
    enter_room(desk.db, desk.clock, ticket_id=ticket, **desk.ask())
    finish_ticket(desk.db, desk.clock, ticket_id=ticket, **desk.ask())
    for state, before, visit in [
        (TicketState.DONE, TicketState.IN_ROOM, AppointmentState.CHECKED_IN),
        (TicketState.IN_ROOM, TicketState.CALLED, AppointmentState.ARRIVED),
        (TicketState.CALLED, TicketState.WAITING, AppointmentState.ARRIVED),
    ]:
        for _ in range(2):  # A second press finds another state and changes nothing.
            facts = undo_move(desk.db, desk.clock, ticket_id=ticket, state=state, **desk.ask())
            assert facts.state is before
            assert visit_state(desk, ticket) is visit
    row = desk.row(ticket)
    assert (row.calls, row.called_at, row.entered_at, row.ended_at, row.due_at) == (0, None, None, None, due)


def test_who_walked_straight_in_waits_again(desk: Desk) -> None:
    ticket = desk.arrive(desk.cast.patient_person)
    enter_room(desk.db, desk.clock, ticket_id=ticket, **desk.ask())
    facts = undo_move(desk.db, desk.clock, ticket_id=ticket, state=TicketState.IN_ROOM, **desk.ask())
    assert facts.state is TicketState.WAITING


def test_who_had_left_waits_again(desk: Desk) -> None:
    ticket = desk.arrive(desk.cast.patient_person)
    mark_left(desk.db, desk.clock, ticket_id=ticket, **desk.ask())
    facts = undo_move(desk.db, desk.clock, ticket_id=ticket, state=TicketState.LEFT, **desk.ask())
    assert facts.state is TicketState.WAITING


def test_what_has_been_over_for_long_stays_over(desk: Desk) -> None:
    ticket = desk.arrive(desk.cast.patient_person)
    enter_room(desk.db, desk.clock, ticket_id=ticket, **desk.ask())
    finish_ticket(desk.db, desk.clock, ticket_id=ticket, **desk.ask())
    desk.clock.advance(timedelta(minutes=11))
    with pytest.raises(Conflict, match=r"ticket\.moved_on"):
        undo_move(desk.db, desk.clock, ticket_id=ticket, state=TicketState.DONE, **desk.ask())


def test_not_into_a_room_that_has_been_given_away(desk: Desk) -> None:
    first, second = desk.arrive(desk.cast.patient_person), desk.arrive(desk.cast.child, minutes=30)
    enter_room(desk.db, desk.clock, ticket_id=first, **desk.ask())
    finish_ticket(desk.db, desk.clock, ticket_id=first, **desk.ask())
    enter_room(desk.db, desk.clock, ticket_id=second, **desk.ask())
    with pytest.raises(Conflict, match=r"ticket\.room_in_use"):
        undo_move(desk.db, desk.clock, ticket_id=first, state=TicketState.DONE, **desk.ask())
    assert visit_state(desk, first) is AppointmentState.FULFILLED
