"""A cancellation by the clinic reaches the patient: every way to cancel, everybody who may be written to, or the desk."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from clinic_portal.accounts.models import Account
from clinic_portal.booking.models import Appointment
from clinic_portal.booking.queries.staff import untold
from clinic_portal.booking.queries.stranded import token_of
from clinic_portal.booking.rules import AppointmentState, ClinicReason, StrandedAnswer
from clinic_portal.booking.use_cases.cancel_by_clinic import cancel_by_clinic
from clinic_portal.booking.use_cases.change_hours import change_hours
from clinic_portal.booking.use_cases.change_opening import change_opening
from clinic_portal.booking.use_cases.settle_stranded import settle_stranded
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.ids import AppointmentId, FacilityId, PractitionerId
from clinic_portal.core.processes import free_port
from clinic_portal.core.settings import Settings, SmtpSettings
from clinic_portal.facilities.steps import CloseDay
from clinic_portal.notifications.delivery import make_senders
from clinic_portal.notifications.rules import Channel
from clinic_portal.notifications.use_cases.choose_reminders import choose_reminders
from clinic_portal.notifications.use_cases.sweep_outbox import sweep_outbox
from clinic_portal.patients.models import Patient
from clinic_portal.practitioners.models import Absence
from clinic_portal.practitioners.steps import EndWeekly
from clinic_portal.providers.inbox import read_inbox
from tests.booking.factory import THURSDAY, make_appointment
from tests.booking.hours import DAY, away, row_id
from tests.booking.series import make_series
from tests.support.cast import Cast
from tests.support.clinic import Clinic


@dataclass
class House:
    """The clinic, its people, and what goes out."""

    db: Session
    clock: FixedClock
    clinic: Clinic
    cast: Cast
    settings: Settings

    @property
    def lisbon(self) -> FacilityId:
        return FacilityId(self.clinic.lisbon.id)

    def answers(self, row: Appointment) -> dict[str, StrandedAnswer]:
        return {token_of(AppointmentId(row.id), row.starts_at): StrandedAnswer.CANCEL}

    def sent_to(self) -> set[str]:
        senders = make_senders(self.settings, self.clock.now)
        sweep_outbox(self.db, self.clock, settings=self.settings, senders=senders)
        return {item.to for item in read_inbox(self.settings.inbox_folder)}

    def to_phone(self) -> list[AppointmentId]:
        found = untold(self.db, self.lisbon, now=self.clock.now(), actor=self.cast.receptionist.actor())
        return [one.appointment_id for one in found]


@pytest.fixture
def house(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings, inbox: object) -> House:
    return House(db, clock, clinic, cast, settings)


def at_the_desk(house: House, row: Appointment) -> None:
    cancel_by_clinic(
        house.db, house.clock, appointment_id=AppointmentId(row.id), facility_id=house.lisbon,
        actor=house.cast.receptionist.actor(), reason=ClinicReason.OTHER,
    )  # fmt: skip


def by_an_absence(house: House, row: Appointment) -> None:
    change = away(house.clinic.ines, "2026-11-26T10:00", 2)
    change_hours(
        house.db, house.clock, change=change, answers=house.answers(row), actor=house.cast.administrator.actor()
    )


def by_hours_that_end(house: House, row: Appointment) -> None:
    change = EndWeekly(
        PractitionerId(house.clinic.ines.id), row_id(house.db, house.clinic.ines), DAY - timedelta(days=1)
    )
    change_hours(house.db, house.clock, change=change, answers=house.answers(row), actor=house.cast.doctor.actor())


def by_a_closed_day(house: House, row: Appointment) -> None:
    change = CloseDay(house.lisbon, DAY, "works")
    change_opening(
        house.db, house.clock, change=change, answers=house.answers(row), actor=house.cast.administrator.actor()
    )


def from_the_list_of_visits_outside_the_hours(house: House, row: Appointment) -> None:
    end = THURSDAY + timedelta(hours=1)
    house.db.add(Absence(practitioner_id=house.clinic.ines.id, starts_at=THURSDAY, ends_at=end, reason="ill"))
    house.db.commit()
    settle_stranded(house.db, house.clock, answers=house.answers(row), actor=house.cast.administrator.actor())


WAYS = [at_the_desk, by_an_absence, by_hours_that_end, by_a_closed_day, from_the_list_of_visits_outside_the_hours]


def with_both(house: House) -> tuple[Patient, set[str]]:
    return house.cast.patient_person, {"marta@example.org", "+351912345601"}


def without_a_confirmed_phone(house: House) -> tuple[Patient, set[str]]:
    account = update(Account).where(Account.id == house.cast.patient.id)
    house.db.execute(account.values(phone_confirmed_at=None))
    house.cast.patient_person.phone = None
    return house.db.merge(house.cast.patient_person), {"marta@example.org"}


def with_a_phone_only(house: House) -> tuple[Patient, set[str]]:
    return _new(house, phone="+351912345677"), {"+351912345677"}


def of_a_child(house: House) -> tuple[Patient, set[str]]:
    return house.cast.child, {"lina@example.org", "+351912345602"}


def who_wants_no_reminders(house: House) -> tuple[Patient, set[str]]:
    choose_reminders(house.db, house.clock, actor=house.cast.patient.actor(), wanted=set[Channel]())
    return with_both(house)


def whose_account_was_closed(house: House) -> tuple[Patient, set[str]]:
    account = update(Account).where(Account.id == house.cast.guardian.id)
    house.db.execute(account.values(ended_at=house.clock.now()))
    return of_a_child(house)


def without_any_address(house: House) -> tuple[Patient, set[str]]:
    return _new(house), set()


PEOPLE = [
    with_both, without_a_confirmed_phone, with_a_phone_only, of_a_child, who_wants_no_reminders,
    whose_account_was_closed, without_any_address,
]  # fmt: skip


def _new(house: House, **contact: str) -> Patient:
    patient = Patient(
        given_name="Ó", family_name="Lam", birth_date=DAY.replace(year=1950), language="en",
        created_at=house.clock.now(), **contact,
    )  # fmt: skip
    house.db.add(patient)
    house.db.flush()
    return patient


@pytest.mark.parametrize("whom", PEOPLE)
@pytest.mark.parametrize("cancel", WAYS)
def test_it_reaches(
    house: House, cancel: Callable[[House, Appointment], None], whom: Callable[[House], tuple[Patient, set[str]]]
) -> None:
    patient, addresses = whom(house)
    row = make_appointment(house.db, house.clinic, patient)
    cancel(house, row)
    house.db.expire_all()
    assert house.db.get_one(Appointment, row.id).state is AppointmentState.CANCELLED
    assert house.sent_to() == addresses
    assert house.to_phone() == ([] if addresses else [row.id])


def test_one_session_of_a_series(house: House) -> None:
    patient, addresses = with_both(house)
    _, rows = make_series(house.db, house.clinic, patient)
    at_the_desk(house, rows[1])
    assert house.sent_to() == addresses
    assert house.to_phone() == []


def test_when_the_vendor_does_not_answer_the_desk_phones(house: House) -> None:
    """No mail server listens: the message is tried again for a day, the desk is told after a quarter of an hour."""
    patient, _ = without_a_confirmed_phone(house)
    row = make_appointment(house.db, house.clinic, patient)
    nobody = SmtpSettings("127.0.0.1", free_port(8990), "", "", "none")
    house.settings = replace(house.settings, email_provider="smtp", smtp=nobody)
    at_the_desk(house, row)
    assert house.sent_to() == set()
    assert house.to_phone() == []
    house.clock.advance(timedelta(minutes=15))
    assert house.sent_to() == set()
    assert house.to_phone() == [row.id]
