"""Somebody went away without having been seen."""

from sqlalchemy.orm import Session

from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import FacilityId, TicketId
from clinic_portal.waiting_room import steps
from clinic_portal.waiting_room.queries import TicketFacts, ticket_facts
from clinic_portal.waiting_room.rules import Move, TicketState


def mark_left(db: Session, clock: Clock, *, ticket_id: TicketId, facility_id: FacilityId, actor: Actor) -> TicketFacts:
    """Take somebody out of the queue who has gone; the visit stays one to which they came. Repeating changes nothing.

    Raises: NotFound (no such ticket at a facility of the actor's); Conflict "ticket.moved_on".
    """
    with transaction(db):
        queue, ticket = steps.lock_move(db, clock, ticket_id=ticket_id, facility_id=facility_id, actor=actor)
        if ticket.state is TicketState.LEFT:
            return ticket_facts(ticket)
        steps.require_move(queue, ticket, Move.LEAVE)
        ticket.leave(at=clock.now())
        steps.queue_changed(db, queue)
        return ticket_facts(ticket)
