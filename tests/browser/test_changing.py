"""Moving a visit, and cancelling it from the link in a reminder: each with axe, each also without JavaScript."""

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from clinic_portal.core.db import make_engine
from tests.browser.conftest import DESK, PHONE, check_accessible
from tests.browser.test_journey import press_link, sign_in
from tests.support.running import Running

pytestmark = pytest.mark.browser

Opened = Callable[..., Page]
SPOKEN = re.compile(r"\b[34679A-Z]{8}\b")

with_and_without = pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no-scripts"])


def look(page: Page, heading: str | re.Pattern[str], *, javascript: bool) -> None:
    """The page is there; axe needs scripts."""
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    if javascript:
        check_accessible(page)


def book_later_day(phone: Page, url: str, *, nth: int) -> str:
    """Book a visit days ahead, at the nth time from the end of a day, and return its reference."""
    phone.goto(f"{url}/sign-in")
    sign_in(phone, "marta@example.org")
    phone.goto(f"{url}/book/massage/times?practitioner=any&facility=lisbon&days=14")
    folded = phone.locator("section.day details:not([open]) summary")
    if folded.count():
        folded.last.click()
    phone.locator(".slots button:visible").nth(-1 - nth).click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Check your answers")
    phone.get_by_role("main").get_by_role("button", name="Book this visit").last.click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Your visit is booked")
    found = SPOKEN.search(phone.locator(".nhsuk-panel .ref").inner_text())
    assert found is not None
    return found.group()


def link_in_reminder(inbox: Page, portal: Running, reference: str) -> str:
    """The link that the patient finds in the reminder by SMS, whose day has come."""
    engine = make_engine(portal.database)
    with engine.begin() as connection:
        theirs = "subject_id = (SELECT id FROM appointment WHERE reference = :reference) AND channel = 'sms'"
        due = text(f"UPDATE message SET due_at = now() WHERE kind = 'reminder' AND state = 'queued' AND {theirs}")
        assert connection.execute(due, {"reference": reference}).rowcount == 1
    engine.dispose()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        inbox.goto(f"{portal.url}/developer/inbox")
        # "Coming? Tell us: …"; of several visits on one day there is a line for each.
        words = inbox.get_by_role("main").inner_text()
        found = re.search(rf"(?:Coming\?|\d visits, )[^\n]*?(/v/{reference}\w{{10}})", words)
        if found:
            return found.group(1)
        inbox.wait_for_timeout(300)
    raise AssertionError("no reminder with a link arrived")


@with_and_without
def test_move_a_visit(portal: Running, open_browser: Opened, javascript: bool) -> None:
    phone = open_browser(PHONE, javascript=javascript)
    book_later_day(phone, portal.url, nth=0 if javascript else 3)
    press_link(phone, "See this visit")
    when = phone.get_by_role("heading", level=1).inner_text()
    press_link(phone, "Move this visit")
    look(phone, "Choose a new time", javascript=javascript)
    expect(phone.get_by_role("main")).to_contain_text(when)
    press_link(phone, "Afternoon")
    expect(phone.locator(".parts [aria-current]")).to_have_text("Afternoon")
    phone.locator(".slots button:visible").nth(0 if javascript else 3).click()
    look(phone, "Check the new time", javascript=javascript)
    phone.go_back()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Choose a new time")
    phone.go_forward()
    expect(phone.get_by_role("main")).to_contain_text(when)
    phone.get_by_role("button", name="Move the visit").click()
    expect(phone.get_by_role("main")).to_contain_text("Your visit has moved.")
    new = phone.get_by_role("heading", level=1).inner_text()
    assert new != when
    phone.go_back()
    expect(phone.get_by_role("heading", level=1)).to_have_text(new)
    if javascript:
        check_accessible(phone)
    phone.goto(f"{portal.url}/visits")
    expect(phone.get_by_role("main")).to_contain_text(new)


@with_and_without
def test_cancel_from_a_reminder(portal: Running, open_browser: Opened, javascript: bool) -> None:
    phone, inbox = open_browser(PHONE), open_browser(DESK)
    reference = book_later_day(phone, portal.url, nth=6 if javascript else 9)
    link = link_in_reminder(inbox, portal, reference)

    other = open_browser(PHONE, javascript=javascript)
    other.goto(portal.url + link)
    look(other, re.compile(r"\d\d:\d\d"), javascript=javascript)
    assert "Marta" not in other.content()
    other.get_by_role("button", name="I am coming").click()
    expect(other.get_by_role("main")).to_contain_text("you told us that you are coming")
    press_link(other, "Move this visit")
    look(other, "Choose a new time", javascript=javascript)
    press_link(other, "Keep the visit")
    press_link(other, "Cancel this visit")
    look(other, "Cancel this visit?", javascript=javascript)
    other.get_by_label("I am not well enough to come").check()
    other.get_by_role("button", name="Cancel the visit").click()
    expect(other.get_by_role("main")).to_contain_text("This visit is cancelled.")
    if javascript:
        check_accessible(other)
    other.go_back()
    other.goto(portal.url + link)
    expect(other.get_by_role("main")).to_contain_text("This visit is cancelled.")
