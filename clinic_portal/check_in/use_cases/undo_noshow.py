"""The patient did come: somebody pressed the wrong row, or nobody noted the arrival."""

from sqlalchemy.orm import Session

from clinic_portal.booking import steps as booking
from clinic_portal.booking.queries import AppointmentFacts
from clinic_portal.booking.queries.appointments import promised_appointment
from clinic_portal.check_in.events import MissingUndone
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock, local_day
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import NotFound
from clinic_portal.core.events import publish
from clinic_portal.core.ids import AppointmentId, FacilityId
from clinic_portal.facilities.queries import facility_by_id, works_at


def undo_noshow(
    db: Session, clock: Clock, *, appointment_id: AppointmentId, facility_id: FacilityId, actor: Actor
) -> AppointmentFacts:
    """Take a no-show back: it no longer counts. A visit of today is booked as before, and its patient may arrive.

    A visit of an earlier day counts as done, since nobody arrives on that day any more. Repeating the call changes nothing.
    Raises: NotFound (no such visit at a facility of the actor's); Conflict "appointment.time_given_away" (somebody else
    has the time by now: book another one), "appointment.state_changed".
    """
    with transaction(db):
        if not works_at(db, facility_id, actor=actor):
            raise NotFound
        before = promised_appointment(db, appointment_id)
        if before.facility_id != facility_id:
            raise NotFound
        tz = facility_by_id(db, facility_id).tz
        is_over = local_day(before.starts_at, tz) < local_day(clock.now(), tz)
        facts = booking.undo_noshow(db, clock, appointment_id=appointment_id, actor=actor, is_over=is_over)
        publish(db, clock, MissingUndone(appointment_id, facility_id))
        return facts
