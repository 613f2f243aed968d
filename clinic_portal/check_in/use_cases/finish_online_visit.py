"""An online visit is over."""

from sqlalchemy.orm import Session

from clinic_portal.booking import steps as booking
from clinic_portal.booking.queries import AppointmentFacts
from clinic_portal.check_in.events import OnlineVisitChanged
from clinic_portal.check_in.use_cases.start_online_visit import lock_online_visit
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.events import publish
from clinic_portal.core.ids import AppointmentId, FacilityId


def finish_online_visit(
    db: Session, clock: Clock, *, appointment_id: AppointmentId, facility_id: FacilityId, actor: Actor
) -> AppointmentFacts:
    """End an online visit that has begun. Repeating the call changes nothing.

    Raises: NotFound (no such online visit at a facility of the actor's); Conflict "appointment.state_changed".
    """
    with transaction(db):
        lock_online_visit(db, appointment_id, facility_id=facility_id, actor=actor)
        facts = booking.fulfil(db, clock, appointment_id=appointment_id, actor=actor)
        publish(db, clock, OnlineVisitChanged(appointment_id, facility_id))
        return facts
