"""Series for tests."""

from datetime import datetime, timedelta
from uuid import UUID
from xml.etree.ElementTree import Element

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment, Series
from clinic_portal.booking.queries.staff import MOVED
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.booking.steps import write_history
from clinic_portal.booking.steps.series import SeriesChoice
from clinic_portal.core.clock import Clock, FixedClock
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import Conflict
from clinic_portal.core.ids import FacilityId, PatientId, PractitionerId, ServiceId, new_id
from clinic_portal.notifications.models import Message
from clinic_portal.notifications.steps import queue_message
from clinic_portal.patients.models import Patient
from tests.booking.factory import THURSDAY, make_appointment, set_rules
from tests.support.clinic import Clinic
from tests.support.page import Page

A_DAY, A_WEEK = timedelta(days=1), timedelta(days=7)
#: Thursdays at 10:30 in Lisbon.
FOUR = tuple(THURSDAY + A_WEEK * week for week in range(4))
#: The wish of them, as it stands in the address.
THURSDAYS = "count=4&per_week=1&weekday=3&at=10:30&first=2026-11-23&facility=lisbon"


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
    set_rules(db, clinic.massage, change_cutoff_minutes=24 * 60)
    _, rows = make_series(db, clinic, patient, sessions=2)
    clock.at = rows[0].starts_at - timedelta(hours=3)
    return rows


def tell_of_series(
    db: Session, clock: Clock, series: Series, kind: str, rows: list[Appointment], *, reason: str = MOVED
) -> None:
    """Queue a message about sessions of a series: all those that were cancelled, or these that were moved just now."""
    with transaction(db):
        if kind == "series_moved":
            for row in rows:
                write_history(db, clock, row, before=row.state, actor=None, reason=reason)
        queue_message(db, clock, kind, subject_id=series.id)


def choice(clinic: Clinic, patient: Patient, starts: tuple[datetime, ...] = FOUR) -> SeriesChoice:
    """Four massages with Inês in Lisbon, or others."""
    return SeriesChoice(
        ServiceId(clinic.massage.id), FacilityId(clinic.lisbon.id), PractitionerId(clinic.ines.id), PatientId(patient.id),
        starts, per_week=1,
    )  # fmt: skip


def lost(refused: pytest.ExceptionInfo[Conflict]) -> dict[datetime, str]:
    """Which times were lost, and why."""
    assert refused.value.code == "series.times_lost"
    found = refused.value.values["lost"]
    assert isinstance(found, dict)
    return found


def nothing_was_booked(db: Session) -> bool:
    """Whether there is no series, and no session of one."""
    return not db.scalar(select(func.count()).select_from(Series)) and not db.scalar(
        select(func.count()).where(Appointment.series_id.is_not(None))
    )


def times(db: Session, rows: list[Appointment]) -> list[datetime]:
    """When sessions are now."""
    db.expire_all()
    return [row.starts_at for row in rows]


def told(db: Session) -> list[str]:
    """What kinds of messages were queued, but for reminders."""
    return list(db.scalars(select(Message.kind).where(Message.kind.not_like("reminder%"))))


def told_about(db: Session) -> list[tuple[str, UUID]]:
    """The same, and about what."""
    rows = db.execute(select(Message.kind, Message.subject_id).where(Message.kind.not_like("reminder%")))
    return [(kind, subject_id) for kind, subject_id in rows]


def selects(page: Page) -> list[Element]:
    """The lists of a plan, one a session."""
    return page.all("select", name="time")


def chosen(page: Page) -> list[str]:
    """The times that a plan proposes."""
    return [next(one.get("value", "") for one in times if "selected" in one.attrib) for times in selects(page)]


def days(*weeks: int) -> list[str]:
    """Thursdays at 10:30, as a plan writes them."""
    return [f"{THURSDAY + A_WEEK * week:%Y-%m-%dT%H:%MZ}" for week in weeks]
