"""Patient and practitioner have met online."""

from sqlalchemy.orm import Session

from clinic_portal.booking import steps as booking
from clinic_portal.booking.queries import AppointmentFacts, AppointmentState, appointment_at, lock_appointment
from clinic_portal.check_in.events import OnlineVisitChanged
from clinic_portal.check_in.rules import judge_day
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock, local_day
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.events import publish
from clinic_portal.core.ids import AppointmentId, FacilityId
from clinic_portal.facilities.queries import facility_by_id, works_at

#: Who is here already, or was.
BEGUN = frozenset({AppointmentState.CHECKED_IN, AppointmentState.FULFILLED})


def start_online_visit(
    db: Session, clock: Clock, *, appointment_id: AppointmentId, facility_id: FacilityId, actor: Actor
) -> AppointmentFacts:
    """Note that an online visit of today has begun. Nobody arrives and nobody is called, so no queue knows of it.

    Repeating the call changes nothing.
    Raises: NotFound (no such online visit at a facility of the actor's); Conflict "check_in.earlier_day",
    "check_in.later_day", "appointment.state_changed".
    """
    with transaction(db):
        facts = lock_online_visit(db, appointment_id, facility_id=facility_id, actor=actor)
        if facts.state in BEGUN:
            return facts
        tz = facility_by_id(db, facility_id).tz
        refusal = judge_day(local_day(facts.starts_at, tz), local_day(clock.now(), tz))
        if refusal:
            raise Conflict(refusal)
        booking.mark_arrived(db, clock, appointment_id=appointment_id, actor=actor)
        facts = booking.start_consultation(db, clock, appointment_id=appointment_id, actor=actor)
        publish(db, clock, OnlineVisitChanged(appointment_id, facility_id))
        return facts


def lock_online_visit(
    db: Session, appointment_id: AppointmentId, *, facility_id: FacilityId, actor: Actor
) -> AppointmentFacts:
    """Lock an online visit at a facility of the actor's. Raises: NotFound."""
    if not works_at(db, facility_id, actor=actor):
        raise NotFound
    lock_appointment(db, appointment_id)
    facts = appointment_at(db, appointment_id=appointment_id, facility_id=facility_id)
    if not facts.is_online:
        raise NotFound
    return facts
