"""Call somebody of one's choice to a room."""

from sqlalchemy.orm import Session

from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import FacilityId, RoomId, TicketId
from clinic_portal.waiting_room import steps
from clinic_portal.waiting_room.queries import TicketFacts, ticket_facts
from clinic_portal.waiting_room.rules import Move, TicketState


def call_ticket(
    db: Session,
    clock: Clock,
    *,
    ticket_id: TicketId,
    facility_id: FacilityId,
    actor: Actor,
    room_id: RoomId | None = None,
) -> TicketFacts:
    """Show somebody on the screens; `room_id` None is the room of the appointment.

    Repeating the call changes nothing; another room is shown as a new call.
    Raises: NotFound (no such ticket or room at a facility of the actor's); Conflict "ticket.moved_on", "ticket.room_needed".
    """
    with transaction(db):
        queue, ticket = steps.lock_move(db, clock, ticket_id=ticket_id, facility_id=facility_id, actor=actor)
        room = steps.room_for(db, ticket, room_id)
        if ticket.state is TicketState.CALLED and ticket.room_id == room:
            return ticket_facts(ticket)
        steps.require_move(queue, ticket, Move.CALL)
        ticket.call(at=clock.now(), room_id=room)
        steps.queue_changed(db, queue)
        return ticket_facts(ticket)
