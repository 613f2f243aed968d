"""Ask to be told when a time, or an earlier one, comes free."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from clinic_portal.booking.models import WaitingEntry
from clinic_portal.booking.queries.appointments import AppointmentFacts
from clinic_portal.booking.queries.visits import visit_of
from clinic_portal.booking.queries.waiting import EntryFacts, entry_facts, entry_over, live_entry, start_of_visit
from clinic_portal.booking.rules import AppointmentState, Asked, EntryEnd, EntryState, judge_asked
from clinic_portal.booking.steps.missed import check_missed
from clinic_portal.booking.steps.waiting import end_entry
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import AppointmentId, PatientId, ServiceId, new_id
from clinic_portal.dependents.queries import person_to_book_for
from clinic_portal.facilities.queries import service_by_id
from clinic_portal.patients.steps import lock_patient


@dataclass(frozen=True)
class Wanted:
    """What somebody waits for, and for whom. `appointment_id`: the visit to bring forward."""

    patient_id: PatientId
    service_id: ServiceId
    asked: Asked
    appointment_id: AppointmentId | None = None


def join_waiting_list(db: Session, clock: Clock, *, wanted: Wanted, actor: Actor) -> EntryFacts:
    """Put a patient on the list of a service. Who is on it already keeps the place, with the new wishes.

    Raises: NotFound (no such service or visit, or none of the actor's people); Forbidden (may not book for them);
    Conflict "waiting.days_over", "waiting.days_reversed", "appointment.already_started" (the visit is no longer to come),
    "appointment.missed_too_often" (who books by phone only is offered no first time either).
    """
    with transaction(db):
        person_to_book_for(db, clock, wanted.patient_id, actor=actor)
        if actor.account_id is None or not service_by_id(db, wanted.service_id).is_bookable:
            raise NotFound
        asked, now = wanted.asked, clock.now()
        verdict = judge_asked(asked.from_day, asked.until_day, today=now.date())
        if not verdict.allowed:
            raise Conflict(verdict.code)
        visit = _visit(db, clock, wanted, actor)
        lock_patient(db, wanted.patient_id)
        if wanted.appointment_id is None:
            check_missed(db, clock, wanted.patient_id, actor=actor)
        entry = _live_entry(db, clock, wanted)
        if entry is None:
            entry = WaitingEntry(
                id=new_id(), patient_id=wanted.patient_id, service_id=wanted.service_id, created_at=now,
                state=EntryState.WAITING,
            )  # fmt: skip
            db.add(entry)
        entry.account_id, entry.appointment_id = actor.account_id, wanted.appointment_id or entry.appointment_id
        entry.practitioner_id, entry.facility_id = asked.practitioner_id, asked.facility_id
        entry.mode = visit.mode if visit else asked.mode
        entry.weekdays, entry.parts = sorted(asked.weekdays), sorted(asked.parts)
        entry.from_day, entry.until_day = asked.from_day, asked.until_day
        db.flush()
        return entry_facts(entry, earlier_than=start_of_visit(db, entry))


def _live_entry(db: Session, clock: Clock, wanted: Wanted) -> WaitingEntry | None:
    """Return the place that the patient keeps. One that is over, and not yet swept away, is no place any more."""
    entry = live_entry(db, wanted.patient_id, wanted.service_id)
    reason = entry_over(db, clock, entry) if entry is not None and wanted.appointment_id is None else None
    if entry is None or reason in (None, EntryEnd.NO_RIGHT):
        return entry  # Whoever asks now has the right that the one before them lost.
    end_entry(db, clock, entry, reason)
    return None


def _visit(db: Session, clock: Clock, wanted: Wanted, actor: Actor) -> AppointmentFacts | None:
    if wanted.appointment_id is None:
        return None
    visit = visit_of(db, clock, wanted.appointment_id, actor=actor).appointment
    if (visit.patient_id, visit.service_id) != (wanted.patient_id, wanted.service_id):
        raise NotFound
    if visit.state not in (AppointmentState.BOOKED, AppointmentState.PENDING) or visit.starts_at <= clock.now():
        raise Conflict("appointment.already_started")
    return visit
