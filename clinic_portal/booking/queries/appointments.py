"""Appointments as other features see them, and the loaders that lock a row."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.rules import DESK_STATES, AppointmentState
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import (
    AccountId,
    AppointmentId,
    FacilityId,
    PatientId,
    PractitionerId,
    RoomId,
    SeriesId,
    ServiceId,
)
from clinic_portal.core.modes import Mode
from clinic_portal.core.money import Money


@dataclass(frozen=True)
class AppointmentFacts:
    """One appointment, as it was when it was read. Names of people and places come from their own features."""

    id: AppointmentId
    #: Spoken: eight letters and digits.
    reference: str
    state: AppointmentState
    #: None only while a visitor without an account holds the time.
    patient_id: PatientId | None
    practitioner_id: PractitionerId
    service_id: ServiceId
    facility_id: FacilityId
    #: None when online.
    room_id: RoomId | None
    mode: Mode
    starts_at: datetime
    ends_at: datetime
    price: Money
    any_practitioner: bool
    any_facility: bool
    patient_note: str
    #: Who booked; for a child, the parent.
    booked_by: AccountId | None
    booked_at: datetime | None
    cancelled_at: datetime | None
    #: When the patient said "I'm coming" to the time that it has now.
    confirmed_at: datetime | None
    held_until: datetime | None
    #: RFC 5545 SEQUENCE.
    sequence: int
    #: The series of which it is a session.
    series_id: SeriesId | None = None

    @property
    def is_online(self) -> bool:
        """Whether they meet by video or phone: without a room, and nobody comes."""
        return self.mode is Mode.ONLINE

    @property
    def minutes(self) -> int:
        """How long it takes."""
        return int((self.ends_at - self.starts_at).total_seconds() // 60)

    @property
    def known_patient_id(self) -> PatientId:
        """Whose visit it is. Raises: ValueError for a time that is only held: it may be nobody's."""
        if self.patient_id is None:
            raise ValueError("a held time has no patient yet")
        return self.patient_id


def facts_of(row: Appointment) -> AppointmentFacts:
    """Return what other features may know of a row."""
    return AppointmentFacts(
        id=AppointmentId(row.id),
        reference=row.reference,
        state=row.state,
        patient_id=PatientId(row.patient_id) if row.patient_id else None,
        practitioner_id=PractitionerId(row.practitioner_id),
        service_id=ServiceId(row.service_id),
        facility_id=FacilityId(row.facility_id),
        room_id=RoomId(row.room_id) if row.room_id else None,
        mode=row.mode,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        price=row.price,
        any_practitioner=row.any_practitioner,
        any_facility=row.any_facility,
        patient_note=row.patient_note,
        booked_by=AccountId(row.booked_by_account_id) if row.booked_by_account_id else None,
        booked_at=row.booked_at,
        cancelled_at=row.cancelled_at,
        confirmed_at=row.confirmed_at,
        held_until=row.held_until,
        sequence=row.sequence,
        series_id=SeriesId(row.series_id) if row.series_id else None,
    )


def day_list(db: Session, *, facility_id: FacilityId, start: datetime, end: datetime) -> list[AppointmentFacts]:
    """Return the appointments of a facility that start in [start, end), by start. Without holds and cancelled ones.

    For staff of this facility only: the caller has checked that.
    """
    rows = db.scalars(
        select(Appointment)
        .where(
            Appointment.facility_id == facility_id,
            Appointment.starts_at >= start,
            Appointment.starts_at < end,
            Appointment.state.in_(DESK_STATES),
        )
        .order_by(Appointment.starts_at, Appointment.id)
    )
    return [facts_of(row) for row in rows]


def appointment_at(db: Session, *, appointment_id: AppointmentId, facility_id: FacilityId) -> AppointmentFacts:
    """Return an appointment of this facility, for its staff (the caller has checked that).

    Raises: NotFound when there is none, when it is elsewhere, or when the time is only held.
    """
    row = db.get(Appointment, appointment_id, populate_existing=True)
    if row is None or row.facility_id != facility_id or row.state is AppointmentState.PROPOSED:
        raise NotFound
    return facts_of(row)


def promised_appointment(db: Session, appointment_id: AppointmentId) -> AppointmentFacts:
    """Return a visit that was promised to a patient, whatever became of it. Raises: NotFound (no such, or only held).

    The caller has checked that the actor may see it.
    """
    row = db.get(Appointment, appointment_id, populate_existing=True)
    if row is None or row.booked_at is None or row.patient_id is None:
        raise NotFound
    return facts_of(row)


def booked_at(
    db: Session, *, patient_id: PatientId, service_id: ServiceId, starts_at: datetime
) -> AppointmentFacts | None:
    """Return the patient's visit that is booked for this service at this time, for staff who ask once more."""
    row = db.scalar(
        select(Appointment).where(
            Appointment.patient_id == patient_id,
            Appointment.service_id == service_id,
            Appointment.starts_at == starts_at,
            Appointment.state == AppointmentState.BOOKED,
        )
    )
    return facts_of(row) if row else None


def lock_appointment(db: Session, appointment_id: AppointmentId) -> Appointment:
    """Return the row, locked until the end of the transaction, as it is now. Raises: NotFound."""
    row = db.scalar(
        select(Appointment)
        .where(Appointment.id == appointment_id)
        .with_for_update(key_share=True)  # History and tickets may point at the row meanwhile.
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise NotFound
    return row
