"""Booking a free time at once, without somebody at a page who holds it first."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from clinic_portal.booking.events import AppointmentBooked
from clinic_portal.booking.models import Appointment
from clinic_portal.booking.queries import AppointmentFacts, Wish, facts_of, takers
from clinic_portal.booking.queries.holds import PatientsTime, check_patients_time
from clinic_portal.booking.queries.rota import need_of
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.booking.steps.appointments import insert_hold, move
from clinic_portal.booking.steps.missed import check_missed
from clinic_portal.booking.steps.waiting import end_expired_holds, time_of
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.errors import Conflict
from clinic_portal.core.events import publish
from clinic_portal.core.ids import AccountId, AppointmentId, FacilityId, PatientId, PractitionerId, ServiceId
from clinic_portal.core.modes import Mode
from clinic_portal.notifications.steps import queue_message


@dataclass(frozen=True)
class FreeVisit:
    """A visit to book: what, where, with whom, when."""

    service_id: ServiceId
    facility_id: FacilityId
    practitioner_id: PractitionerId
    starts_at: datetime
    mode: Mode = Mode.IN_PERSON
    #: Who is told of a child's visit.
    booked_by: AccountId | None = None
    #: Whether the rule about missed visits counts.
    is_limited: bool = True


def book_at_once(
    db: Session, clock: Clock, *, patient_id: PatientId, visit: FreeVisit, actor: Actor
) -> AppointmentFacts:
    """Book a time that is free now, by all the rules, and tell the patient. The caller holds the patient's lock.

    Raises: Conflict "appointment.slot_taken", "appointment.patient_overlap", "appointment.too_many_that_day",
    "appointment.missed_too_often".
    """
    wish = Wish(visit.service_id, visit.practitioner_id, visit.facility_id, mode=visit.mode)
    service, offered = takers(db, clock, wish, start=visit.starts_at)
    busy, now = need_of(service).busy(visit.starts_at), clock.now()
    end_expired_holds(db, clock, busy, *offered, patient_id=patient_id)
    if visit.is_limited:
        check_missed(db, clock, patient_id, actor=actor)
    check_patients_time(db, PatientsTime(patient_id, service, visit.facility_id, visit.starts_at), now=now)
    who = {"patient_id": patient_id, "booked_by_account_id": visit.booked_by, "any_practitioner": False}
    draft = time_of(service, visit.facility_id, visit.starts_at) | who
    row: Appointment | None = None
    for taker in offered:
        row = insert_hold(db, clock, taker, draft, actor=actor)
        if row is not None:
            break
    if row is None:
        raise Conflict("appointment.slot_taken")
    move(db, clock, row, AppointmentState.BOOKED, actor=actor, reason="booked", booked_at=now)
    queue_message(db, clock, "appointment_booked", subject_id=row.id, expires_at=row.starts_at)
    publish(db, clock, AppointmentBooked(AppointmentId(row.id), visit.facility_id, visit.starts_at))
    return facts_of(row)
