"""The last press was a mistake."""

from sqlalchemy.orm import Session

from clinic_portal.booking import steps as booking
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import Conflict
from clinic_portal.core.ids import AppointmentId, FacilityId, TicketId
from clinic_portal.waiting_room import steps
from clinic_portal.waiting_room.queries import TicketFacts, ticket_facts
from clinic_portal.waiting_room.rules import TicketState, can_undo


def undo_move(
    db: Session, clock: Clock, *, ticket_id: TicketId, facility_id: FacilityId, actor: Actor, state: TicketState
) -> TicketFacts:
    """Take the move back that led to `state`: done → in the room → called → waiting, left → waiting.

    The place in the queue is the one from before. When the ticket is no longer in `state`, somebody was faster
    (or the button was pressed twice): nothing changes.
    Raises: NotFound (no such ticket at a facility of the actor's); Conflict "ticket.moved_on" when nothing can be taken
    back any more, "ticket.room_in_use" when the room has been given to somebody else.
    """
    with transaction(db):
        queue, ticket = steps.lock_move(db, clock, ticket_id=ticket_id, facility_id=facility_id, actor=actor)
        if ticket.state is not state:
            return ticket_facts(ticket)
        if ticket.day != queue.day or not can_undo(state, since=ticket.ended_at, now=clock.now()):
            raise Conflict(steps.MOVED_ON, state=state.value)
        ticket.step_back()
        if ticket.appointment_id is not None and state in {TicketState.DONE, TicketState.IN_ROOM}:
            step = booking.start_consultation if state is TicketState.DONE else booking.mark_arrived
            step(db, clock, appointment_id=AppointmentId(ticket.appointment_id), actor=actor)
        steps.queue_changed(db, queue)
        return ticket_facts(ticket)
