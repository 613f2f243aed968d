"""What calendar programs stumble over: zones, the hour that comes twice, empty feeds, long words.

Found with ical.js (Thunderbird, Nextcloud), node-ical, vobject, khal, vdirsyncer and libical, and in what others report of
Outlook, Google and Apple: docs/after-booking.md.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar, Event, Timezone
from sqlalchemy.orm import Session

from clinic_portal.booking.calendar import calendar_file
from clinic_portal.booking.calendar_zones import spelled_out
from clinic_portal.booking.queries import describe, facts_of
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.settings import Settings
from tests.booking.calendar_reading import changes_spelled, offset_spelled
from tests.booking.factory import THURSDAY, make_appointment
from tests.booking.test_renew_calendar_feed import address
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.page import PortalClient

HALF_AN_HOUR = timedelta(minutes=30)
#: Every letter that means something in a file, letters of two to four bytes, and glyphs of several letters.
LONG = 'Fisioterapia músculo-esquelética; avaliação, massagem \\ "VIP" 👩‍⚕️💆🏽‍♀️ até às 18:00, ' * 3


@pytest.mark.parametrize(
    "tz",
    ["Europe/Lisbon", "Atlantic/Azores", "Atlantic/Madeira", "America/New_York", "Asia/Dubai", "Africa/Casablanca"],
)
@pytest.mark.parametrize(("first", "last"), [(2026, 2026), (2026, 2027)])
def test_a_zone_is_spelled_as_it_is(tz: str, first: int, last: int) -> None:
    # Dubai never changes its clocks; Casablanca does for Ramadan, on other days every year.
    zone, real = spelled_out(tz, first, last), ZoneInfo(tz)
    assert str(zone["TZID"]) == tz
    changes, moment = changes_spelled(zone), datetime(first, 1, 1, 12, tzinfo=UTC)
    while moment.year <= last:
        local = moment.astimezone(real)
        # Of the hour that comes twice, programs have different opinions: no file names it.
        if local.replace(fold=0).utcoffset() == local.replace(fold=1).utcoffset():
            assert offset_spelled(changes, local.replace(tzinfo=None)) == local.utcoffset(), local
        moment += HALF_AN_HOUR


@pytest.mark.parametrize("day", [date(2026, 10, 25), date(2027, 3, 28), date(2027, 10, 31)])
def test_a_visit_in_the_night_of_a_change_is_one_instant_to_everybody(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings, day: date
) -> None:
    far = {"facility_id": clinic.azores.id, "room_id": clinic.room_a.id, "practitioner": clinic.sofia}
    rows = [make_appointment(db, clinic, cast.patient_person), make_appointment(db, clinic, cast.child, **far)]
    for visit in describe(db, [facts_of(row) for row in rows]):
        for minutes in range(-75, 135, 15):
            # Both clocks change at 01:00 UTC.
            start = datetime(day.year, day.month, day.day, 1, tzinfo=UTC) + timedelta(minutes=minutes)
            times = {"starts_at": start, "ends_at": start + HALF_AN_HOUR}
            moved = replace(visit, appointment=replace(visit.appointment, **times))
            content = calendar_file(moved, settings=settings, language="en", now=clock.now())
            (event,), (zone,) = (Calendar.from_ical(content).walk(name) for name in ("VEVENT", "VTIMEZONE"))
            read = [instant(event, name, zone) for name in ("DTSTART", "DTEND")]
            assert read == list(times.values())
            assert ("TZID" in event["DTSTART"].params) == ("TZID" in event["DTEND"].params)


def instant(event: Event, name: str, zone: Timezone) -> datetime:
    """Read a time by the zone of the file; of a time that comes twice, nobody knows which it is."""
    stated: datetime = event.decoded(name)
    if "TZID" not in event[name].params:
        return stated
    wall, real = stated.replace(tzinfo=None), ZoneInfo(str(zone["TZID"]))
    assert len({wall.replace(tzinfo=real, fold=fold).utcoffset() for fold in (0, 1)}) == 1
    return (wall - offset_spelled(changes_spelled(zone), wall)).replace(tzinfo=UTC)


@pytest.mark.parametrize("who", ["patient", "doctor"])
def test_a_feed_without_visits_is_a_calendar(
    db: Session, clock: FixedClock, cast: Cast, client: PortalClient, settings: Settings, who: str
) -> None:
    calendar = Calendar.from_ical(client.get(address(db, clock, settings, getattr(cast, who))).data)
    # RFC 5545, 3.6: at least one component; some programs refuse what has none.
    assert [part.name for part in calendar.subcomponents] == ["VTIMEZONE"]
    assert str(calendar["X-WR-CALNAME"]) == "Clínica Ribeira"


def test_a_feed_says_how_it_is_called_and_how_often_to_come_back(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, client: PortalClient, settings: Settings
) -> None:
    make_appointment(db, clinic, cast.patient_person)
    make_appointment(db, clinic, cast.patient_person, at=THURSDAY + timedelta(days=200))
    path = address(db, clock, settings, cast.patient)
    answer = client.get(path)
    # Of several years as well, one rule for each of the year's changes.
    assert (answer.data.count(b"RRULE"), answer.data.count(b"RDATE")) == (2, 0)
    head = answer.data.partition(b"BEGIN:VTIMEZONE")[0].decode().splitlines()
    assert head == [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Clínica Ribeira//clinic-portal//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        "X-WR-CALNAME:Clínica Ribeira",
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
        "X-PUBLISHED-TTL:PT1H",
    ]
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    asked = client.head(path)
    assert (asked.status_code, asked.data) == (200, b"")
    for name in ("Content-Type", "Content-Length", "ETag"):
        assert asked.headers[name] == answer.headers[name]
    assert client.head(path, headers={"If-None-Match": asked.headers["ETag"]}).status_code == 304


def test_lines_are_short_and_words_come_back_whole(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, client: PortalClient, settings: Settings
) -> None:
    clinic.massage.names = {"en": LONG, "pt_PT": LONG}
    clinic.ines.meeting_url = "https://meet.example.org/room?with=1,2;and=3"
    db.merge(clinic.massage)
    db.merge(clinic.ines)
    make_appointment(db, clinic, cast.patient_person, mode="online", room_id=None)
    content = client.get(address(db, clock, settings, cast.patient)).data
    assert content.endswith(b"END:VCALENDAR\r\n")
    lines = content.removesuffix(b"\r\n").split(b"\r\n")
    assert not [line for line in lines if len(line) > 75 or b"\n" in line or b"\r" in line]
    for line in lines:
        line.decode()  # No letter is torn.
    (event,) = Calendar.from_ical(content).walk("VEVENT")
    assert str(event["SUMMARY"]) == f"{LONG}, Clínica Ribeira"
    assert str(event["LOCATION"]) == "https://meet.example.org/room?with=1,2;and=3"
