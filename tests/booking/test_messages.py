"""What goes out about visits: to whom, in which words, with which calendar file."""

from datetime import UTC, datetime, timedelta

import pytest
from icalendar import Calendar
from sqlalchemy.orm import Session

from clinic_portal.booking.links import visit_link_path
from clinic_portal.booking.messages import booked_facts, cancelled_facts
from clinic_portal.booking.queries import facts_of
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.ids import new_id
from clinic_portal.core.settings import Settings
from clinic_portal.notifications.rendering import render_email, render_sms
from clinic_portal.notifications.sources import MessageFacts
from tests.booking.factory import THURSDAY, make_appointment
from tests.support.cast import Cast
from tests.support.clinic import Clinic


def facts(found: MessageFacts | None) -> MessageFacts:
    assert found is not None
    return found


def test_a_booked_visit_in_an_sms_says_no_word_about_health(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings
) -> None:
    row = make_appointment(db, clinic, cast.patient_person, reference="K7M2PX4A", patient_note="my knee")
    sms = render_sms(settings, "appointment_booked", facts(booked_facts(db, clock, settings, row.id)))
    assert sms.to == "+351912345601"
    # Without accents an SMS holds 160 letters instead of 70.
    link = f"{settings.public_url}{visit_link_path(settings, facts_of(row))}"
    assert link.startswith(f"{settings.public_url}/v/K7M2PX4A")
    assert sms.text == (
        f"Clinica Ribeira: visit booked for Thu 26 Nov 10:30, Rua das Flores 12, Lisboa. Change: {link}"
    )


def test_the_email_has_all_and_the_calendar_file(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings
) -> None:
    row = make_appointment(db, clinic, cast.patient_person)
    email = render_email(settings, "appointment_booked", facts(booked_facts(db, clock, settings, row.id)))
    assert email.to == "marta@example.org"
    assert email.subject == "Your visit is booked: Thu 26 Nov 10:30"
    for body in (email.text, email.html or ""):
        for words in (
            "Thursday 26 November, 10:30", "Massage", "Inês Carvalho", "Rua das Flores 12", "Second floor.",
            "Wear comfortable clothes.", "€30.00", row.reference,
            f"{settings.public_url}{visit_link_path(settings, facts_of(row))}",
        ):  # fmt: skip
            assert words in body, words
    (attachment,) = email.attachments
    assert attachment.filename == "visit.ics"
    event = Calendar.from_ical(attachment.content).walk("VEVENT")[0]
    assert event["STATUS"] == "CONFIRMED"


def test_a_childs_messages_go_to_who_booked_and_name_the_child(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings
) -> None:
    row = make_appointment(db, clinic, cast.child, booked_by_account_id=cast.guardian.id)
    found = facts(booked_facts(db, clock, settings, row.id))
    assert (found.email, found.phone) == ("lina@example.org", "+351912345602")
    assert "visit for Tomas booked" in render_sms(settings, "appointment_booked", found).text
    assert render_email(settings, "appointment_booked", found).subject.startswith("Visit for Tomás booked")


def test_a_cancelled_visit_says_so_and_takes_the_calendar_entry_away(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings
) -> None:
    row = make_appointment(db, clinic, cast.patient_person, state=AppointmentState.CANCELLED, sequence=1)
    found = facts(cancelled_facts(db, clock, settings, row.id))
    assert "your visit on Thu 26 Nov 10:30 is cancelled" in render_sms(settings, "appointment_cancelled", found).text
    email = render_email(settings, "appointment_cancelled", found)
    assert "Thursday 26 November, 10:30" in email.text
    event = Calendar.from_ical(found.attachments[0].content).walk("VEVENT")[0]
    assert (event["STATUS"], event["SEQUENCE"]) == ("CANCELLED", 1)
    assert Calendar.from_ical(found.attachments[0].content)["METHOD"] == "CANCEL"
    assert found.attachments[0].content_type == "text/calendar; charset=utf-8; method=CANCEL"
    child = make_appointment(
        db, clinic, cast.child, state=AppointmentState.CANCELLED, booked_by_account_id=cast.guardian.id
    )
    found = facts(cancelled_facts(db, clock, settings, child.id))
    assert "visit for Tomas" in render_sms(settings, "appointment_cancelled", found).text
    assert "Tomás" in render_email(settings, "appointment_cancelled", found).subject


def test_portuguese_patients_read_their_own_names_of_days_and_services(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings
) -> None:
    cast.patient_person.language = "pt_PT"
    row = make_appointment(db, clinic, cast.patient_person)
    email = render_email(settings, "appointment_booked", facts(booked_facts(db, clock, settings, row.id)))
    assert "Quando: quinta-feira, 26 de novembro, 10:30" in email.text
    assert "Massagem" in email.text


@pytest.mark.parametrize("state", AppointmentState)
def test_what_is_no_longer_true_is_not_sent(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings, state: AppointmentState
) -> None:
    booked_at = None if state is AppointmentState.PROPOSED else THURSDAY
    row = make_appointment(db, clinic, cast.patient_person, state=state, booked_at=booked_at)
    unsaid = state in {AppointmentState.PROPOSED, AppointmentState.CANCELLED}
    assert (booked_facts(db, clock, settings, row.id) is None) is unsaid
    assert (cancelled_facts(db, clock, settings, row.id) is None) is (state is not AppointmentState.CANCELLED)
    clock.at = THURSDAY
    assert booked_facts(db, clock, settings, row.id) is None
    assert booked_facts(db, clock, settings, new_id()) is None


@pytest.mark.parametrize("day", [25, 26, 31])
def test_the_calendar_file_shows_the_facilitys_wall_clock_around_the_change(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings, day: int
) -> None:
    at = datetime(2026, 10, day, 10, 0, tzinfo=UTC)
    clock.at = at - timedelta(days=3)
    row = make_appointment(
        db, clinic, cast.patient_person, at=at, facility_id=clinic.azores.id, room_id=clinic.room_a.id
    )
    (attachment,) = facts(booked_facts(db, clock, settings, row.id)).attachments
    calendar = Calendar.from_ical(attachment.content)
    event = calendar.walk("VEVENT")[0]
    assert str(event["DTSTART"].params["TZID"]) == "Atlantic/Azores"
    assert event.decoded("DTSTART").astimezone(UTC) == at
    assert f"{event.decoded('DTSTART'):%H:%M}" == "09:00"
    assert [str(zone["TZID"]) for zone in calendar.walk("VTIMEZONE")] == ["Atlantic/Azores"]
    assert str(event["UID"]) == f"{row.id}@localhost"
    assert event["ORGANIZER"].startswith("mailto:")
