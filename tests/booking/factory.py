"""Appointments for tests."""

from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment, AppointmentHistory, OutsideHours
from clinic_portal.booking.queries.staff import MOVED
from clinic_portal.booking.rules import AppointmentState, StrandedAnswer
from clinic_portal.core.clock import Clock
from clinic_portal.core.ids import new_id, spoken_code
from clinic_portal.core.modes import Mode
from clinic_portal.facilities.models import Service
from clinic_portal.patients.models import Patient
from clinic_portal.practitioners.models import Practitioner
from tests.support.clinic import Clinic

#: Thursday 26 November 2026, 10:30 in Lisbon.
THURSDAY = datetime(2026, 11, 26, 10, 30, tzinfo=UTC)


def make_appointment(
    db: Session,
    clinic: Clinic,
    patient: Patient | None,
    *,
    at: datetime = THURSDAY,
    state: AppointmentState = AppointmentState.BOOKED,
    practitioner: Practitioner | None = None,
    service: Service | None = None,
    **other: object,
) -> Appointment:
    """Insert an appointment in Lisbon, without history."""
    practitioner = practitioner or clinic.ines
    service = service or clinic.massage
    room = clinic.room_1 if practitioner is clinic.ines else clinic.room_2
    held = at if state is AppointmentState.PROPOSED else None
    values: dict[str, object] = {
        "id": new_id(),
        "reference": spoken_code(8),
        "state": state,
        "practitioner_id": practitioner.id,
        "service_id": service.id,
        "facility_id": clinic.lisbon.id,
        "room_id": room.id,
        "mode": Mode.IN_PERSON,
        "patient_id": patient.id if patient else None,
        "starts_at": at,
        "ends_at": at + timedelta(minutes=service.minutes),
        "price_minor": service.price_minor,
        "held_until": held,
        "created_at": at - timedelta(days=7),
        "booked_at": at - timedelta(days=7),
    }
    row = Appointment(**values | other)
    db.add(row)
    db.commit()
    return row


def set_rules(db: Session, service: Service, **rules: object) -> None:
    """Give a service other rules than it has."""
    for name, value in rules.items():
        setattr(service, name, value)
    db.merge(service)
    db.commit()


def move_meanwhile(db: Session, booked: Appointment, by: timedelta = timedelta(days=7)) -> None:
    """What somebody else's move does to the row."""
    row = db.get_one(Appointment, booked.id)
    row.starts_at, row.ends_at = row.starts_at + by, row.ends_at + by
    row.busy_from, row.busy_until = row.busy_from + by, row.busy_until + by
    row.sequence += 1
    db.commit()


def tell_moved(
    db: Session, clock: Clock, row: Appointment, *, was_at: datetime = THURSDAY - timedelta(days=1), reason: str = MOVED
) -> None:
    """Write into the history that an appointment had another time before."""
    for starts_at, why in ((was_at, "booked"), (row.starts_at, reason)):
        line = AppointmentHistory(
            appointment_id=row.id, from_state=row.state, to_state=row.state, at=clock.now(), starts_at=starts_at,
            actor_name="Test", reason=why, patient_id=row.patient_id,
        )  # fmt: skip
        db.add(line)
        db.flush()
    db.commit()


def decide(
    db: Session, clock: Clock, row: Appointment, answer: StrandedAnswer, *, at: datetime | None = None
) -> None:  # fmt: skip
    """Write down what is to become of an appointment that a change of hours left outside of them."""
    db.add(OutsideHours(appointment_id=row.id, starts_at=at or row.starts_at, answer=answer, decided_at=clock.now()))
    db.commit()
