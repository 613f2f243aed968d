"""The desk hears of phones that answered STOP, and phones whom nothing else reaches."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.queries.recipients import hears
from clinic_portal.booking.queries.stranded import token_of
from clinic_portal.booking.steps import NewTime
from clinic_portal.booking.use_cases.move_stranded import move_stranded
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import AppointmentId, FacilityId, PatientId, PractitionerId
from clinic_portal.core.settings import Settings
from clinic_portal.notifications.delivery import make_senders
from clinic_portal.notifications.models import Message
from clinic_portal.notifications.rules import Channel, MessageState
from clinic_portal.notifications.steps import note_stop, queue_message
from clinic_portal.notifications.use_cases.sweep_outbox import sweep_outbox
from clinic_portal.patients.queries import find_patients
from clinic_portal.practitioners.models import Absence
from tests.booking.factory import make_appointment, move_meanwhile
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.page import PortalClient, press

HEADING = "Please phone: no SMS"
NUMBER = "+351912345699"


@dataclass(frozen=True)
class StoppedPhone:
    """The phone of whoever is written down with nothing else: it answers STOP."""

    db: Session
    clock: FixedClock
    settings: Settings

    def stop(self) -> None:
        with transaction(self.db):
            note_stop(self.db, self.clock, NUMBER)

    def send_due(self) -> None:
        """Send what is due to it."""
        sweep_outbox(self.db, self.clock, settings=self.settings, senders=make_senders(self.settings, self.clock.now))

    def remind(self, *visits: Appointment, key: str = "") -> None:
        """Have an SMS, which does not go any more, remind of visits."""
        self.stop()
        with transaction(self.db):
            for visit in visits:
                queue_message(
                    self.db, self.clock, "reminder", subject_id=visit.id, channels=(Channel.SMS,),
                    expires_at=visit.starts_at, key=key,
                )  # fmt: skip
        self.send_due()
        self.send_due()


@pytest.fixture
def phone(db: Session, clock: FixedClock, settings: Settings, inbox: object) -> StoppedPhone:
    return StoppedPhone(db, clock, settings)


@pytest.fixture
def booked(db: Session, clinic: Clinic, cast: Cast) -> Appointment:
    """A visit of somebody whom the desk wrote down, with a phone and nothing else."""
    cast.stranger_person.email, cast.stranger_person.phone = None, NUMBER
    return make_appointment(db, clinic, cast.stranger_person)


@pytest.fixture
def desk(cast: Cast) -> PortalClient:
    return cast.browser(cast.receptionist)


def test_who_has_no_e_mail_is_phoned_once_for_each_message(
    clock: FixedClock, phone: StoppedPhone, booked: Appointment, desk: PortalClient
) -> None:
    home = f"/desk/lisbon/visits/{booked.id}"
    assert HEADING not in desk.page("/desk/lisbon").text
    phone.remind(booked)
    assert HEADING in desk.page("/desk/lisbon").text
    page = desk.page(home)
    assert "there is no e-mail address: they have not heard of this visit" in page.text
    assert "There is no e-mail address: please phone." in page.text
    assert [link for link in page.all("a") if link.get("href") == "tel:+351912345699"]
    for _ in range(2):
        done = press(desk, page, f"{home}/told")
    assert "they have not heard" not in done.text
    assert HEADING not in desk.page("/desk/lisbon").text
    clock.advance(timedelta(days=1))
    phone.remind(booked, key="later")
    assert HEADING in desk.page("/desk/lisbon").text


def test_who_gets_the_e_mail_instead_is_not_phoned(
    db: Session, phone: StoppedPhone, booked: Appointment, desk: PortalClient, cast: Cast
) -> None:
    cast.stranger_person.email = "zita@example.org"
    db.commit()
    phone.remind(booked)
    assert HEADING not in desk.page("/desk/lisbon").text
    assert "We write e-mails instead." in desk.page(f"/desk/lisbon/visits/{booked.id}").text


@pytest.mark.parametrize("why", ["confirmed", "cancelled", "over", "elsewhere"])
def test_who_need_not_hear_of_it_is_not_phoned(
    db: Session,
    clock: FixedClock,
    phone: StoppedPhone,
    booked: Appointment,
    desk: PortalClient,
    clinic: Clinic,
    why: str,
) -> None:
    phone.remind(booked)
    match why:
        case "confirmed":
            booked.confirmed_at = clock.now()
        case "cancelled":
            booked.state = type(booked.state).CANCELLED
        case "over":
            clock.at = booked.starts_at
        case _:
            booked.facility_id, booked.room_id = clinic.azores.id, clinic.room_a.id
    db.commit()
    assert HEADING not in desk.page("/desk/lisbon").text


def test_an_sms_about_the_time_before_says_nothing_of_the_time_now(
    db: Session, clock: FixedClock, phone: StoppedPhone, booked: Appointment, desk: PortalClient
) -> None:
    """The new time has messages of its own; those about old ones would be more with every year."""
    phone.remind(booked)
    was = booked.starts_at
    move_meanwhile(db, booked)
    assert HEADING in desk.page("/desk/lisbon").text
    clock.at = was
    assert HEADING not in desk.page("/desk/lisbon").text
    phone.remind(booked, key="of the new time")
    assert HEADING in desk.page("/desk/lisbon").text


def test_a_visit_that_the_clinic_cancels_is_phoned_for_at_once(
    phone: StoppedPhone, booked: Appointment, desk: PortalClient, clinic: Clinic
) -> None:
    phone.stop()
    home = f"/desk/lisbon/visits/{booked.id}"
    press(desk, desk.page(f"{home}/cancel"), f"{home}/cancel", reason="clinic.closed")
    phone.send_due()
    assert "The visit is cancelled, and no message reaches the patient." in desk.page(home).text


def test_a_visit_that_the_clinic_moves_is_phoned_for_once(
    db: Session,
    clock: FixedClock,
    phone: StoppedPhone,
    booked: Appointment,
    desk: PortalClient,
    clinic: Clinic,
    cast: Cast,
) -> None:
    """It is one of those that the clinic moved: not one more of those whose phone gets no SMS."""
    end = booked.starts_at + timedelta(hours=1)
    db.add(Absence(practitioner_id=booked.practitioner_id, starts_at=booked.starts_at, ends_at=end, reason="ill"))
    phone.stop()
    to = NewTime(FacilityId(clinic.lisbon.id), booked.starts_at + timedelta(days=1), PractitionerId(clinic.rui.id))
    token = token_of(AppointmentId(booked.id), booked.starts_at)
    move_stranded(db, clock, token=token, to=to, actor=cast.administrator.actor(), note="ill")
    phone.send_due()
    page = desk.page("/desk/lisbon")
    assert "The clinic cancelled or moved these visits" in page.text
    assert HEADING not in page.text


def test_whom_no_message_reaches_the_waiting_list_knows(
    db: Session, clock: FixedClock, phone: StoppedPhone, cast: Cast
) -> None:
    def heard(**address: str | None) -> bool:
        for name, value in address.items():
            setattr(cast.stranger_person, name, value)
        db.commit()
        patient = find_patients(db, [PatientId(cast.stranger_person.id)])[PatientId(cast.stranger_person.id)]
        return hears(db, patient, None, today=clock.now().date())

    assert heard(email=None, phone=NUMBER)
    phone.stop()
    assert not heard()
    assert heard(email="zita@example.org")


def test_what_one_sms_was_to_say_of_several_visits_is_told_of_each(
    db: Session, phone: StoppedPhone, booked: Appointment, desk: PortalClient, clinic: Clinic, cast: Cast
) -> None:
    second = make_appointment(
        db, clinic, cast.stranger_person, at=booked.starts_at + timedelta(hours=2), practitioner=clinic.rui
    )
    phone.remind(booked, second)
    links = desk.page("/desk/lisbon").links()
    assert {f"/desk/lisbon/visits/{visit.id}" for visit in (booked, second)} <= set(links)
    assert {message.state for message in db.scalars(select(Message))} == {MessageState.CANCELLED, MessageState.JOINED}
