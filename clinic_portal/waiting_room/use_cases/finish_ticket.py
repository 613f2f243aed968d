"""The consultation is over."""

from sqlalchemy.orm import Session

from clinic_portal.booking import steps as booking
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import AppointmentId, FacilityId, TicketId
from clinic_portal.waiting_room import steps
from clinic_portal.waiting_room.queries import TicketFacts, ticket_facts
from clinic_portal.waiting_room.rules import Move, TicketState


def finish_ticket(
    db: Session, clock: Clock, *, ticket_id: TicketId, facility_id: FacilityId, actor: Actor
) -> TicketFacts:
    """End the consultation; the room is free again. Repeating the call changes nothing.

    Raises: NotFound (no such ticket at a facility of the actor's); Conflict "ticket.moved_on".
    """
    with transaction(db):
        queue, ticket = steps.lock_move(db, clock, ticket_id=ticket_id, facility_id=facility_id, actor=actor)
        if ticket.state is TicketState.DONE:
            return ticket_facts(ticket)
        steps.require_move(queue, ticket, Move.FINISH)
        ticket.finish(at=clock.now())
        if ticket.appointment_id is not None:
            booking.fulfil(db, clock, appointment_id=AppointmentId(ticket.appointment_id), actor=actor)
        steps.queue_changed(db, queue)
        return ticket_facts(ticket)
