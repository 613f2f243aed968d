"""An online visit, from the choice of how to meet to the desk's list: with axe, and without JavaScript."""

import re
from datetime import date

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.core.db import make_engine
from clinic_portal.core.modes import Mode, Modes
from clinic_portal.facilities.models import Facility, Service
from clinic_portal.practitioners.models import Practitioner, WeeklyHours
from tests.browser.conftest import DESK, PHONE, TV, check_accessible
from tests.browser.test_changing import Opened, look, with_and_without
from tests.browser.test_journey import pair, press_link, sign_in
from tests.support.running import Running

pytestmark = pytest.mark.browser

CLOCK = re.compile(r"\d\d:\d\d")
MEETING = "https://meet.example.org/ines"


@pytest.fixture(scope="module")
def online(portal: Running) -> Running:
    """Inês meets patients online in the evening; an evaluation may be online, a massage may not."""
    engine = make_engine(portal.database)
    with Session(engine) as db:
        ines = db.scalars(select(Practitioner).where(Practitioner.given_name == "Inês")).one()
        ines.meeting_url = MEETING
        lisbon = db.scalars(select(Facility.id).where(Facility.slug == "lisbon")).one()
        for service in db.scalars(select(Service)):
            service.modes = Modes.BOTH if service.slug == "evaluation" else Modes.IN_PERSON
        db.add_all(
            WeeklyHours(
                practitioner_id=ines.id, facility_id=lisbon, room_id=None, mode=Mode.ONLINE, weekday=weekday,
                starts_minute=20 * 60, ends_minute=23 * 60, valid_from=date(2020, 1, 1),
            )
            for weekday in range(7)
        )  # fmt: skip
        db.commit()
    engine.dispose()
    return portal


def until_where(phone: Page, url: str, service: str) -> None:
    """Home → service → for me → no preference."""
    phone.goto(url)
    press_link(phone, "Book a visit")
    press_link(phone, re.compile(f"^{service}"))
    if "/for" in phone.url:
        phone.get_by_role("main").get_by_role("button", name="Continue").click()
    press_link(phone, re.compile("No preference"))
    expect(phone.get_by_role("heading", level=1)).to_have_text("Where would you like to come?")


def until_online_times(phone: Page, url: str) -> None:
    """The times of a service that is given online too."""
    until_where(phone, url, "Evaluation")
    # What can be booked is known to a process for some seconds.
    while phone.get_by_role("link", name=re.compile("^Online")).count() == 0:
        phone.wait_for_timeout(500)
        phone.reload()
    press_link(phone, re.compile("^Online"))


@with_and_without
def test_an_online_visit_is_booked_and_needs_no_room(online: Running, open_browser: Opened, javascript: bool) -> None:
    url = online.url
    phone, desk, tv = open_browser(PHONE, javascript=javascript), open_browser(DESK), open_browser(TV)
    phone.goto(f"{url}/sign-in")
    sign_in(phone, "marta@example.org")
    until_where(phone, url, "Massage")
    look(phone, "Where would you like to come?", javascript=javascript)
    expect(phone.get_by_role("link", name=re.compile("^Lisbon"))).to_have_count(1)
    expect(phone.get_by_role("link", name=re.compile("^Online"))).to_have_count(0)

    until_online_times(phone, url)
    look(phone, "When would you like to meet?", javascript=javascript)
    phone.locator(".slots button:visible").first.click()
    look(phone, "Check your answers", javascript=javascript)
    expect(phone.get_by_role("main")).to_contain_text("Online, by video or phone")
    phone.get_by_role("main").get_by_role("button", name="Book this visit").last.click()
    look(phone, "Your visit is booked", javascript=javascript)
    expect(phone.get_by_role("main")).not_to_contain_text("Room")
    press_link(phone, "See this visit")
    expect(phone.get_by_role("link", name="Join online")).to_have_attribute("href", MEETING)
    found = CLOCK.search(phone.get_by_role("heading", level=1).inner_text())
    assert found is not None
    at = found.group()
    if javascript:
        check_accessible(phone)

    # The desk sees it among today's, with nobody to call to a room; the waiting room hears nothing of it.
    desk.goto(f"{url}/desk")
    sign_in(desk, "paula@clinic.example")
    pair(desk, tv, url)
    desk.goto(f"{url}/desk/lisbon")
    row = desk.get_by_role("row").filter(has_text="Marta Araújo").filter(has_text=at)
    expect(row).to_contain_text(re.compile("online", re.I))
    expect(row.get_by_role("button", name=re.compile("^(Arrived|Call)"))).to_have_count(0)
    check_accessible(desk)
    expect(tv.get_by_text("Waiting room A")).to_be_visible()
    assert "Marta" not in tv.content()

    # The next one cannot be at the same time.
    until_online_times(phone, url)
    look(phone, "When would you like to meet?", javascript=javascript)
    expect(phone.locator("section.day").first.locator(".slots button", has_text=at)).to_have_count(0)
