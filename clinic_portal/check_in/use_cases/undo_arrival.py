"""The patient was not in the building: somebody pressed the wrong row."""

from sqlalchemy.orm import Session

from clinic_portal.booking import steps as booking
from clinic_portal.booking.queries import AppointmentFacts, facts_of, lock_appointment
from clinic_portal.check_in.events import ArrivalUndone
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import NotFound
from clinic_portal.core.events import publish
from clinic_portal.core.ids import AppointmentId, FacilityId
from clinic_portal.facilities.queries import works_at


def undo_arrival(
    db: Session, clock: Clock, *, appointment_id: AppointmentId, facility_id: FacilityId, actor: Actor
) -> AppointmentFacts:
    """Take an arrival back: the visit is booked as before and out of the queue.

    Repeating the call changes nothing.
    Raises: NotFound (no such visit at a facility of the actor's); Conflict "appointment.state_changed" or
    "ticket.moved_on" once they are in the room.
    """
    with transaction(db):
        if not works_at(db, facility_id, actor=actor):
            raise NotFound
        if facts_of(lock_appointment(db, appointment_id)).facility_id != facility_id:
            raise NotFound
        facts = booking.undo_arrival(db, clock, appointment_id=appointment_id, actor=actor)
        publish(db, clock, ArrivalUndone(appointment_id, facility_id))
        return facts
