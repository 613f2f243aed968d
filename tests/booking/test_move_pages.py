"""Moving a visit on its pages, from the account and from the link: choose, check, press; until then nothing changes."""

from datetime import timedelta

import pytest
from sqlalchemy import delete
from sqlalchemy.orm import Session

from clinic_portal.booking.links import visit_link_path
from clinic_portal.booking.models import Appointment
from clinic_portal.booking.queries import facts_of
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.settings import Settings
from clinic_portal.practitioners.models import WeeklyHours
from tests.booking.factory import THURSDAY, make_appointment, move_meanwhile, set_rules
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.page import Page, PortalClient, press
from tests.support.world import snapshot

LATER = "2026-11-26T15:30Z"


@pytest.fixture
def booked(db: Session, clinic: Clinic, cast: Cast) -> Appointment:
    return make_appointment(db, clinic, cast.patient_person)


@pytest.fixture(params=["account", "link"])
def mover(
    request: pytest.FixtureRequest, cast: Cast, settings: Settings, booked: Appointment
) -> tuple[PortalClient, str]:
    """A browser, and the address of the visit in it."""
    if request.param == "account":
        return cast.browser(cast.patient), f"/visits/{booked.id}"
    return cast.browser(None), visit_link_path(settings, facts_of(booked))


Mover = tuple[PortalClient, str]


def slots(page: Page) -> list[str]:
    return [button.get("value", "") for button in page.all("button") if button.get("name") == "slot"]


def test_choose_check_press(db: Session, mover: Mover, booked: Appointment, clinic: Clinic) -> None:
    client, home = mover
    before = snapshot(db)
    page = client.page(f"{home}/move?from=2026-11-26")
    assert page.h1 == "Choose a new time"
    assert "Thursday 26 November, 10:30" in page.text
    assert LATER in slots(page)
    assert "2026-11-26T10:30Z" not in slots(page), "the time that it has is none to choose"
    check = press(client, page, f"{home}/move?from=2026-11-26", slot=LATER)
    assert check.h1 == "Check the new time"
    for words in ("Thursday 26 November, 15:30", "Thursday 26 November, 10:30", "Inês Carvalho", "Move the visit"):
        assert words in check.text
    assert snapshot(db) == before, "nothing changes before the last press"
    address = check.response.request.full_path
    for _ in range(2):
        done = press(client, check, address)
        assert done.h1 == "Thursday 26 November, 15:30"
        assert "Your visit has moved." in done.text
    db.expire_all()
    row = db.get_one(Appointment, booked.id)
    assert (row.starts_at, row.sequence) == (THURSDAY + timedelta(hours=5), 1)
    assert "Your visit has moved." not in client.page(home).text
    # Back: nobody else took the time; also when it is too late by now to move it once more.
    set_rules(db, clinic.massage, change_cutoff_minutes=7 * 1440)
    assert client.page(address).response.request.path == home


def test_the_list_is_that_of_booking(mover: Mover) -> None:
    client, home = mover
    page = client.page(f"{home}/move?part=afternoon&from=2026-11-26&practitioner=any")
    assert all(slot[11:13] >= "12" for slot in slots(page))
    for words in ("Morning", "Show later days", "with any practitioner", "Come to Ponta Delgada", "Call us"):
        assert words in page.text
    fragment = client.fragment(f"{home}/move?part=afternoon&from=2026-11-26&practitioner=any")
    assert [part for part in fragment.all("div") if part.get("id") == "times"]
    assert slots(fragment) == slots(page)
    azores = client.page(f"{home}/move?practitioner=any&facility=ponta-delgada")
    assert "Ponta Delgada" in azores.text
    check = press(client, azores, f"{home}/move?practitioner=any&facility=ponta-delgada", slot=slots(azores)[0])
    assert "Sofia Pinto or a colleague" in check.text


@pytest.fixture
def far(db: Session, clinic: Clinic, cast: Cast) -> Appointment:
    """A visit that is weeks ahead."""
    return make_appointment(db, clinic, cast.patient_person, at=THURSDAY + timedelta(days=14))


def to_days(page: Page) -> dict[str, str]:
    """Where the links to other days lead."""
    links = {
        "".join(link.itertext()).replace("\N{NO-BREAK SPACE}", " "): link.get("href", "") for link in page.all("a")
    }
    return {words: path for words, path in links.items() if words.startswith(("Days around", "The first free"))}


def first_day(page: Page) -> str:
    return min(slots(page))[:10]


@pytest.mark.parametrize("way", ["account", "link", "desk"])
def test_days_around_a_visit_weeks_ahead_are_one_press_away_and_so_are_the_first(
    cast: Cast, settings: Settings, far: Appointment, way: str
) -> None:
    client, home = {
        "account": (cast.browser(cast.patient), f"/visits/{far.id}"),
        "link": (cast.browser(None), visit_link_path(settings, facts_of(far))),
        "desk": (cast.browser(cast.receptionist), f"/desk/lisbon/visits/{far.id}"),
    }[way]
    page = client.page(f"{home}/move?part=afternoon")
    assert first_day(page) < "2026-11-30"
    ((words, path),) = to_days(page).items()
    assert words == "Days around Thursday 10 December"
    around = client.page(path)
    assert first_day(around) == "2026-12-07"
    assert all(slot[11:13] >= "12" for slot in slots(around)), "the part of the day is kept"
    ((words, path),) = to_days(around).items()
    assert words == "The first free days"
    (morning,) = [link.get("href", "") for link in around.all("a") if link.get("id") == "part-morning"]
    assert first_day(client.page(morning)) == "2026-12-07", "another part is of the same days"
    assert slots(client.page(path)) == slots(page)
    assert len(to_days(client.page(f"{home}/move?from=2026-12-01"))) == 2


def test_a_visit_of_the_days_shown_needs_no_way_to_them(mover: Mover) -> None:
    client, home = mover
    assert not to_days(client.page(f"{home}/move"))
    assert list(to_days(client.page(f"{home}/move?from=2026-12-01"))) == ["The first free days"]


def test_no_days_are_shown_around_a_visit_past_the_calendar(db: Session, clinic: Clinic, cast: Cast) -> None:
    """Staff book as far ahead as they like."""
    row = make_appointment(db, clinic, cast.patient_person, at=THURSDAY + timedelta(days=140))
    client, home = cast.browser(cast.patient), f"/visits/{row.id}"
    assert not to_days(client.page(f"{home}/move"))


def test_no_free_time_is_said_of_the_days_that_were_looked_at(db: Session, clinic: Clinic, mover: Mover) -> None:
    client, home = mover
    db.execute(delete(WeeklyHours))
    db.commit()
    page = client.page(f"{home}/move?from=2026-12-01")
    assert "There is no free time from Tuesday 1 December until Sunday 21 February" in page.text
    assert "There is no free time until Sunday 21 February" in client.page(f"{home}/move").text


def test_when_somebody_was_faster_the_nearest_times_are_shown_and_the_visit_stays(
    db: Session, mover: Mover, clinic: Clinic, cast: Cast, booked: Appointment
) -> None:
    client, home = mover
    page = client.page(f"{home}/move?from=2026-11-26")
    check = press(client, page, f"{home}/move?from=2026-11-26", slot=LATER)
    make_appointment(db, clinic, cast.stranger_person, at=THURSDAY + timedelta(hours=5))
    for address, form in ((check.response.request.full_path, {}), (f"{home}/move?from=2026-11-26", {"slot": LATER})):
        lost = press(client, check, address, status=409, **form)
        assert "Someone else has just taken this time" in lost.text
        assert "Your visit stays as it was" in lost.text
        alert = lost.one("div", role="alert")
        assert len([button for button in alert.iter("button") if button.get("name") == "slot"]) == 3
    db.expire_all()
    assert db.get_one(Appointment, booked.id).starts_at == THURSDAY


def test_no_time_pressed_is_said(mover: Mover) -> None:
    client, home = mover
    page = client.page(f"{home}/move")
    for slot in ("", "tomorrow", "2026-11-26T10:30"):
        assert "Choose one of the times below." in press(client, page, f"{home}/move", status=422, slot=slot).text
    assert client.page(f"{home}/move/check").response.request.path == f"{home}/move"


def test_before_the_press_it_says_until_when_the_new_time_can_be_changed(
    db: Session, mover: Mover, clock: FixedClock, clinic: Clinic
) -> None:
    client, home = mover
    set_rules(db, clinic.massage, change_cutoff_minutes=24 * 60, notice_minutes=0)
    page = client.page(f"{home}/move?from=2026-11-23")
    for slot, words in (
        (slots(page)[0], "once it is moved, you cannot move or cancel it here any more"),
        (LATER, "You can move or cancel it here until Wednesday 25 November, 15:30."),
    ):
        assert words in press(client, page, f"{home}/move", slot=slot).text.replace("\N{NO-BREAK SPACE}", " ")


def test_after_the_cut_off_it_says_how_late_it_is_and_whom_to_phone(
    db: Session, clock: FixedClock, mover: Mover, clinic: Clinic
) -> None:
    client, home = mover
    set_rules(db, clinic.massage, change_cutoff_minutes=24 * 60)
    assert "until Wednesday 25 November, 10:30" in client.page(home).text
    page = client.page(f"{home}/move?from=2026-11-26")
    clock.at = THURSDAY - timedelta(hours=21)
    home_page = client.page(home)
    assert "could be moved or cancelled here until Wednesday 25 November, 10:30" in home_page.text
    assert not [link for link in home_page.all("a") if (link.get("href") or "").endswith(("/move", "/cancel"))]
    for path in ("/move", "/move/check", f"/move/check?slot={LATER}", "/cancel"):
        late = client.page(f"{home}{path}")
        assert late.h1 == "It is too late to change this visit here"
        assert "3 hours ago" in late.text
        assert "+351 21 000 0001" in late.text
    for path, form in (
        ("/move", {"slot": LATER}), (f"/move/check?slot={LATER}", {}), ("/cancel", {"reason": "patient.unwell"}),
    ):  # fmt: skip
        assert press(client, page, f"{home}{path}", status=409, **form).h1 == late.h1


@pytest.mark.parametrize("state", [AppointmentState.CANCELLED, AppointmentState.ARRIVED, AppointmentState.NOSHOW])
def test_a_visit_that_cannot_be_moved_leads_to_its_own_page(
    db: Session, mover: Mover, booked: Appointment, state: AppointmentState
) -> None:
    client, home = mover
    page = client.page(f"{home}/move")
    booked.state = state
    db.commit()
    for path in ("/move", f"/move/check?slot={LATER}", "/cancel"):
        assert client.page(f"{home}{path}").response.request.path == home
    assert press(client, page, f"{home}/move/check?slot={LATER}").response.request.path == home


def test_a_stranger_finds_nothing(cast: Cast, booked: Appointment) -> None:
    client = cast.browser(cast.stranger)
    for path in ("/move", f"/move/check?slot={LATER}"):
        assert client.get(f"/visits/{booked.id}{path}").status_code == 404


def test_one_press_says_that_they_come(
    db: Session, client: PortalClient, clock: FixedClock, settings: Settings, booked: Appointment
) -> None:
    home = visit_link_path(settings, facts_of(booked))
    page = client.page(home)
    assert "I am coming" in page.text
    for _ in range(2):
        done = press(client, page, f"{home}/coming")
        assert "you told us that you are coming" in done.text
        clock.advance(timedelta(minutes=1))
    db.expire_all()
    assert db.get_one(Appointment, booked.id).confirmed_at == clock.now() - timedelta(minutes=2)


CHANGED = "This visit has changed in the meantime"


@pytest.mark.parametrize("act", ["/cancel", f"/move/check?from=2026-11-26&slot={LATER}"])
def test_a_visit_that_was_moved_since_it_was_looked_at_is_shown_again(
    db: Session, mover: Mover, booked: Appointment, act: str
) -> None:
    """The clinic phoned and moved it; a page that was open before is pressed later."""
    client, home = mover
    page = client.page(f"{home}{act}")
    move_meanwhile(db, booked)
    before = snapshot(db)
    again = press(client, page, f"{home}{act}", status=409, reason="patient.unwell")
    assert CHANGED in again.text
    assert "Thursday 3 December, 10:30" in again.text
    assert snapshot(db) == before
    press(client, again, f"{home}{act}", reason="patient.unwell")
    assert snapshot(db) != before


def test_nobody_says_i_am_coming_to_a_time_that_they_did_not_see(
    db: Session, client: PortalClient, settings: Settings, booked: Appointment
) -> None:
    home = visit_link_path(settings, facts_of(booked))
    page = client.page(home)
    move_meanwhile(db, booked)
    again = press(client, page, f"{home}/coming", status=409)
    assert CHANGED in again.text
    assert again.h1 == "Thursday 3 December, 10:30"
    assert db.get_one(Appointment, booked.id).confirmed_at is None
    assert "you told us that you are coming" in press(client, again, f"{home}/coming").text


def test_no_time_is_offered_at_which_the_patient_has_another_visit(
    db: Session, mover: Mover, clinic: Clinic, cast: Cast
) -> None:
    client, home = mover
    set_rules(db, clinic.massage, visits_per_day=1)
    other = {"practitioner": clinic.rui, "service": clinic.evaluation}
    make_appointment(db, clinic, cast.patient_person, at=THURSDAY + timedelta(hours=5), **other)
    make_appointment(db, clinic, cast.patient_person, at=THURSDAY + timedelta(days=1), practitioner=clinic.rui)
    page = client.page(f"{home}/move?from=2026-11-26")
    assert not {"2026-11-26T15:30Z", "2026-11-26T16:00Z"} & set(slots(page)), "the evaluation takes 45 minutes"
    assert "2026-11-26T15:00Z" in slots(page)
    assert not [slot for slot in slots(page) if slot.startswith("2026-11-27")], "one massage a day"
    check = client.page(f"{home}/move/check?from=2026-11-26&slot=2026-11-26T15:30Z")
    lost = press(client, check, check.response.request.full_path, status=409)
    assert "There is already a visit at this time" in lost.text
    assert "2026-11-26T15:30Z" not in slots(lost)
