"""Private calendar addresses: what they show, to whom, for how long."""

from datetime import UTC, datetime, timedelta

import pytest
from icalendar import Calendar
from sqlalchemy.orm import Session

from clinic_portal.booking.models import CalendarFeed
from clinic_portal.booking.queries.staff import MOVED, MOVED_BY_CLINIC
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.booking.steps import NewTime, move_visit
from clinic_portal.booking.use_cases.renew_calendar_feed import renew_calendar_feed
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import AppointmentId, FacilityId
from clinic_portal.core.settings import Settings
from tests.booking.calendar_reading import changes_spelled, offset_spelled
from tests.booking.factory import THURSDAY, make_appointment, set_rules
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.page import PortalClient

#: Sundays on which the clocks change, and the days around them.
CHANGES = [datetime(2026, 10, day, 10, 0, tzinfo=UTC) for day in (24, 25, 26)] + [
    datetime(2027, 3, day, 10, 0, tzinfo=UTC) for day in (27, 28, 29)
]


def address(db: Session, clock: FixedClock, settings: Settings, account: object) -> str:
    return f"/calendar/{renew_calendar_feed(db, clock, actor=account.actor(), settings=settings)}.ics"  # type: ignore[attr-defined]


def events(client: PortalClient, path: str) -> list:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.mimetype == "text/calendar"
    return Calendar.from_ical(answer.data).walk("VEVENT")


def test_a_patients_feed_has_everybody_for_whom_they_book(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, client: PortalClient, settings: Settings
) -> None:
    own = make_appointment(db, clinic, cast.guardian_person, sequence=2)
    childs = make_appointment(db, clinic, cast.child, at=THURSDAY + timedelta(hours=2))
    make_appointment(db, clinic, cast.stranger_person, at=THURSDAY + timedelta(hours=3))
    make_appointment(
        db, clinic, cast.guardian_person, at=THURSDAY + timedelta(hours=4), state=AppointmentState.CANCELLED
    )
    make_appointment(db, clinic, cast.guardian_person, at=clock.now() - timedelta(days=40))
    found = events(client, address(db, clock, settings, cast.guardian))
    assert [(str(one["UID"]), str(one["SUMMARY"])) for one in found] == [
        (f"{own.id}@localhost", "Massage, Clínica Ribeira"),
        (f"{childs.id}@localhost", "Tomás: Massage, Clínica Ribeira"),
    ]
    assert found[0]["SEQUENCE"] == 2


@pytest.mark.parametrize("reason", [MOVED, MOVED_BY_CLINIC])
def test_a_change_is_told_by_number_and_by_when_it_was_made(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, client: PortalClient, settings: Settings, reason: str
) -> None:
    row = make_appointment(db, clinic, cast.patient_person)
    path = address(db, clock, settings, cast.patient)
    (before,) = events(client, path)
    clock.advance(timedelta(hours=2))
    to = NewTime(FacilityId(clinic.lisbon.id), THURSDAY + timedelta(hours=1))
    with transaction(db):
        move_visit(db, clock, appointment_id=AppointmentId(row.id), actor=cast.patient.actor(), to=to, reason=reason)
    clock.advance(timedelta(hours=2))
    (after,) = events(client, path)
    assert (before["UID"], before["SEQUENCE"], before["DTSTAMP"].dt) == (after["UID"], 0, row.booked_at)
    assert (after["SEQUENCE"], after["DTSTAMP"].dt) == (1, clock.now() - timedelta(hours=2))


def test_a_practitioners_feed_shows_initials_and_nobody_elses_days(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, client: PortalClient, settings: Settings
) -> None:
    row = make_appointment(db, clinic, cast.patient_person, patient_note="my knee")
    make_appointment(db, clinic, cast.stranger_person, practitioner=clinic.rui)
    path = address(db, clock, settings, cast.doctor)
    (event,) = events(client, path)
    assert (str(event["SUMMARY"]), str(event["DESCRIPTION"])) == ("M. A.", row.reference)
    body = client.get(path).get_data(as_text=True)
    for secret in ("Marta", "Araújo", "knee", "Massage", "+351912345601"):
        assert secret not in body


@pytest.mark.parametrize("at", CHANGES)
def test_both_zones_keep_their_wall_clock_over_both_changes(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, client: PortalClient, settings: Settings, at: datetime
) -> None:
    clock.at = at - timedelta(days=10)
    make_appointment(db, clinic, cast.patient_person, at=at)
    far = {"facility_id": clinic.azores.id, "room_id": clinic.room_a.id, "practitioner": clinic.sofia}
    make_appointment(db, clinic, cast.patient_person, at=at + timedelta(hours=2), **far)
    path = address(db, clock, settings, cast.patient)
    calendar = Calendar.from_ical(client.get(path).data)
    lisbon, azores = calendar.walk("VEVENT")
    is_summer = at < datetime(2026, 10, 25, tzinfo=UTC) or at >= datetime(2027, 3, 28, tzinfo=UTC)
    assert f"{lisbon.decoded('DTSTART'):%H:%M}" == ("11:00" if is_summer else "10:00")
    assert f"{azores.decoded('DTSTART'):%H:%M}" == ("12:00" if is_summer else "11:00")
    # By the zones as the file itself spells them out, for programs that know no names of zones.
    spelled = {str(zone["TZID"]): changes_spelled(zone) for zone in calendar.walk("VTIMEZONE")}
    assert spelled.keys() == {"Europe/Lisbon", "Atlantic/Azores"}
    for event, start in ((lisbon, at), (azores, at + timedelta(hours=2))):
        wall = event.decoded("DTSTART").replace(tzinfo=None)
        assert wall - offset_spelled(spelled[event["DTSTART"].params["TZID"]], wall) == start.replace(tzinfo=None)


def test_a_program_that_has_it_already_is_told_so(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, client: PortalClient, settings: Settings
) -> None:
    row = make_appointment(db, clinic, cast.patient_person)
    path = address(db, clock, settings, cast.patient)
    first = client.get(path)
    assert "Set-Cookie" not in first.headers
    assert first.headers["Cache-Control"] == "private, no-cache"
    clock.advance(timedelta(hours=1))
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    row.sequence, row.starts_at, row.ends_at = 1, row.starts_at + timedelta(hours=1), row.ends_at + timedelta(hours=1)
    row.busy_from, row.busy_until = row.starts_at, row.ends_at
    db.commit()
    moved = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert moved.status_code == 200
    assert b"SEQUENCE:1" in moved.data


def test_a_renewed_address_is_nobodys_at_once(
    db: Session, clock: FixedClock, cast: Cast, client: PortalClient, settings: Settings
) -> None:
    old = address(db, clock, settings, cast.patient)
    new = address(db, clock, settings, cast.patient)
    assert client.get(old).status_code == 404
    assert client.get(new).status_code == 200
    assert client.get("/calendar/nobody.ics").status_code == 404
    set_rules(db, cast.patient, ended_at=clock.now())
    assert client.get(new).status_code == 404


@pytest.mark.parametrize("who", ["patient", "doctor"])
def test_the_page_gives_the_address_and_renews_it(cast: Cast, client: PortalClient, who: str) -> None:
    browser = cast.browser(getattr(cast, who))
    assert "/account/calendar" in browser.page("/account").links()
    page = browser.page("/account/calendar")
    assert "You have no such address yet." in page.text
    seen = []
    for _ in range(2):
        assert browser.post("/account/calendar", data=page.fields()).status_code == 303
        page = browser.page("/account/calendar")
        assert ("The old one no longer works." in page.text) is bool(seen)
        seen.append(page.one("input", id="address").get("value", "").removeprefix("http://localhost"))
    assert [client.get(path).status_code for path in seen] == [404, 200]
    assert page.links().count(f"webcal://localhost{seen[1]}") == 1


def test_who_treats_nobody_has_no_calendar(db: Session, clock: FixedClock, cast: Cast, settings: Settings) -> None:
    with pytest.raises(NotFound):
        renew_calendar_feed(db, clock, actor=cast.receptionist.actor(), settings=settings)
    assert cast.browser(cast.receptionist).get("/account/calendar").status_code == 404


def test_the_table_opens_nothing(db: Session, clock: FixedClock, cast: Cast, settings: Settings) -> None:
    token = renew_calendar_feed(db, clock, actor=cast.patient.actor(), settings=settings)
    row = db.get_one(CalendarFeed, cast.patient.id)
    assert token not in f"{row.seed} {row.token_hash}"
    assert len(token) == 32
