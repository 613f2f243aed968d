"""Booking four sessions at once, then giving back the later ones: with axe, and without JavaScript."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE
from tests.browser.test_changing import look, with_and_without
from tests.browser.test_journey import press_link, sign_in
from tests.support.running import Running

pytestmark = pytest.mark.browser

Opened = Callable[..., Page]


@with_and_without
def test_book_four_sessions(portal: Running, open_browser: Opened, javascript: bool) -> None:
    """A visitor plans, signs in with nothing lost, books, and cancels from the second one on."""
    phone = open_browser(PHONE, javascript=javascript)
    phone.goto(f"{portal.url}/book/massage/times?practitioner=any&facility=lisbon")
    press_link(phone, "Book several sessions at once")
    look(phone, "Book several sessions", javascript=javascript)
    phone.get_by_label("How many sessions?").select_option("4")
    phone.get_by_label("Twice a week").check()
    phone.get_by_label("What time of day?").select_option("15:00" if javascript else "17:00")
    phone.get_by_role("button", name="Show me a plan").click()
    look(phone, "Your plan", javascript=javascript)
    expect(phone.get_by_role("combobox")).to_have_count(4)
    phone.get_by_role("button", name="Continue").click()
    look(phone, "Check your answers", javascript=javascript)
    press_link(phone, "Sign in")
    sign_in(phone, "marta@example.org")
    look(phone, "Check your answers", javascript=javascript)
    phone.get_by_role("button", name="Book 4 sessions").click()
    look(phone, "Your sessions are booked", javascript=javascript)
    phone.go_back()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Your sessions are booked")
    press_link(phone, "See the sessions")
    look(phone, "Your sessions", javascript=javascript)
    press_link(phone, re.compile("Session 2 of 4"))
    expect(phone.get_by_role("main")).to_contain_text("Session 2 of 4")
    press_link(phone, "Move this and all later sessions")
    look(phone, "Move 3 sessions", javascript=javascript)
    phone.get_by_label("What time of day?").select_option("morning")
    phone.get_by_role("button", name="Show me a plan").click()
    look(phone, "Your new times", javascript=javascript)
    phone.get_by_role("button", name="Move the sessions").click()
    look(phone, "Your sessions", javascript=javascript)
    press_link(phone, "Cancel all upcoming sessions")
    look(phone, "Cancel these 4 sessions?", javascript=javascript)
    phone.get_by_role("radio").first.check()
    phone.get_by_role("button", name="Cancel 4 sessions").click()
    look(phone, "Your sessions", javascript=javascript)
    expect(phone.get_by_text("Cancelled", exact=True)).to_have_count(4)
