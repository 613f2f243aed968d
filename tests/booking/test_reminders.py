"""Reminders from the booking to the patient's phone: queued with it, one a day for each recipient, void with a change."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.events import AppointmentBooked
from clinic_portal.booking.links import visit_link_path
from clinic_portal.booking.models import Appointment
from clinic_portal.booking.queries import facts_of
from clinic_portal.booking.queries.reminders import reminding
from clinic_portal.booking.rules import CancelReason
from clinic_portal.booking.steps.moving import NewTime
from clinic_portal.booking.steps.reminders import KINDS, queue_reminders, remind_of_booked
from clinic_portal.booking.use_cases.book_appointment import Answers, book_appointment
from clinic_portal.booking.use_cases.cancel_appointment import cancel_appointment
from clinic_portal.booking.use_cases.hold_time import Choice, hold_time
from clinic_portal.booking.use_cases.move_appointment import move_appointment
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import AppointmentId, FacilityId, PatientId, ServiceId
from clinic_portal.core.settings import Settings
from clinic_portal.dependents.models import Relationship
from clinic_portal.dependents.rules import RelationshipKind
from clinic_portal.notifications.delivery import make_senders
from clinic_portal.notifications.models import Message
from clinic_portal.notifications.rules import Channel, MessageState
from clinic_portal.notifications.use_cases.sweep_outbox import sweep_outbox
from clinic_portal.patients.models import Patient
from clinic_portal.providers.inbox import InboxItem, clear_inbox, read_inbox
from tests.booking.factory import THURSDAY, make_appointment
from tests.support.cast import Cast
from tests.support.clinic import Clinic

WEDNESDAY_AFTERNOON = datetime(2026, 11, 25, 16, 1, tzinfo=UTC)


class Reminders:
    """Books, sweeps and reads what arrived."""

    def __init__(self, db: Session, clock: FixedClock, clinic: Clinic, settings: Settings) -> None:
        self.db, self.clock, self.clinic, self.settings = db, clock, clinic, settings

    def book(self, patient: Patient, at: datetime = THURSDAY, **other: object) -> Appointment:
        row = make_appointment(self.db, self.clinic, patient, at=at, **{"booked_at": self.clock.now()} | other)
        with transaction(self.db):
            booked = AppointmentBooked(AppointmentId(row.id), FacilityId(row.facility_id), row.starts_at)
            remind_of_booked(self.db, self.clock, booked)
        return row

    def sweep(self, at: datetime) -> list[InboxItem]:
        """What goes out at that time."""
        clear_inbox(self.settings.inbox_folder)
        self.clock.at = at
        senders = make_senders(self.settings, self.clock.now)
        sweep_outbox(self.db, self.clock, settings=self.settings, senders=senders)
        return sorted(read_inbox(self.settings.inbox_folder), key=lambda item: item.text)

    def waiting(self, row: Appointment) -> list[tuple[str, Channel, datetime]]:
        found = self.db.scalars(
            select(Message).where(
                Message.subject_id == row.id, Message.kind.in_(KINDS), Message.state == MessageState.QUEUED
            )
        )
        return sorted((one.kind, one.channel, one.due_at) for one in found)

    def link(self, row: Appointment) -> str:
        return self.settings.public_url + visit_link_path(self.settings, facts_of(row))


@pytest.fixture
def reminders(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings, inbox: object
) -> Reminders:
    return Reminders(db, clock, clinic, settings)


def sms(items: list[InboxItem]) -> list[InboxItem]:
    return [item for item in items if item.channel.value == "sms"]


def mails(items: list[InboxItem]) -> list[InboxItem]:
    return [item for item in items if item.channel.value == "email"]


def test_booking_queues_the_reminders_in_its_transaction(reminders: Reminders, clinic: Clinic, cast: Cast) -> None:
    db, clock, actor = reminders.db, reminders.clock, cast.patient.actor()
    choice = Choice(
        ServiceId(clinic.massage.id),
        FacilityId(clinic.lisbon.id),
        THURSDAY,
        patient_id=PatientId(cast.patient_person.id),
    )
    held = hold_time(db, clock, choice=choice, hold_key="key", actor=actor)
    book_appointment(db, clock, appointment_id=held.id, hold_key="key", actor=actor, answers=Answers())
    found = reminders.waiting(db.get_one(Appointment, held.id))
    assert [(kind, channel) for kind, channel, _ in found] == [("reminder", Channel.EMAIL), ("reminder", Channel.SMS)]
    assert all(due.date().isoformat() == "2026-11-25" and 14 <= due.hour <= 16 for _, _, due in found)


def test_one_sms_and_one_email_the_day_before(reminders: Reminders, cast: Cast) -> None:
    row = reminders.book(cast.patient_person, patient_note="my knee")
    assert reminders.sweep(datetime(2026, 11, 25, 13, 59, tzinfo=UTC)) == []
    items = reminders.sweep(WEDNESDAY_AFTERNOON)
    (text,), (mail,) = sms(items), mails(items)
    assert text.to == "+351912345601"
    assert text.text == (
        "Clinica Ribeira: your visit is Thu 26 Nov 10:30, Rua das Flores 12, Lisboa. "
        f"Coming? Tell us: {reminders.link(row)}"
    )
    assert mail.subject == "Reminder: your visit, Thu 26 Nov 10:30"
    for words in ("Thursday 26 November, 10:30", "Massage", "Wear comfortable clothes.", reminders.link(row)):
        assert words in mail.text
        assert words in (mail.html or "")
    assert "knee" not in mail.text
    assert reminders.sweep(WEDNESDAY_AFTERNOON + timedelta(hours=2)) == []


def test_a_family_day_is_one_message_that_names_each(reminders: Reminders, clinic: Clinic, cast: Cast) -> None:
    """Two children of one parent, and the parent: one address. The stranger's visit is nobody's business."""
    sister = Patient(
        given_name="Rita", family_name="Araújo", birth_date=cast.child.birth_date, language="pt_PT",
        created_at=reminders.clock.now(),
    )  # fmt: skip
    reminders.db.add(sister)
    reminders.db.flush()
    reminders.db.add(Relationship(account_id=cast.guardian.id, patient_id=sister.id, kind=RelationshipKind.PARENT))
    reminders.db.commit()
    by_lina = {"booked_by_account_id": cast.guardian.id}
    tomas = reminders.book(cast.child, THURSDAY + timedelta(hours=2), **by_lina)
    rita = reminders.book(sister, practitioner=clinic.rui, **by_lina)
    own = reminders.book(cast.guardian_person, THURSDAY + timedelta(hours=4), **by_lina)
    reminders.book(cast.stranger_person, THURSDAY + timedelta(hours=5))
    items = reminders.sweep(WEDNESDAY_AFTERNOON)
    assert sorted(item.to for item in items) == [
        "+351912345602", "+351912345603", "duarte@example.org", "lina@example.org",
    ]  # fmt: skip
    (text,) = (item.text for item in sms(items) if item.to == "+351912345602")
    assert text == (
        "Clinica Ribeira: 3 visits, Thursday 26 November. "
        f"10:30 Rita, Rua das Flores 12: {reminders.link(rita)} "
        f"12:30 Tomas, Rua das Flores 12: {reminders.link(tomas)} "
        f"14:30, Rua das Flores 12: {reminders.link(own)}"
    )
    (mail,) = (item for item in mails(items) if item.to == "lina@example.org")
    assert mail.subject == "Reminder: 3 visits on Thursday 26 November"
    assert all(reminders.link(row) in mail.text for row in (rita, tomas, own))
    assert reminders.sweep(WEDNESDAY_AFTERNOON + timedelta(hours=1)) == []


def test_booked_long_ahead_each_time_has_one_message(reminders: Reminders, cast: Cast) -> None:
    """Two visits on one day: an e-mail a week before, an SMS two days before, an e-mail on the eve."""
    day = THURSDAY + timedelta(days=14)
    rows = [reminders.book(cast.patient_person, day + timedelta(hours=hours)) for hours in (0, 4)]
    for ahead, channel in ((7, "email"), (2, "sms"), (1, "email")):
        (item,) = reminders.sweep(day.replace(hour=16, minute=1) - timedelta(days=ahead))
        assert item.channel.value == channel
        assert all(reminders.link(row) in item.text for row in rows)


def test_each_day_has_its_own_message(reminders: Reminders, cast: Cast) -> None:
    """Thursday's message tells nobody of Friday, whose own comes on its eve."""
    thursday, friday = (reminders.book(cast.patient_person, THURSDAY + timedelta(days=day)) for day in (0, 1))
    for row, day in ((thursday, 0), (friday, 1)):
        items = reminders.sweep(WEDNESDAY_AFTERNOON + timedelta(days=day))
        assert len(items) == 2
        for item in items:
            linked = [one for one in (thursday, friday) if reminders.link(one) in item.text]
            assert linked == [row]


def test_a_visit_that_is_booked_after_the_reminder_has_its_own(reminders: Reminders, cast: Cast) -> None:
    reminders.book(cast.patient_person)
    assert len(sms(reminders.sweep(WEDNESDAY_AFTERNOON))) == 1
    late = reminders.book(cast.patient_person, THURSDAY + timedelta(hours=4))
    (text,) = sms(reminders.sweep(WEDNESDAY_AFTERNOON + timedelta(minutes=10)))
    assert reminders.link(late) in text.text
    assert "14:30" in text.text
    assert "10:30" not in text.text


def test_a_cancelled_visit_is_not_reminded_of_and_takes_nobody_with_it(reminders: Reminders, cast: Cast) -> None:
    first = reminders.book(cast.patient_person, booked_by_account_id=cast.patient.id)
    second = reminders.book(cast.patient_person, THURSDAY + timedelta(hours=4))
    cancel_appointment(
        reminders.db, reminders.clock, appointment_id=AppointmentId(first.id), actor=cast.patient.actor(),
        reason=CancelReason.OTHER,
    )  # fmt: skip
    assert reminders.waiting(first) == []
    texts = [item.text for item in sms(reminders.sweep(WEDNESDAY_AFTERNOON)) if "Coming?" in item.text]
    assert len(texts) == 1
    assert reminders.link(second) in texts[0]


def test_a_moved_visit_is_reminded_of_at_its_new_time_only(reminders: Reminders, clinic: Clinic, cast: Cast) -> None:
    row = reminders.book(cast.patient_person, booked_by_account_id=cast.patient.id)
    friday = THURSDAY + timedelta(days=1)
    move_appointment(
        reminders.db, reminders.clock, appointment_id=AppointmentId(row.id), actor=cast.patient.actor(),
        to=NewTime(FacilityId(clinic.lisbon.id), friday),
    )  # fmt: skip
    assert {due.date().isoformat() for _, _, due in reminders.waiting(row)} == {"2026-11-26"}
    assert not [item for item in sms(reminders.sweep(WEDNESDAY_AFTERNOON)) if "Coming?" in item.text]
    (text,) = sms(reminders.sweep(WEDNESDAY_AFTERNOON + timedelta(days=1)))
    assert "Fri 27 Nov 10:30" in text.text


def test_whom_a_message_reaches_is_asked_when_it_is_sent(reminders: Reminders, clinic: Clinic, cast: Cast) -> None:
    """Booked for one phone, sent to two: the child has got a number of his own."""
    tomas = reminders.book(cast.child, booked_by_account_id=cast.guardian.id, practitioner=clinic.rui)
    own = reminders.book(cast.guardian_person, THURSDAY + timedelta(hours=2))
    cast.child.phone = "+351912345677"
    reminders.db.merge(cast.child)
    reminders.db.commit()
    found = {item.to: item.text for item in sms(reminders.sweep(WEDNESDAY_AFTERNOON))}
    assert found.keys() == {"+351912345677", "+351912345602"}
    assert reminders.link(tomas) in found["+351912345677"]
    assert reminders.link(own) in found["+351912345602"]


def test_the_azores_are_reminded_on_their_own_clock(reminders: Reminders, clinic: Clinic, cast: Cast) -> None:
    place = {"facility_id": clinic.azores.id, "room_id": clinic.room_a.id, "practitioner_id": clinic.sofia.id}
    row = reminders.book(cast.patient_person, **place)
    for _, _, due in reminders.waiting(row):
        assert 15 <= due.hour <= 17  # 14:00 to 16:00 there
    (text,) = sms(reminders.sweep(datetime(2026, 11, 25, 17, 1, tzinfo=UTC)))
    assert "Thu 26 Nov 09:30" in text.text


def test_what_is_late_waits_for_the_morning(reminders: Reminders, cast: Cast) -> None:
    """The machine was off all afternoon and comes back at night."""
    reminders.book(cast.patient_person)
    assert reminders.sweep(datetime(2026, 11, 25, 23, 0, tzinfo=UTC)) == []
    assert reminders.sweep(datetime(2026, 11, 26, 7, 59, tzinfo=UTC)) == []
    assert len(reminders.sweep(datetime(2026, 11, 26, 8, 0, tzinfo=UTC))) == 2


def test_nobody_is_reminded_of_what_is_over_or_has_begun(reminders: Reminders, cast: Cast) -> None:
    reminders.book(cast.patient_person)
    assert reminders.sweep(THURSDAY) == []
    states = set(reminders.db.scalars(select(Message.state)))
    assert states == {MessageState.EXPIRED}


def test_queueing_again_repeats_nothing(reminders: Reminders, cast: Cast) -> None:
    row = reminders.book(cast.patient_person)
    before = reminders.waiting(row)
    with transaction(reminders.db):
        queue_reminders(reminders.db, reminders.clock, facts_of(row), reminding(reminders.db, row.service_id))
    assert reminders.waiting(row) == before
