"""Series for tests."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment, Series
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.booking.steps import write_history
from clinic_portal.core.clock import Clock, FixedClock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import new_id
from clinic_portal.notifications.steps import queue_message
from clinic_portal.patients.models import Patient
from tests.booking.factory import THURSDAY, make_appointment
from tests.support.clinic import Clinic

A_WEEK = timedelta(days=7)


class RunningClock(FixedClock):
    """A clock that never says the same time twice, as the machine's."""

    def now(self) -> datetime:
        """Return the next time."""
        self.advance(timedelta(milliseconds=1))
        return self.at


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


def take_elsewhere(db: Session, clinic: Clinic, row: Appointment) -> Appointment:
    """Have a session take place in the Azores, with Sofia."""
    row.facility_id, row.room_id, row.practitioner_id = clinic.azores.id, clinic.room_a.id, clinic.sofia.id
    db.commit()
    return row


def late_for_the_first(
    db: Session, clock: FixedClock, clinic: Clinic, patient: Patient
) -> list[Appointment]:  # fmt: skip
    """Two sessions, for the first of which the cut-off has passed."""
    clinic.massage.change_cutoff_minutes = 24 * 60
    db.merge(clinic.massage)
    db.commit()
    _, rows = make_series(db, clinic, patient, sessions=2)
    clock.at = rows[0].starts_at - timedelta(hours=3)
    return rows


def tell_of_series(db: Session, clock: Clock, series: Series, kind: str, rows: list[Appointment]) -> None:
    """Queue a message about sessions of a series: all those that were cancelled, or these that were moved just now."""
    with transaction(db):
        if kind == "series_moved":
            for row in rows:
                write_history(db, clock, row, before=row.state, actor=None, reason="moved")
        queue_message(db, clock, kind, subject_id=series.id)
