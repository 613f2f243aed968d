"""Call somebody again who has not come to the door."""

from sqlalchemy.orm import Session

from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import FacilityId, TicketId
from clinic_portal.waiting_room import steps
from clinic_portal.waiting_room.queries import TicketFacts, ticket_facts
from clinic_portal.waiting_room.rules import Move, may_repeat


def recall_ticket(
    db: Session, clock: Clock, *, ticket_id: TicketId, facility_id: FacilityId, actor: Actor
) -> TicketFacts:
    """Show the call on the screens once more, as a repeated one. A second press within seconds is the same call.

    Raises: NotFound (no such ticket at a facility of the actor's); Conflict "ticket.moved_on", "ticket.room_needed".
    """
    with transaction(db):
        queue, ticket = steps.lock_move(db, clock, ticket_id=ticket_id, facility_id=facility_id, actor=actor)
        steps.require_move(queue, ticket, Move.RECALL)
        if may_repeat(ticket.called_at, now=clock.now()):
            ticket.call(at=clock.now(), room_id=steps.room_for(db, ticket, None))
            steps.queue_changed(db, queue)
        return ticket_facts(ticket)
