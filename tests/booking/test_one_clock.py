"""A visit's time is the clinic's wall clock everywhere: pages, SMS, e-mail, calendar files, desk and TV; at clock changes too.

Somebody from Lisbon has visits in Ponta Delgada, an hour behind, and the other way round: nobody's account, phone or
browser has a say in it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from icalendar import Calendar
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.links import visit_link_path
from clinic_portal.booking.models import Appointment
from clinic_portal.booking.queries import facts_of
from clinic_portal.booking.steps.reminders import KINDS
from clinic_portal.booking.use_cases.renew_calendar_feed import renew_calendar_feed
from clinic_portal.check_in.use_cases.mark_arrived import mark_arrived
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.ids import AppointmentId, FacilityId, TicketId
from clinic_portal.core.modes import Mode
from clinic_portal.core.settings import Settings
from clinic_portal.facilities.models import Facility
from clinic_portal.notifications.delivery import make_senders
from clinic_portal.notifications.models import Message
from clinic_portal.notifications.rules import MessageState
from clinic_portal.notifications.use_cases.sweep_outbox import sweep_outbox
from clinic_portal.practitioners.models import WeeklyHours
from clinic_portal.providers.inbox import InboxItem, clear_inbox, read_inbox
from clinic_portal.waiting_room import queries
from clinic_portal.waiting_room.rules import ScreenLabel
from clinic_portal.waiting_room.use_cases.call_ticket import call_ticket
from clinic_portal.waiting_room.use_cases.pair_screen import pair_screen
from tests.booking.test_hold_pages import post, press
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.page import Page, PortalClient, fold


@dataclass(frozen=True)
class Case:
    """A visit: what the wall shows, and which instant that is (written down, not computed)."""

    slug: str
    wall: str
    utc: str

    @property
    def local(self) -> datetime:
        return datetime.fromisoformat(self.wall)

    @property
    def start(self) -> datetime:
        return datetime.fromisoformat(self.utc).replace(tzinfo=UTC)

    @property
    def is_shown_twice(self) -> bool:
        """The hour that is repeated: none of the visits is at another night's."""
        return self.local.hour < 2 and self.local.month == 10

    @property
    def time(self) -> str:
        return f"{self.local:%H:%M}"

    @property
    def day_words(self) -> str:
        """In English."""
        return f"{self.local:%A} {self.local.day} {self.local:%B}"

    @property
    def short(self) -> str:
        """In an SMS."""
        return f"{self.local:%a} {self.local.day} {self.local:%b} {self.time}"


def of_one_change(before: str, on: str, after: str, *, to_winter: bool) -> Iterator[Case]:
    """The days around a change at 10:30, and the hour that is repeated or the first one after what is skipped."""
    summer, winter = {"lisbon": "09:30", "ponta-delgada": "10:30"}, {"lisbon": "10:30", "ponta-delgada": "11:30"}
    for slug in summer:
        first, then = (summer, winter) if to_winter else (winter, summer)
        yield Case(slug, f"{before} 10:30", f"{before} {first[slug]}")
        yield Case(slug, f"{on} 10:30", f"{on} {then[slug]}")
        yield Case(slug, f"{after} 10:30", f"{after} {then[slug]}")
    # Both clocks change at 01:00 UTC. What is repeated is shown the first time; before what is skipped comes no gap.
    if to_winter:
        yield Case("lisbon", f"{on} 01:30", f"{on} 00:30")
        yield Case("ponta-delgada", f"{on} 00:30", f"{on} 00:30")
    else:
        yield Case("lisbon", f"{on} 02:00", f"{on} 01:00")
        yield Case("ponta-delgada", f"{on} 01:00", f"{on} 01:00")


CASES = [
    *of_one_change("2026-03-28", "2026-03-29", "2026-03-30", to_winter=False),
    *of_one_change("2026-10-24", "2026-10-25", "2026-10-26", to_winter=True),
    *of_one_change("2027-03-27", "2027-03-28", "2027-03-29", to_winter=False),
    *of_one_change("2027-10-30", "2027-10-31", "2027-11-01", to_winter=True),
]


@dataclass
class Journey:
    """One visit and everybody who is told of it."""

    db: Session
    clock: FixedClock
    clinic: Clinic
    cast: Cast
    settings: Settings
    case: Case

    @property
    def place(self) -> Facility:
        return self.clinic.lisbon if self.case.slug == "lisbon" else self.clinic.azores

    @property
    def row(self) -> Appointment:
        return self.db.scalars(select(Appointment)).one()

    def sent(self) -> list[InboxItem]:
        """What goes out now: an SMS and an e-mail."""
        clear_inbox(self.settings.inbox_folder)
        sweep_outbox(self.db, self.clock, settings=self.settings, senders=make_senders(self.settings, self.clock.now))
        found = read_inbox(self.settings.inbox_folder)
        assert sorted(item.channel.value for item in found) == ["email", "sms"]
        return found


@pytest.fixture
def journey(
    db: Session,
    clock: FixedClock,
    clinic: Clinic,
    cast: Cast,
    settings: Settings,
    inbox: object,
    request: pytest.FixtureRequest,
) -> Journey:
    """Twelve days before the visit, at places that are open all night at week-ends."""
    case: Case = request.param
    clock.at = datetime(case.start.year, case.start.month, case.start.day, 9, 0, tzinfo=UTC) - timedelta(days=12)
    for who, place, room in (
        (clinic.ines, clinic.lisbon, clinic.room_1), (clinic.sofia, clinic.azores, clinic.room_a),
    ):  # fmt: skip
        db.add_all(
            WeeklyHours(
                practitioner_id=who.id, facility_id=place.id, room_id=room.id, mode=Mode.IN_PERSON, weekday=weekday,
                starts_minute=0, ends_minute=1440, valid_from=date(2020, 1, 1),
            )
            for weekday in (5, 6)
        )  # fmt: skip
    db.commit()
    return Journey(db, clock, clinic, cast, settings, case)


def says(text: str, case: Case) -> None:
    """The text names the visit's day and time, and no other time."""
    assert f"{case.day_words}, {case.time}" in text, text
    assert set(re.findall(r"\b\d\d:\d\d\b", text)) == {case.time}, text


def book(journey: Journey, client: PortalClient) -> Page:
    """Through the pages; returns the last one."""
    case = journey.case
    slot = f"{case.start:%Y-%m-%dT%H:%MZ}"
    times = client.page(
        f"/book/massage/times?practitioner=any&facility={case.slug}&from={case.local.date()}&mode=in_person"
    )
    (section,) = [
        one for one in times.all("section", class_="day")
        if any(button.get("value") == slot for button in one.iter("button"))
    ]  # fmt: skip
    (button,) = [one for one in section.iter("button") if one.get("value") == slot]
    assert fold("".join(next(section.iter("h2")).itertext())).startswith(case.day_words)
    assert (button.text or "").strip() == case.time
    check = press(client, times, slot)
    answers = client.page(check)
    assert f"{case.day_words}, {case.time}" in answers.text
    return client.page(post(client, check, patient_note=""))


def check_pages(journey: Journey, client: PortalClient) -> None:
    """The visit, the list, the page of a move, and what the link in a message opens."""
    row, case = journey.row, journey.case
    link = visit_link_path(journey.settings, facts_of(row))
    for page in (client.page(f"/visits/{row.id}"), client.page("/visits"), journey.cast.browser(None).page(link)):
        assert f"{case.day_words}, {case.time}" in page.text
        instants = {datetime.fromisoformat(one.get("datetime", "")) for one in page.all("time") if one.get("datetime")}
        assert case.start in instants
    assert f"{case.day_words}, {case.time}" in client.page(f"/visits/{row.id}/cancel").text


def check_messages(items: list[InboxItem], case: Case) -> None:
    """SMS; the e-mail's subject, text, page and file."""
    for item in items:
        assert not re.search(r"\b(today|tomorrow|tonight)\b", f"{item.subject} {item.text}", re.IGNORECASE)
        if item.channel.value == "sms":
            assert case.short in item.text
            assert re.findall(r"\b\d\d:\d\d\b", item.text) == [case.time]
        else:
            assert case.short in (item.subject or "")
            says(item.text, case)
            says(fold(re.sub(r"<style.*?</style>|<[^>]+>", " ", item.html or "", flags=re.DOTALL)), case)


def check_calendar(content: bytes, case: Case, place: Facility) -> None:
    """One event on the facility's clock, which is the same instant by the zone as the file spells it out."""
    calendar = Calendar.from_ical(content)
    (event,) = calendar.walk("VEVENT")
    start = event["DTSTART"]
    assert start.dt.astimezone(UTC) == case.start
    (spelled,) = [one for one in calendar.walk("VTIMEZONE") if one["TZID"] == place.tz]
    if case.is_shown_twice:
        # Half of the programs take it for the second time: the file says the instant.
        assert start.to_ical().endswith(b"Z")
    else:
        assert start.params["TZID"] == place.tz
        assert start.dt.replace(tzinfo=None) == case.local
        offset = spelled.to_tz(lookup_tzid=False).utcoffset(case.local)
        assert (case.local - offset).replace(tzinfo=UTC) == case.start
    assert event["DTEND"].dt.astimezone(UTC) == case.start + timedelta(minutes=30)


def check_reminders(journey: Journey) -> None:
    """Each is sent in the clinic's afternoon, or outside of its night, and names the clinic's time."""
    case = journey.case
    waiting = journey.db.scalars(
        select(Message).where(Message.kind.in_(KINDS), Message.state == MessageState.QUEUED)
    ).all()
    days = {(one.channel.value, (case.local.date() - local(one.due_at, journey.place).date()).days) for one in waiting}
    assert days == {("email", 7), ("email", 1), ("sms", 2)}
    for due_at in sorted({one.due_at for one in waiting}):
        assert 14 <= local(due_at, journey.place).hour <= 16, due_at
        journey.clock.at = due_at + timedelta(minutes=1)
        clear_inbox(journey.settings.inbox_folder)
        sweep_outbox(
            journey.db, journey.clock, settings=journey.settings,
            senders=make_senders(journey.settings, journey.clock.now),
        )  # fmt: skip
        items = read_inbox(journey.settings.inbox_folder)
        assert items
        check_messages(items, case)


def local(moment: datetime, place: Facility) -> datetime:
    """By the two offsets of the year, not by a zone's name: Lisbon 0 and +1, the Azores -1 and 0."""
    year = moment.year
    last_sundays = [
        max(date(year, month, day) for day in range(25, 32) if date(year, month, day).weekday() == 6)
        for month in (3, 10)
    ]
    starts, ends = (datetime(day.year, day.month, day.day, 1, tzinfo=UTC) for day in last_sundays)
    hours = (0 if place.slug == "lisbon" else -1) + (1 if starts <= moment < ends else 0)
    return moment + timedelta(hours=hours)


def check_clinic(journey: Journey, screen: PortalClient) -> None:
    """On the day: the desk's list, and the TV when the patient is called."""
    case, place, row = journey.case, journey.place, journey.row
    staff = journey.cast.receptionist if case.slug == "lisbon" else journey.cast.far_receptionist
    desk, facility_id = journey.cast.browser(staff), FacilityId(place.id)
    line = f"v-{row.id}"
    (there,) = [
        one for one in desk.page(f"/desk/{case.slug}?day={case.local.date()}").all("tr") if one.get("id") == line
    ]
    assert fold("".join(next(there.iter("td")).itertext())) == case.time
    for beside in (case.local.date() - timedelta(days=1), case.local.date() + timedelta(days=1)):
        assert line not in desk.page(f"/desk/{case.slug}?day={beside}").html
    journey.clock.at = case.start
    assert case.day_words in desk.page(f"/desk/{case.slug}").text
    code = screen.page("/tv").one("p", class_="tv-code").get("aria-label", "").replace(" ", "")
    ask = {"facility_id": facility_id, "actor": staff.actor()}
    pair_screen(journey.db, journey.clock, code=code, label=ScreenLabel("Waiting room", "en"), **ask)
    mark_arrived(journey.db, journey.clock, appointment_id=AppointmentId(row.id), **ask)
    ticket = queries.ticket_of_appointment(journey.db, AppointmentId(row.id))
    assert ticket is not None
    for is_called in (False, True):
        if is_called:
            call_ticket(journey.db, journey.clock, ticket_id=TicketId(ticket.id), **ask)
        board = screen.page("/tv")
        assert "Marta A." in board.text
        (face,) = [one for one in board.all("time") if "data-clock-face" in one.attrib]
        assert face.text == case.time
        assert board.one("div", id="board").get("data-clock") == f"{case.time}:00"


@pytest.mark.parametrize("journey", CASES, indirect=True, ids=[f"{case.slug} {case.wall}" for case in CASES])
def test_everything_says_the_clinics_time(journey: Journey, client: PortalClient) -> None:
    case, patient = journey.case, journey.cast.browser(journey.cast.patient)
    booked = book(journey, patient)
    assert f"{case.day_words}, {case.time}" in booked.text
    assert journey.row.starts_at == case.start
    check_pages(journey, patient)
    items = journey.sent()
    check_messages(items, case)
    (attached,) = [file.content for item in items for file in item.attachments if item.channel.value == "email"]
    feed = renew_calendar_feed(journey.db, journey.clock, actor=journey.cast.patient.actor(), settings=journey.settings)
    downloaded = patient.get(f"/visits/{journey.row.id}/calendar.ics").data
    for content in (attached, downloaded, client.get(f"/calendar/{feed}.ics").data):
        check_calendar(content, case, journey.place)
    check_reminders(journey)
    check_clinic(journey, client)


@pytest.mark.usefixtures("clinic")
def test_today_and_tomorrow_are_the_clinics_days(clock: FixedClock, client: PortalClient) -> None:
    """Half an hour after midnight in Lisbon it is still Monday in the Azores."""
    clock.at = datetime(2026, 11, 24, 0, 30, tzinfo=UTC)
    for slug, title in (("lisbon", "Today, Tuesday 24 November"), ("ponta-delgada", "Tomorrow, Tuesday 24 November")):
        page = client.page(f"/book/massage/times?practitioner=any&facility={slug}&mode=in_person")
        first = page.all("section", class_="day")[0]
        assert fold("".join(next(first.iter("h2")).itertext())).startswith(title)
