"""The waiting list for tests."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.accounts.models import Account
from clinic_portal.booking.models import Appointment, FreedTime, WaitingEntry, WaitingOffer, WaitingPolicy
from clinic_portal.booking.rules import Asked, CancelReason, OfferMode
from clinic_portal.booking.steps.wishes import Wanted
from clinic_portal.booking.use_cases.cancel_appointment import cancel_appointment
from clinic_portal.booking.use_cases.end_offers import end_offers
from clinic_portal.booking.use_cases.join_by_phone import join_by_phone
from clinic_portal.booking.use_cases.join_waiting_list import join_waiting_list
from clinic_portal.booking.use_cases.make_offers import make_offers
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.ids import AppointmentId, EntryId, FacilityId, FreedTimeId, OfferId, PatientId, ServiceId
from clinic_portal.facilities.models import Facility, Service
from clinic_portal.patients.models import Patient
from tests.booking.factory import make_appointment
from tests.support.cast import Cast
from tests.support.clinic import Clinic

#: Tuesday 24 November 2026, 09:00 in Lisbon: tomorrow, seen from the tests' clock.
TUESDAY = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def join(
    db: Session,
    clock: FixedClock,
    clinic: Clinic,
    account: Account,
    patient: Patient,
    *,
    service: Service | None = None,
    visit: Appointment | None = None,
    **asked: Any,
) -> WaitingEntry:
    """Put a patient on the list: by default for a massage, any day of the coming weeks."""
    wish: dict[str, Any] = {"from_day": date(2026, 11, 23), "until_day": date(2026, 12, 20)}
    wanted = Wanted(
        PatientId(patient.id),
        ServiceId((service or clinic.massage).id),
        Asked(**wish | asked),
        AppointmentId(visit.id) if visit else None,
    )
    facts = join_waiting_list(db, clock, wanted=wanted, actor=account.actor())
    return db.get_one(WaitingEntry, facts.id)


def free_a_time(
    db: Session,
    clock: FixedClock,
    clinic: Clinic,
    account: Account,
    patient: Patient,
    at: datetime = TUESDAY,
    **other: Any,
) -> FreedTimeId:
    """Have somebody give back a visit with Inês then."""
    visit = make_appointment(db, clinic, patient, at=at, **other)
    visit_id, reason = AppointmentId(visit.id), CancelReason.OTHER
    cancel_appointment(db, clock, appointment_id=visit_id, actor=account.actor(), reason=reason)
    return FreedTimeId(db.scalars(select(FreedTime.id).order_by(FreedTime.id.desc()).limit(1)).one())


def offer_all(db: Session, clock: FixedClock, freed_time_id: FreedTimeId) -> int:
    """What the job does."""
    made = 0
    while count := make_offers(db, clock, freed_time_id=freed_time_id):
        made += count
    return made


def offers(db: Session) -> Sequence[WaitingOffer]:
    """All offers, in the order in which they were made."""
    statement = select(WaitingOffer).order_by(WaitingOffer.id)
    return db.scalars(statement.execution_options(populate_existing=True)).all()


def first_of_two(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> tuple[WaitingEntry, WaitingEntry, FreedTimeId]:
    """Marta waits, and after her Tomás; a time came free and is offered to her."""
    first = join(db, clock, clinic, cast.patient, cast.patient_person)
    second = join(db, clock, clinic, cast.guardian, cast.child)
    freed = free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person)
    assert offer_all(db, clock, freed) == 1
    return first, second, freed


def sweep_offers(db: Session, clock: FixedClock) -> int:
    """End what is over; return how many."""
    return sum(end_offers(db, clock, offer_id=OfferId(offer.id)) for offer in offers(db))


def first_come(db: Session, clinic: Clinic) -> None:
    """Have Lisbon offer times to whoever is first."""
    db.add(
        WaitingPolicy(
            facility_id=clinic.lisbon.id, mode=OfferMode.FIRST_COME, offer_minutes=30, stop_minutes=120
        )
    )  # fmt: skip
    db.commit()


def entry_id(entry: WaitingEntry) -> EntryId:
    """Its id, typed."""
    return EntryId(entry.id)


def by_phone(
    db: Session,
    clock: FixedClock,
    clinic: Clinic,
    cast: Cast,
    patient: Patient,
    *,
    visit: Appointment | None = None,
    at: Facility | None = None,
    who: Account | None = None,
    **asked: Any,
) -> WaitingEntry:
    """What the desk does for somebody who waits for a massage in Lisbon, any day of the coming weeks."""
    wish: dict[str, Any] = {
        "from_day": date(2026, 11, 23), "until_day": date(2026, 12, 20), "facility_id": clinic.lisbon.id,
    }  # fmt: skip
    visit_id = AppointmentId(visit.id) if visit else None
    wanted = Wanted(PatientId(patient.id), ServiceId(clinic.massage.id), Asked(**wish | asked), visit_id)
    facility_id, actor = FacilityId((at or clinic.lisbon).id), (who or cast.receptionist).actor()
    facts = join_by_phone(db, clock, wanted=wanted, facility_id=facility_id, actor=actor)
    return db.get_one(WaitingEntry, facts.id)


def somebody(db: Session, clock: FixedClock, phone: str | None = "+351912345677") -> Patient:
    """A patient without an account."""
    patient = Patient(
        given_name="Beatriz", family_name="Fontes", birth_date=date(1950, 3, 4), phone=phone, language="pt_PT",
        created_at=clock.now(),
    )  # fmt: skip
    db.add(patient)
    db.flush()
    return patient


def wait_unreachable(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, **asked: Any) -> WaitingEntry:
    """Somebody waits whom no message reaches: the desk wrote them down, and has to phone them."""
    return by_phone(db, clock, clinic, cast, somebody(db, clock, phone=None), **asked)
