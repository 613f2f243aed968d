"""An online visit from the first page to the calendar: no address, no room, how to join, on whose clock."""

from datetime import timedelta

import pytest
from icalendar import Calendar
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.calendar import calendar_file
from clinic_portal.booking.links import visit_link_path
from clinic_portal.booking.messages import booked_facts
from clinic_portal.booking.models import Appointment
from clinic_portal.booking.queries import describe, facts_of
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.booking.steps.series import SeriesChoice
from clinic_portal.booking.use_cases.accept_offer import accept_offer
from clinic_portal.booking.use_cases.book_series import book_series
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.ids import FacilityId, OfferId, PatientId, PractitionerId, ServiceId
from clinic_portal.core.modes import Mode
from clinic_portal.core.settings import Settings
from clinic_portal.dependents.models import Relationship
from clinic_portal.dependents.rules import RelationshipKind
from clinic_portal.notifications.rendering import render_email, render_sms
from tests.booking.factory import THURSDAY, make_appointment
from tests.booking.online import work_online
from tests.booking.test_hold_pages import press
from tests.booking.waiting import free_a_time, join, offer_all, offers
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.page import Page, PortalClient

ROOM = "https://meet.example.org/ines"
CALLED = "We call you on the phone number you gave us, at this time."
SEVEN = THURSDAY.replace(hour=19, minute=0)
ONLINE = {"mode": Mode.ONLINE, "room_id": None}


@pytest.fixture(params=[ROOM, None], ids=["by video", "by phone"])
def room(request: pytest.FixtureRequest, db: Session, clinic: Clinic) -> str | None:
    """Where Inês meets patients online."""
    url: str | None = request.param
    clinic.ines.meeting_url = url
    work_online(db, clinic)
    return url


def check_words(page: Page, *, has_address: bool = False) -> None:
    assert "Online, by video or phone" in page.text
    assert "Lisbon time" in page.text
    assert ("Rua das Flores" in page.text) == has_address
    assert "Room" not in page.text


def test_it_is_booked_and_joined(cast: Cast, clinic: Clinic, db: Session, settings: Settings, room: str | None) -> None:
    client = cast.browser(cast.patient)
    page = client.page(f"/book/massage/times?practitioner=any&mode=online&patient={cast.patient_person.id}")
    path = press(client, page, "2026-11-26T19:00Z")
    check = client.page(path)
    check_words(check)
    response = client.post(path, data=check.fields(-2))
    assert response.status_code == 303
    booked = client.page(response.location)
    check_words(booked)
    assert "The screen calls you" not in booked.text
    row = db.scalars(select(Appointment)).one()
    assert (row.state, row.mode, row.room_id) == (AppointmentState.BOOKED, Mode.ONLINE, None)
    for path in (f"/visits/{row.id}", visit_link_path(settings, facts_of(row))):
        shown = client.page(path)
        check_words(shown)
        assert (ROOM in shown.links()) == (room is not None)
        assert (CALLED in shown.text) == (room is None)
    # The clinics' addresses stand at the foot of the home page.
    check_words(client.page("/visits"))
    home = client.page("/")
    check_words(home, has_address=True)
    assert "19:00 (Lisbon time)" in home.text.replace("\N{NO-BREAK SPACE}", " "), "the clock stands beside the hour"


def test_a_cancelled_one_cannot_be_joined(cast: Cast, clinic: Clinic, db: Session, room: str | None) -> None:
    row = make_appointment(db, clinic, cast.patient_person, at=SEVEN, state=AppointmentState.CANCELLED, **ONLINE)
    page = cast.browser(cast.patient).page(f"/visits/{row.id}")
    assert ROOM not in page.links()
    assert CALLED not in page.text


def test_messages_and_the_calendar_say_how(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings, room: str | None
) -> None:
    row = make_appointment(db, clinic, cast.patient_person, at=SEVEN, **ONLINE)
    facts = booked_facts(db, clock, settings, row.id)
    assert facts is not None
    email, sms = render_email(settings, "appointment_booked", facts), render_sms(settings, "appointment_booked", facts)
    for body in (email.text, email.html or ""):
        assert "Thursday 26 November, 19:00 (Lisbon time)" in body
        assert "online, by video or phone" in body
        assert (ROOM in body) == (room is not None)
        assert (CALLED in body) == (room is None)
        assert "ten minutes early" not in body
        assert "Second floor" not in body
    assert "booked for Thu 26 Nov 19:00, online, Lisbon time." in sms.text
    (visit,) = describe(db, [facts_of(row)])
    file = calendar_file(visit, settings=settings, language="en", now=clock.now())
    assert Calendar.from_ical(file).walk("VEVENT")[0]["LOCATION"] == (room or "Online")


def test_who_waits_for_an_online_time_is_offered_no_other(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    work_online(db, clinic)
    entry = join(db, clock, clinic, cast.patient, cast.patient_person, mode=Mode.ONLINE)
    in_person = free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person)
    assert offer_all(db, clock, in_person) == 0
    online = free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person, at=SEVEN, **ONLINE)
    assert offer_all(db, clock, online) == 1
    (offer,) = offers(db)
    taken = accept_offer(db, clock, offer_id=OfferId(offer.id))
    assert (taken.mode, taken.room_id, entry.mode) == (Mode.ONLINE, None, Mode.ONLINE)


def test_who_waits_to_come_is_offered_no_online_time(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    work_online(db, clinic)
    join(db, clock, clinic, cast.patient, cast.patient_person)
    online = free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person, at=SEVEN, **ONLINE)
    assert offer_all(db, clock, online) == 0


def test_the_waiting_list_asks_how_to_meet_only_where_there_is_a_choice(
    cast: Cast, clinic: Clinic, db: Session
) -> None:
    client, path = cast.browser(cast.patient), "/book/massage/waiting-list?mode=online"
    assert "How would you like to meet?" not in client.page(path).text
    work_online(db, clinic)
    page = client.page(path)
    assert page.one("input", name="mode", checked="").get("value") == "online"
    response = client.post(path, data=page.fields() | {"mode": "online", "facility": "lisbon"})
    assert response.status_code == 303, response.get_data(as_text=True)[:3000]
    assert "Online" in client.page(response.location).text


def test_sessions_of_an_online_series_are_online(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    work_online(db, clinic)
    starts = (SEVEN, SEVEN + timedelta(days=7))
    choice = SeriesChoice(
        ServiceId(clinic.massage.id), FacilityId(clinic.lisbon.id), PractitionerId(clinic.ines.id),
        PatientId(cast.patient_person.id), starts, 1, Mode.ONLINE,
    )  # fmt: skip
    book_series(db, clock, choice=choice, actor=cast.patient.actor())
    rows = db.scalars(select(Appointment)).all()
    assert {(row.mode, row.room_id) for row in rows} == {(Mode.ONLINE, None)}
    assert len(rows) == 2


def test_a_series_is_planned_online_when_it_was_asked_for(client: PortalClient, clinic: Clinic, db: Session) -> None:
    work_online(db, clinic)
    wish = client.page("/book/massage/series?mode=online&practitioner=any&facility=lisbon")
    assert wish.fields()["mode"] == "online"
    plan = client.page(
        "/book/massage/series/plan?mode=online&practitioner=any&facility=lisbon&count=2&per_week=1&at=any&first=2026-11-23"
    )
    assert "19:00" in plan.text
    assert "10:30" not in plan.text
    assert client.get("/book/shock-waves/series?mode=online").status_code == 404


def test_the_desk_books_an_online_visit_for_who_asks_for_one(cast: Cast, clinic: Clinic, db: Session) -> None:
    work_online(db, clinic)
    make_appointment(db, clinic, cast.patient_person, at=THURSDAY - timedelta(days=30))
    desk, home = cast.browser(cast.receptionist), f"/desk/lisbon/book/{cast.patient_person.id}/massage"
    page = desk.page(f"{home}?from=2026-11-26")
    assert "2026-11-26T19:00Z" not in [button.get("value") for button in page.all("button", name="slot")]
    (link,) = [link for link in page.links() if "mode=online" in link]
    online = desk.page(link)
    check = press(desk, online, "2026-11-26T19:00Z")
    shown = desk.page(check)
    assert "Online, by video or phone" in shown.text
    response = desk.post(check, data=shown.fields())
    assert response.status_code == 303
    row = db.scalars(select(Appointment).where(Appointment.starts_at == SEVEN)).one()
    assert (row.mode, row.room_id) == (Mode.ONLINE, None)
    visit = desk.page(response.location)
    assert "We call the patient." in visit.text
    assert "Lisbon, online" in visit.text


def test_the_desk_phones_who_booked_for_a_child(cast: Cast, clinic: Clinic, db: Session) -> None:
    """Not who else acts for it: they were told that we call them. What they typed at first need not be confirmed."""
    work_online(db, clinic)
    carer = Relationship(account_id=cast.stranger.id, patient_id=cast.child.id, kind=RelationshipKind.CARER)
    db.add(carer)
    cast.stranger.phone_confirmed_at = None
    row = make_appointment(db, clinic, cast.child, at=SEVEN, booked_by_account_id=cast.stranger.id, **ONLINE)
    visit = cast.browser(cast.receptionist).page(f"/desk/lisbon/visits/{row.id}")
    assert [one.get("href") for one in visit.all("a") if (one.get("href") or "").startswith("tel:+3519")] == [
        f"tel:{cast.stranger.phone}"
    ]
