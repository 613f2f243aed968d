"""The patient is in the building."""

from sqlalchemy.orm import Session

from clinic_portal.booking import steps as booking
from clinic_portal.booking.queries import AppointmentFacts, AppointmentState, facts_of, lock_appointment
from clinic_portal.check_in.events import PatientArrived
from clinic_portal.check_in.rules import judge_day
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock, local_day
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.events import publish
from clinic_portal.core.ids import AppointmentId, FacilityId
from clinic_portal.facilities.queries import facility_by_id, works_at

#: Who is further than the waiting room has arrived before.
FURTHER_ON = frozenset({AppointmentState.CHECKED_IN, AppointmentState.FULFILLED})


def mark_arrived(
    db: Session, clock: Clock, *, appointment_id: AppointmentId, facility_id: FacilityId, actor: Actor
) -> AppointmentFacts:
    """Note that the patient of a visit of today is here, and give them a place in the queue.

    Repeating the call changes nothing.
    Raises: NotFound (no such visit at a facility of the actor's, or an online one); Conflict "check_in.earlier_day",
    "check_in.later_day", "appointment.state_changed".
    """
    with transaction(db):
        if not works_at(db, facility_id, actor=actor):
            raise NotFound
        facts = facts_of(lock_appointment(db, appointment_id))
        # Nobody arrives for an online visit: it begins and ends without the queue.
        if facts.facility_id != facility_id or facts.state is AppointmentState.PROPOSED or facts.is_online:
            raise NotFound
        if facts.state in FURTHER_ON:
            return facts
        tz = facility_by_id(db, facility_id).tz
        refusal = judge_day(local_day(facts.starts_at, tz), local_day(clock.now(), tz))
        if refusal:
            raise Conflict(refusal)
        facts = booking.mark_arrived(db, clock, appointment_id=appointment_id, actor=actor)
        publish(db, clock, PatientArrived(appointment_id, facility_id))
        return facts
