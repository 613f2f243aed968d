"""An earlier time comes free and is taken from the link in the SMS: with axe, and without JavaScript."""

import re
import time
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from clinic_portal.core.clock import SystemClock
from tests.browser.conftest import DESK, PHONE
from tests.browser.test_changing import Opened, book_later_day, look, with_and_without
from tests.browser.test_journey import press_link, sign_in
from tests.support.running import Running

pytestmark = pytest.mark.browser


def book_soon(phone: Page, url: str, *, nth: int) -> str:
    """Book a visit on the day after tomorrow; return when it is."""
    day = (SystemClock().now() + timedelta(days=2)).date()
    phone.goto(f"{url}/book/massage/times?practitioner=any&facility=lisbon&from={day}")
    phone.locator(".slots button:visible").nth(nth).click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Check your answers")
    phone.get_by_role("main").get_by_role("button", name="Book this visit").last.click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Your visit is booked")
    press_link(phone, "See this visit")
    return phone.get_by_role("heading", level=1).inner_text()


def newest_offer(inbox: Page, url: str, *, but: set[str]) -> str:
    """The link that the patient finds in the SMS about the offer."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        inbox.goto(f"{url}/developer/inbox")
        found = set(re.findall(r"/offers/\w{18}", inbox.get_by_role("main").inner_text())) - but
        if found:
            but |= found
            return found.pop()
        inbox.wait_for_timeout(300)
    raise AssertionError("no offer arrived")


SEEN: set[str] = set()


def give_back(phone: Page) -> None:
    """Cancel the visit whose page is open."""
    press_link(phone, "Cancel this visit")
    phone.get_by_label("Another reason").check()
    phone.get_by_role("button", name="Cancel the visit").click()
    expect(phone.get_by_role("main")).to_contain_text("This visit is cancelled.")


@with_and_without
def test_an_earlier_time_is_taken_from_the_message(portal: Running, open_browser: Opened, javascript: bool) -> None:
    phone, inbox = open_browser(PHONE, javascript=javascript), open_browser(DESK)
    book_later_day(phone, portal.url, nth=0 if javascript else 3)
    press_link(phone, "See this visit")
    late = phone.get_by_role("heading", level=1).inner_text()
    press_link(phone, "Tell me when an earlier time comes free")
    look(phone, "Tell me when an earlier time comes free", javascript=javascript)
    phone.get_by_role("button", name="Put me on the waiting list").click()
    look(phone, "You are on the waiting list", javascript=javascript)
    phone.goto(f"{portal.url}/visits")
    expect(phone.get_by_role("main")).to_contain_text("My waiting list")
    if javascript:
        look(phone, "My visits", javascript=True)

    early = book_soon(phone, portal.url, nth=2 if javascript else 9)
    give_back(phone)

    # Whoever opens the link needs no account; looking at it changes nothing.
    other = open_browser(PHONE, javascript=javascript)
    link = newest_offer(inbox, portal.url, but=SEEN)
    for _ in range(2):
        other.goto(portal.url + link)
        look(other, "A time came free for you", javascript=javascript)
    expect(other.get_by_role("main")).to_contain_text(early)
    expect(other.get_by_role("main")).to_contain_text(late)
    assert "Marta" not in other.content()
    other.get_by_role("button", name="Take this time").click()
    look(other, "The time is yours", javascript=javascript)
    expect(other.get_by_role("main")).to_contain_text(early)
    other.go_back()
    other.goto(portal.url + link)
    expect(other.get_by_role("heading", level=1)).to_have_text("The time is yours")

    phone.goto(f"{portal.url}/visits")
    expect(phone.get_by_role("article").filter(has_text=early)).to_have_count(1)
    expect(phone.get_by_role("article").filter(has_text=late)).to_have_count(0)
    expect(phone.get_by_role("main")).not_to_contain_text("My waiting list")


@with_and_without
def test_who_phones_and_has_no_account_takes_a_time_from_the_message(
    portal: Running, open_browser: Opened, javascript: bool
) -> None:
    name = "Helena Prates" if javascript else "Olga Prates"
    desk, phone, inbox = open_browser(DESK, javascript=javascript), open_browser(PHONE), open_browser(DESK)
    desk.goto(f"{portal.url}/desk/lisbon/book")
    sign_in(desk, "paula@clinic.example")
    given, family = name.split()
    number = "912 345 690" if javascript else "912 345 691"
    born = {"birth_date-day": "4", "birth_date-month": "3", "birth_date-year": "1950"}
    for box, words in ({"given_name": given, "family_name": family, "phone": number} | born).items():
        desk.locator(f"[name={box}]").fill(words)
    desk.get_by_role("button", name="Continue").click()
    desk.get_by_role("link", name=re.compile("^Massage")).click()
    press_link(desk, re.compile("They are told when a time comes free"))
    look(desk, "What do they wait for?", javascript=javascript)
    desk.get_by_role("button", name="Put them on the waiting list").click()
    look(desk, name, javascript=javascript)
    expect(desk.get_by_role("main")).to_contain_text("On the waiting list since")
    entry = desk.url

    phone.goto(f"{portal.url}/sign-in")
    sign_in(phone, "marta@example.org")
    early = book_soon(phone, portal.url, nth=5 if javascript else 12)
    give_back(phone)

    theirs = open_browser(PHONE, javascript=javascript)
    theirs.goto(portal.url + newest_offer(inbox, portal.url, but=SEEN))
    look(theirs, re.compile("A time came free for you|Surgiu uma vaga para si"), javascript=javascript)
    desk.goto(entry)
    look(desk, name, javascript=javascript)
    expect(desk.get_by_role("button", name="They take it")).to_be_visible()
    theirs.get_by_role("button", name=re.compile("Take this time|Aceitar este horário")).click()
    look(theirs, re.compile("The time is yours|vaga é sua|horário é seu"), javascript=javascript)
    expect(theirs.get_by_role("main")).to_contain_text(early)
    desk.goto(entry)
    expect(desk.get_by_role("main")).to_contain_text("Took a time that came free")
