"""The main job, end to end, in three windows: a phone, the front desk, the waiting-room TV."""

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESK, PHONE, TV, check_accessible
from tests.support.cast import PASSWORD
from tests.support.running import Running

pytestmark = pytest.mark.browser

Opened = Callable[..., Page]
SIX_DIGITS = re.compile(r"\b(\d{6})\b")


def sign_in(page: Page, email: str) -> None:
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()


def press_link(page: Page, name: str | re.Pattern[str]) -> None:
    page.get_by_role("main").get_by_role("link", name=name).first.click()


def choose_until_times(page: Page, url: str) -> None:
    """Home → service → no preference → facility → day and time."""
    page.goto(url)
    check_accessible(page)
    press_link(page, "Book a visit")
    expect(page.get_by_role("heading", level=1)).to_have_text("What would you like to book?")
    check_accessible(page)
    press_link(page, re.compile("^Massage"))
    if "/for" in page.url:
        page.get_by_role("main").get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Who would you like to see?")
    check_accessible(page)
    press_link(page, re.compile("No preference"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Where would you like to come?")
    check_accessible(page)
    press_link(page, re.compile("^Lisbon"))
    expect(page.get_by_role("heading", level=1)).to_have_text("When would you like to come?")
    check_accessible(page)


def hold_first_time(page: Page) -> None:
    """Press the first time; days after the first ones may have to be unfolded, today never."""
    page.locator(".slots button").first.click()
    page.wait_for_url("**/check")
    check_accessible(page)


def latest_code(page: Page, url: str, *, but: str = "") -> str:
    """The code in a new message of the developer's inbox, as a person reads it there; `but` is one that was used."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        page.goto(f"{url}/developer/inbox")
        codes = [code for code in SIX_DIGITS.findall(page.get_by_role("main").inner_text()) if code != but]
        if codes:
            return codes[0]
        page.wait_for_timeout(300)
    raise AssertionError("no code arrived")


def pair(desk: Page, tv: Page, url: str) -> None:
    tv.goto(f"{url}/tv")
    check_accessible(tv)
    code = re.sub(r"\W", "", tv.locator(".tv-code").inner_text())
    desk.goto(f"{url}/desk/lisbon/screens")
    check_accessible(desk)
    desk.get_by_label(re.compile("code", re.I)).fill(code.lower())
    desk.get_by_label("Name").fill("Waiting room A")
    desk.get_by_role("button", name="Pair the screen").click()
    expect(desk.get_by_role("main")).to_contain_text("Waiting room A")
    expect(tv.get_by_text("Waiting room A")).to_be_visible(timeout=10_000)


def test_from_home_to_the_consulting_room(portal: Running, open_browser: Opened) -> None:
    phone, desk, tv, inbox = open_browser(PHONE), open_browser(DESK), open_browser(TV), open_browser(DESK)
    desk.goto(f"{portal.url}/desk")
    check_accessible(desk)
    sign_in(desk, "paula@clinic.example")
    expect(desk.get_by_role("heading", level=1)).to_be_visible()
    pair(desk, tv, portal.url)
    desk.goto(f"{portal.url}/desk/lisbon")
    expect(desk.locator(".live")).to_have_text("live")

    started = time.monotonic()
    choose_until_times(phone, portal.url)
    hold_first_time(phone)
    phone.get_by_role("link", name="Create an account").click()
    check_accessible(phone)
    register(phone)
    email_code = latest_code(inbox, portal.url)
    phone.get_by_label("Code").fill(email_code)
    phone.get_by_role("button", name="Continue").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Confirm your mobile number")
    check_accessible(phone)
    phone.get_by_label("Code").fill(latest_code(inbox, portal.url, but=email_code))
    phone.get_by_role("button", name="Confirm").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Check your answers")
    check_accessible(phone)
    phone.get_by_label(re.compile("anything that we should know")).fill("My back hurts since Monday.")
    phone.get_by_role("main").get_by_role("button", name="Book this visit").last.click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Your visit is booked")
    took_s = time.monotonic() - started
    check_accessible(phone)
    assert took_s < 60, f"booking took {took_s:.0f} s, with a new account and axe on every page"

    # The desk sees it without a reload, and the messages arrive.
    row = desk.get_by_role("row").filter(has_text="Beatriz Fontes")
    expect(row).to_be_visible(timeout=15_000)
    check_accessible(desk)
    reference = phone.locator(".nhsuk-panel").get_by_text(re.compile(r"\b[A-Z0-9]{8}\b")).first.inner_text()
    code = re.search(r"\b[34679A-Z]{8}\b", reference)
    assert code is not None
    inbox.goto(f"{portal.url}/developer/inbox")
    expect(inbox.get_by_text(re.compile(f"booked for .*{code.group()}")).first).to_be_visible(timeout=15_000)
    check_accessible(inbox)

    row.get_by_role("button", name=re.compile("^Arrived")).click()
    expect(tv.get_by_text("Beatriz F.")).to_be_visible(timeout=15_000)
    row.get_by_role("button", name=re.compile("^Call")).click()
    expect(tv.locator(".tv-call__name")).to_have_text("Beatriz F.", timeout=15_000)
    expect(tv.locator(".tv-call__room")).to_contain_text(re.compile("Sala|Room"))
    check_accessible(tv)
    assert "Fontes" not in tv.content()
    row.get_by_role("button", name=re.compile("^In room")).click()
    expect(tv.locator(".tv-call__name")).to_have_count(0, timeout=15_000)
    row.get_by_role("button", name=re.compile("^Done")).click()
    expect(row).to_contain_text("Done")

    phone.get_by_role("link", name="See this visit").click()
    expect(phone.get_by_role("heading", level=1)).to_be_visible()
    check_accessible(phone)


def register(phone: Page) -> None:
    phone.get_by_label("Given name").fill("Beatriz")
    phone.get_by_label("Family name").fill("Fontes")
    phone.get_by_label("Day").fill("4")
    phone.get_by_label("Month").fill("Mar")
    phone.get_by_label("Year").fill("1990")
    phone.get_by_label("E-mail address").fill("beatriz@example.org")
    phone.get_by_label("Mobile number").fill("912 345 699")
    phone.get_by_label("Choose a password").fill("three words together")
    phone.get_by_role("button", name="Continue").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Check your e-mail")
    check_accessible(phone)


def test_booking_without_javascript(portal: Running, open_browser: Opened) -> None:
    """The same steps for somebody with an account, cancel included; axe needs scripts, so the pages are only walked."""
    phone = open_browser(PHONE, javascript=False)
    phone.goto(portal.url)
    press_link(phone, "Book a visit")
    press_link(phone, re.compile("^Massage"))
    press_link(phone, re.compile("No preference"))
    press_link(phone, re.compile("^Lisbon"))
    press_link(phone, "Show later days")
    folded = phone.locator("section.day details:not([open]) summary")
    if folded.count():
        folded.last.click()
    phone.locator(".slots button:visible").last.click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Your time is held")
    press_link(phone, "Sign in")
    sign_in(phone, "marta@example.org")
    expect(phone.get_by_role("heading", level=1)).to_have_text("Check your answers")
    phone.get_by_role("main").get_by_role("button", name="Book this visit").last.click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Your visit is booked")
    phone.reload()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Your visit is booked")
    phone.go_back()
    phone.goto(f"{portal.url}/visits")
    press_link(phone, re.compile("^Cancel it"))
    phone.get_by_role("radio").first.check()
    phone.get_by_role("button", name="Cancel the visit").click()
    expect(phone.get_by_role("main")).to_contain_text("Cancelled")


def test_the_desk_is_usable_by_keyboard(portal: Running, open_browser: Opened) -> None:
    """Book for today, then mark arrived, call, enter, finish and take it back: no mouse, and a key typed in a field is text."""
    phone, desk = open_browser(PHONE), open_browser(DESK)
    phone.goto(f"{portal.url}/sign-in")
    sign_in(phone, "marta@example.org")
    choose_until_times(phone, portal.url)
    phone.locator("section.day").first.locator(".slots button").last.click()
    phone.get_by_role("main").get_by_role("button", name="Book this visit").last.click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Your visit is booked")

    desk.goto(f"{portal.url}/desk")
    desk.get_by_label("E-mail address").fill("paula@clinic.example")
    desk.get_by_label("Password", exact=True).fill(PASSWORD)
    desk.keyboard.press("Enter")
    row = desk.get_by_role("row").filter(has_text="Marta Araújo")
    expect(row).to_be_visible()
    expect(desk.locator("[data-keys]")).to_be_visible()  # the script is there
    desk.keyboard.press("/")
    desk.keyboard.type("acde")
    expect(desk.get_by_role("searchbox")).to_have_value("acde")
    expect(row).not_to_contain_text("Waiting")
    desk.get_by_role("searchbox").fill("")
    desk.keyboard.press("Escape")
    select_row(desk, "Marta Araújo")
    for key, state in (("a", "Waiting"), ("c", "Called"), ("e", "In room"), ("d", "Done"), ("u", "In room")):
        desk.keyboard.press(key)
        expect(row).to_contain_text(state)
        # A key that comes before HTMX has looked at what it brought loads the whole page, which is without keys for a moment.
        expect(desk.locator("[data-keys]")).to_be_visible()
    desk.keyboard.press("?")
    expect(desk.get_by_role("dialog")).to_be_visible()
    check_accessible(desk)


def select_row(desk: Page, name: str) -> None:
    """Move down with the keyboard until the person's row is the chosen one."""
    for _ in range(30):
        if name in desk.locator("tr.sel, tr[aria-selected=true]").all_inner_texts().__str__():
            return
        desk.keyboard.press("j")
    raise AssertionError(f"{name} cannot be reached by keyboard")
