"""The patient is in the room."""

from sqlalchemy.orm import Session

from clinic_portal.booking import steps as booking
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import AppointmentId, FacilityId, RoomId, TicketId
from clinic_portal.waiting_room import steps
from clinic_portal.waiting_room.queries import TicketFacts, ticket_facts
from clinic_portal.waiting_room.rules import Move, TicketState


def enter_room(
    db: Session,
    clock: Clock,
    *,
    ticket_id: TicketId,
    facility_id: FacilityId,
    actor: Actor,
    room_id: RoomId | None = None,
) -> TicketFacts:
    """Start the consultation of somebody who waits or was called; the call leaves the screens.

    Repeating the call changes nothing. `room_id` None is the room that they were called to.
    Raises: NotFound (no such ticket or room at a facility of the actor's); Conflict "ticket.moved_on",
    "ticket.room_needed", "ticket.room_in_use" (the database allows one patient a room).
    """
    with transaction(db):
        queue, ticket = steps.lock_move(db, clock, ticket_id=ticket_id, facility_id=facility_id, actor=actor)
        if ticket.state is TicketState.IN_ROOM:
            return ticket_facts(ticket)
        steps.require_move(queue, ticket, Move.ENTER)
        ticket.enter(at=clock.now(), room_id=steps.room_for(db, ticket, room_id))
        if ticket.appointment_id is not None:
            booking.start_consultation(db, clock, appointment_id=AppointmentId(ticket.appointment_id), actor=actor)
        steps.queue_changed(db, queue)
        return ticket_facts(ticket)
