"""Nobody answered the call, or somebody who had left is back."""

from sqlalchemy.orm import Session

from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import FacilityId, TicketId
from clinic_portal.waiting_room import queries, steps
from clinic_portal.waiting_room.queries import TicketFacts, ticket_facts
from clinic_portal.waiting_room.rules import Move, TicketState, place_behind


def put_back(db: Session, clock: Clock, *, ticket_id: TicketId, facility_id: FacilityId, actor: Actor) -> TicketFacts:
    """Have somebody wait again: two places back after a call that nobody answered, dropped never.

    Repeating the call changes nothing.
    Raises: NotFound (no such ticket at a facility of the actor's); Conflict "ticket.moved_on".
    """
    with transaction(db):
        queue, ticket = steps.lock_move(db, clock, ticket_id=ticket_id, facility_id=facility_id, actor=actor)
        if ticket.state is TicketState.WAITING:
            return ticket_facts(ticket)
        steps.require_move(queue, ticket, Move.PUT_BACK)
        ticket.wait_again(due_at=place_behind(queries.day_places(db, facility_id, queue.day), ticket.id))
        steps.queue_changed(db, queue)
        return ticket_facts(ticket)
