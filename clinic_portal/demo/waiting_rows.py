"""Who waits for an earlier time in the demo clinic, and a stretch that came free: the worker offers some of it."""

from datetime import UTC, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.accounts.models import Account
from clinic_portal.booking.models import Appointment, FreedTime, WaitingEntry
from clinic_portal.booking.rules import AppointmentState, EntryState
from clinic_portal.core.clock import local_day, zone
from clinic_portal.core.ids import FacilityId, new_id
from clinic_portal.demo.people import MARTA
from clinic_portal.facilities.queries import facility_by_id

#: So many wait, Marta first; each with another account, and with a visit to bring forward.
WAITING = 3
#: A visit sooner than this is not worth bringing forward.
AHEAD = timedelta(days=2)
#: What came free: one whole day.
OPENS, A_DAYS_WORK = time(8), timedelta(hours=12)


def insert_waiting(db: Session, now: datetime) -> None:
    """Put a few patients on the waiting list, and have a practitioner's day looked at for the first of them."""
    visits = _visits(db, now)
    for number, visit in enumerate(visits):
        db.add(
            WaitingEntry(
                id=new_id(), patient_id=visit.patient_id, service_id=visit.service_id, appointment_id=visit.id, mode=visit.mode,
                weekdays=[], parts=["morning"] if number == 1 else [], from_day=now.date(),
                until_day=visit.starts_at.date(), state=EntryState.WAITING, account_id=visit.booked_by_account_id,
                created_at=now - timedelta(days=3 - number),
            )
        )  # fmt: skip
    if visits:
        first = visits[0]
        start = _morning_before(db, first)
        db.add(
            FreedTime(
                practitioner_id=first.practitioner_id, facility_id=first.facility_id, made_at=now,
                starts_at=start, ends_at=start + A_DAYS_WORK,
            )
        )  # fmt: skip


def _morning_before(db: Session, visit: Appointment) -> datetime:
    """When work begins on the day before a visit, by the clock of its facility."""
    tz = facility_by_id(db, FacilityId(visit.facility_id)).tz
    day = local_day(visit.starts_at, tz) - timedelta(days=1)
    return datetime.combine(day, OPENS, zone(tz)).astimezone(UTC)


def _visits(db: Session, now: datetime) -> list[Appointment]:
    marta = db.scalars(select(Account.id).where(Account.email == MARTA)).one()
    rows = db.scalars(
        select(Appointment)
        .where(
            Appointment.state == AppointmentState.BOOKED,
            Appointment.starts_at > now + AHEAD,
            Appointment.booked_by_account_id.is_not(None),
        )
        .order_by((Appointment.booked_by_account_id != marta), Appointment.starts_at, Appointment.id)
    )
    found: dict[object, Appointment] = {}
    for row in rows:
        found.setdefault(row.booked_by_account_id, row)
        if len(found) == WAITING:
            break
    return list(found.values())
