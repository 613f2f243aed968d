"""Going back over a form that was refused: its page is opened, not sent again."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE
from tests.support.clinic import Clinic
from tests.support.world import World

pytestmark = pytest.mark.browser


@pytest.fixture
def phone(world: World, address: str, open_browser: Callable[..., Page]) -> Page:
    # The windows close before the server, which would wait for what they keep open.
    return open_browser(PHONE)


def sent_by(page: Page) -> list[str]:
    """Which forms a window sends from now on."""
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    return sent


def heading_is(page: Page, words: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(words)


def test_back_over_a_time_that_was_taken_shows_the_free_ones(
    phone: Page, open_browser: Callable[..., Page], address: str, clinic: Clinic
) -> None:
    rival, times = open_browser(PHONE), f"{address}/book/massage/times?practitioner={clinic.ines.id}&facility=lisbon"
    for page in (phone, rival):
        page.goto(times)
    wanted = phone.locator("button[name=slot]").first.get_attribute("value")
    rival.locator(f"button[name=slot][value='{wanted}']").click()
    heading_is(rival, "Your time is held")
    phone.locator(f"button[name=slot][value='{wanted}']").click()
    expect(phone.get_by_role("alert")).to_contain_text("Someone else has just taken this time")
    phone.reload()
    expect(phone.get_by_role("alert")).to_contain_text("Someone else has just taken this time")
    phone.locator("button[name=slot]").first.click()
    heading_is(phone, "Your time is held")
    sent = sent_by(phone)
    phone.go_back()
    heading_is(phone, "When would you like to come?")
    assert sent == []


def test_back_over_a_form_with_an_error_shows_the_form(phone: Page, address: str) -> None:
    phone.goto(f"{address}/register")
    phone.get_by_role("button", name="Continue").click()
    expect(phone.locator(".nhsuk-error-summary")).to_be_focused()
    phone.locator(".nhsuk-error-summary a").first.click()
    phone.keyboard.type("Nina")
    phone.reload()
    expect(phone.locator(".nhsuk-error-summary")).to_be_focused()
    phone.get_by_role("link", name="Privacy").first.click()
    heading_is(phone, "Privacy")
    sent = sent_by(phone)
    phone.go_back()
    heading_is(phone, "Create an account")
    assert sent == []
