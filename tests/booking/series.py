"""Series for tests."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment, Series
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.core.ids import new_id
from clinic_portal.patients.models import Patient
from tests.booking.factory import THURSDAY, make_appointment
from tests.support.clinic import Clinic

A_WEEK = timedelta(days=7)


def make_series(
    db: Session,
    clinic: Clinic,
    patient: Patient,
    *,
    sessions: int = 4,
    at: datetime = THURSDAY,
    state: AppointmentState = AppointmentState.BOOKED,
    **other: object,
) -> tuple[Series, list[Appointment]]:
    """Insert a series of massages with Inês in Lisbon: every Thursday at 10:30."""
    series = Series(
        id=new_id(), patient_id=patient.id, service_id=clinic.massage.id, practitioner_id=clinic.ines.id,
        facility_id=clinic.lisbon.id, created_at=at - A_WEEK, per_week=1, planned=sessions,
    )  # fmt: skip
    db.add(series)
    db.commit()
    rows = [
        make_appointment(db, clinic, patient, at=at + A_WEEK * week, state=state, series_id=series.id, **other)
        for week in range(sessions)
    ]
    return series, rows
