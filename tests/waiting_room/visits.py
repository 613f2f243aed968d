"""People who arrive, for the tests of the queue, the desk and the screens."""

from datetime import date, timedelta

from sqlalchemy.orm import Session

from clinic_portal.check_in.use_cases.mark_arrived import mark_arrived
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.ids import AppointmentId, FacilityId, TicketId
from clinic_portal.facilities.models import Service
from clinic_portal.patients.models import Patient
from clinic_portal.patients.rules import DisplayChoice
from clinic_portal.practitioners.models import Practitioner
from clinic_portal.waiting_room import queries
from clinic_portal.waiting_room.models import Ticket
from tests.booking.factory import make_appointment
from tests.support.cast import Cast
from tests.support.clinic import Clinic


def make_person(db: Session, clock: FixedClock, given: str, family: str, **other: object) -> Patient:
    """Insert a patient without an account."""
    values: dict[str, object] = {
        "birth_date": date(1990, 1, 2),
        "language": "pt_PT",
        "created_at": clock.now(),
        "display_choice": DisplayChoice.FIRST_INITIAL,
    }
    person = Patient(given_name=given, family_name=family, **values | other)
    db.add(person)
    db.flush()
    return person


def make_visit(
    db: Session,
    clock: FixedClock,
    clinic: Clinic,
    patient: Patient,
    *,
    minutes: int = 0,
    practitioner: Practitioner | None = None,
    service: Service | None = None,
    **other: object,
) -> AppointmentId:
    """Insert a booked visit in Lisbon, some minutes from now."""
    at = clock.now() + timedelta(minutes=minutes)
    row = make_appointment(db, clinic, patient, at=at, practitioner=practitioner, service=service, **other)
    return AppointmentId(row.id)


def arrive(db: Session, clock: FixedClock, cast: Cast, clinic: Clinic, patient: Patient, **visit: object) -> TicketId:
    """Book a visit and have the patient arrive now; return the ticket."""
    appointment_id = make_visit(db, clock, clinic, patient, **visit)  # type: ignore[arg-type]
    mark_arrived(
        db,
        clock,
        appointment_id=appointment_id,
        facility_id=FacilityId(clinic.lisbon.id),
        actor=cast.receptionist.actor(),
    )
    ticket = queries.ticket_of_appointment(db, appointment_id)
    assert ticket is not None
    return TicketId(ticket.id)


def ticket_row(db: Session, ticket_id: TicketId) -> Ticket:
    """The ticket as the database has it now."""
    row = db.get(Ticket, ticket_id, populate_existing=True)
    assert row is not None
    return row
