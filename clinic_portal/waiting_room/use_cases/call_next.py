"""Call whoever is next."""

from sqlalchemy.orm import Session

from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import FacilityId, PractitionerId, RoomId
from clinic_portal.facilities.queries import works_at
from clinic_portal.waiting_room import queries, steps
from clinic_portal.waiting_room.queries import TicketFacts, ticket_facts
from clinic_portal.waiting_room.rules import TicketState, next_to_call


def call_next(
    db: Session,
    clock: Clock,
    *,
    facility_id: FacilityId,
    actor: Actor,
    practitioner_id: PractitionerId | None = None,
    room_id: RoomId | None = None,
) -> TicketFacts:
    """Call who is next, to one practitioner or (None) to any, to a room or (None) to that of the appointment.

    Two callers get two different patients: the queue's row is locked, and a ticket that is being changed is passed over.
    Raises: NotFound (not a facility of the actor's, no such room); Conflict "ticket.nobody_waiting", "ticket.room_needed".
    """
    with transaction(db):
        if not works_at(db, facility_id, actor=actor):
            raise NotFound
        queue = steps.lock_queue(db, clock, facility_id)
        waiting = {ticket.id: ticket for ticket in queries.lock_waiting(db, facility_id, queue.day)}
        others = [
            place for place in queries.day_places(db, facility_id, queue.day) if place.state is not TicketState.WAITING
        ]
        places = [*others, *(ticket.place() for ticket in waiting.values())]
        chosen = next_to_call(places, practitioner=practitioner_id)
        if chosen is None:
            raise Conflict("ticket.nobody_waiting")
        ticket = waiting[chosen.key]
        ticket.call(at=clock.now(), room_id=steps.room_for(db, ticket, room_id))
        steps.queue_changed(db, queue)
        return ticket_facts(ticket)
