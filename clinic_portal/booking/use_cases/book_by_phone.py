"""Staff book a visit for a patient who phones or stands at the desk."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from clinic_portal.booking import steps
from clinic_portal.booking.events import AppointmentBooked
from clinic_portal.booking.models import Appointment
from clinic_portal.booking.queries import AppointmentFacts, Taker, Wish, facts_of, takers
from clinic_portal.booking.queries.appointments import booked_at
from clinic_portal.booking.queries.holds import PatientsTime, check_patients_time, lock_holds
from clinic_portal.booking.queries.rota import need_of
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.booking.steps import NewTime
from clinic_portal.core.actor import Actor
from clinic_portal.core.audit import record
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.events import publish
from clinic_portal.core.ids import AppointmentId, PatientId, ServiceId
from clinic_portal.core.modes import Mode
from clinic_portal.dependents.queries import account_for
from clinic_portal.facilities.queries import ServiceFacts, works_at
from clinic_portal.notifications.steps import queue_message
from clinic_portal.patients.steps import lock_patient


@dataclass(frozen=True)
class PhoneBooking:
    """Who wants what, and when. With a `note`, the written reason of staff, the rules of booking are set aside."""

    patient_id: PatientId
    service_id: ServiceId
    to: NewTime
    note: str = ""
    mode: Mode = Mode.IN_PERSON


def book_by_phone(db: Session, clock: Clock, *, booking: PhoneBooking, actor: Actor) -> AppointmentFacts:
    """Book a visit at a facility of the actor's, and tell the patient, or who acts for a child.

    A note sets notice, horizon, hours and visits a day aside, an overlap never. Repeating the call returns the first result.
    Raises: NotFound (no such patient, service or facility of the actor's); Conflict "appointment.slot_taken",
    "appointment.patient_overlap", "appointment.too_many_that_day".
    """
    to, note = booking.to, booking.note.strip()
    with transaction(db):
        if not works_at(db, to.facility_id, actor=actor):
            raise NotFound
        wish = Wish(booking.service_id, to.practitioner_id, to.facility_id, mode=booking.mode)
        service, offered = takers(db, clock, wish, start=to.starts_at)
        candidates = [to.anyway] if to.anyway and note else offered
        lock_patient(db, booking.patient_id)
        before = booked_at(db, patient_id=booking.patient_id, service_id=service.id, starts_at=to.starts_at)
        if before is not None and before.facility_id == to.facility_id:
            return before
        row = _book(db, clock, booking, service, candidates, actor=actor)
        steps.move(db, clock, row, AppointmentState.BOOKED, actor=actor, reason="booked.by_staff", note=note)
        queue_message(db, clock, "appointment_booked", subject_id=row.id, expires_at=row.starts_at)
        publish(db, clock, AppointmentBooked(AppointmentId(row.id), to.facility_id, to.starts_at))
        record(
            db, clock, actor=actor, action="appointment.booked_by_staff", subject_kind="appointment",
            subject_id=row.id, rules="set_aside" if note else "kept",
        )  # fmt: skip
        return facts_of(row)


def _book(
    db: Session,
    clock: Clock,
    booking: PhoneBooking,
    service: ServiceFacts,
    candidates: Sequence[Taker],
    *,
    actor: Actor,
) -> Appointment:
    """Take the time as a hold of the patient's, with the first candidate who has it."""
    to, now, need = booking.to, clock.now(), need_of(service)
    busy, patient_id = need.busy(to.starts_at), booking.patient_id
    expired = lock_holds(db, wanted=busy, now=now, takers=candidates, patient_id=patient_id)
    theirs = PatientsTime(patient_id, service, to.facility_id, to.starts_at)
    check_patients_time(db, theirs, now=now, is_limited=not booking.note.strip())
    steps.end_holds(db, clock, expired, actor=None, now=now)
    draft = {
        "service_id": service.id, "facility_id": to.facility_id, "patient_id": patient_id,
        "starts_at": to.starts_at, "ends_at": to.starts_at + need.length,
        "busy_from": busy.start, "busy_until": busy.end,
        "price_minor": service.price.minor, "currency": service.price.currency,
        "any_practitioner": to.practitioner_id is None and to.anyway is None,
        # Never staff: who is told of a child's visit is who acts for the child.
        "booked_by_account_id": account_for(db, patient_id, today=now.date()), "booked_at": now,
    }  # fmt: skip
    for taker in candidates:
        row = steps.insert_hold(db, clock, taker, draft, actor=actor)
        if row is not None:
            return row
    raise Conflict("appointment.slot_taken")
