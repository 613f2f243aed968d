"""What staff of a facility see of its visits: one with its story, and who still has to be told that the clinic cancelled."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from clinic_portal.accounts.queries import get_account
from clinic_portal.booking.models import Appointment, AppointmentHistory
from clinic_portal.booking.queries.appointments import AppointmentFacts, appointment_at, facts_of
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.core.actor import Actor
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import AppointmentId, FacilityId, PatientId
from clinic_portal.facilities.queries import works_at
from clinic_portal.notifications.queries import MessageState, list_messages
from clinic_portal.patients.queries import find_patient, patients_for_staff

#: The kind of message that says so.
BY_CLINIC = "appointment_cancelled_by_clinic"

#: A message in one of these reached the patient, or still may.
HOPEFUL = frozenset(
    {
        MessageState.QUEUED,
        MessageState.IN_FLIGHT,
        MessageState.RETRY_WAIT,
        MessageState.SENT,
        MessageState.DELIVERED,
    }
)


@dataclass(frozen=True)
class HistoryLine:
    """One change of a visit."""

    at: datetime
    who: str
    reason: str
    to_state: AppointmentState
    #: When the visit starts, from this change on.
    starts_at: datetime
    note: str


@dataclass(frozen=True)
class Untold:
    """A visit that the clinic cancelled and of which no message reaches the patient: somebody has to phone."""

    appointment_id: AppointmentId
    patient: str
    starts_at: datetime
    #: E.164; empty when the clinic knows no number.
    phone: str


def visit_at_desk(
    db: Session, appointment_id: AppointmentId, *, facility_id: FacilityId, actor: Actor
) -> AppointmentFacts:
    """Return a visit that was promised at a facility at which the actor works. Raises: NotFound."""
    if not works_at(db, facility_id, actor=actor):
        raise NotFound
    facts = appointment_at(db, appointment_id=appointment_id, facility_id=facility_id)
    if facts.booked_at is None or facts.patient_id is None:
        raise NotFound
    return facts


def patients_of(facility_id: FacilityId) -> Select[UUID | None]:
    """Return the ids, as a subquery, of everybody who has or had a visit at a facility: whom its staff know."""
    return select(Appointment.patient_id).where(
        Appointment.facility_id == facility_id, Appointment.booked_at.is_not(None)
    )


def is_patient_of(db: Session, patient_id: PatientId, facility_id: FacilityId) -> bool:
    """Whether the patient has or had a visit at the facility."""
    theirs = patients_of(facility_id).where(Appointment.patient_id == patient_id)
    return bool(db.scalar(select(theirs.exists())))


def history_of(db: Session, appointment_id: AppointmentId) -> list[HistoryLine]:
    """Return what happened to a visit, oldest first. For staff of its facility: the caller has checked that."""
    rows = db.scalars(
        select(AppointmentHistory)
        .where(AppointmentHistory.appointment_id == appointment_id)
        .order_by(AppointmentHistory.id)
    )
    return [HistoryLine(row.at, row.actor_name, row.reason, row.to_state, row.starts_at, row.note) for row in rows]


def untold(db: Session, facility_id: FacilityId, *, now: datetime, actor: Actor) -> Sequence[Untold]:
    """Return the visits to come that the clinic cancelled and whose patients nobody could tell, soonest first.

    A message that is on its way counts as told until it has failed on both channels. For staff of this facility only:
    the caller has checked that.
    """
    rows = db.scalars(
        select(Appointment)
        .where(
            Appointment.facility_id == facility_id,
            Appointment.starts_at > now,
            Appointment.cancelled_by_clinic_at.is_not(None),
            Appointment.told_at.is_(None),
        )
        .order_by(Appointment.starts_at, Appointment.id)
    ).all()
    if not rows:
        return []
    messages = list_messages(db, subject_ids=[row.id for row in rows], kinds=[BY_CLINIC])
    reached = {message.subject_id for message in messages if message.state in HOPEFUL}
    return [
        _untold(db, facts_of(row), actor)
        for row in rows
        if row.id not in reached or not _has_address(db, facts_of(row))
    ]


def _untold(db: Session, visit: AppointmentFacts, actor: Actor) -> Untold:
    patient = patients_for_staff(db, [visit.known_patient_id], actor=actor)[visit.known_patient_id]
    phone = patient.phone
    if phone is None and visit.booked_by is not None:
        # Not confirmed perhaps, so no message goes there; who answers the phone says whether it is right.
        phone = get_account(db, visit.booked_by).phone
    return Untold(visit.id, patient.full_name, visit.starts_at, phone or "")


def _has_address(db: Session, visit: AppointmentFacts) -> bool:
    """Whether there is anywhere to send a message: it need not have failed before somebody phones."""
    patient = find_patient(db, visit.known_patient_id)
    return patient is not None and bool(patient.email or patient.phone or visit.booked_by)
