"""Booking, moving and the desk's day with Tab and Enter alone: what has the focus is seen, in order, and never lost."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESK, as_somebody
from tests.support.world import World

pytestmark = pytest.mark.browser

#: What has the focus: its words (or its name), whether it can be seen, and whether it looks different from the rest.
FOCUSED = """() => {
  const active = document.activeElement;
  if (!active || active === document.body) return { words: "", seen: true, marked: true };
  const box = active.getBoundingClientRect();
  const marks = [active, active.closest(".choice")].filter(Boolean).map((one) => getComputedStyle(one));
  return {
    words: (active.textContent || active.getAttribute("aria-label") || active.name || "").trim().replace(/\\s+/g, " "),
    seen: box.bottom > 0 && box.top < innerHeight && box.width > 0,
    marked: marks.some((one) => one.outlineStyle !== "none" || one.boxShadow.includes("245, 184, 61")),
  };
}"""


def window(world: World, address: str, open_browser: Callable[..., Page], who: str) -> Page:
    return as_somebody(open_browser(DESK), world, address, who)


def tab_to(page: Page, words: str, *, presses: int = 60) -> None:
    """Press Tab until what has the focus begins with these words; each on the way is seen and marked."""
    passed = []
    for _ in range(presses):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        assert focused["seen"], focused
        assert focused["marked"], focused
        if focused["words"].startswith(words):
            return
        passed.append(focused["words"][:30])
    pytest.fail(f"Tab never came to {words}: {passed}")


def focus_is_on(page: Page, words: str) -> None:
    expect(page.locator(":focus")).to_contain_text(words)


def test_a_visit_is_found_and_held_without_a_mouse(
    world: World, address: str, open_browser: Callable[..., Page]
) -> None:
    page = window(world, address, open_browser, "visitor")
    page.goto(f"{address}/book")
    tab_to(page, "Skip to main content", presses=1)
    page.keyboard.press("Enter")
    tab_to(page, "Back", presses=1)
    for words, heading in (
        ("Massage", "Who would you like to see?"),
        ("No preference", "Where would you like to come?"),
        ("Lisbon", "When would you like to come?"),
    ):
        tab_to(page, words)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    tab_to(page, "Morning")
    page.keyboard.press("Enter")
    expect(page.locator("#part-morning")).to_have_attribute("aria-current", "true")
    focus_is_on(page, "Morning")
    tab_to(page, "Show later days")
    page.keyboard.press("Enter")
    page.wait_for_url("**days=14#*")
    focus_is_on(page, page.locator(f"{page.url[page.url.index('#') :]} b").inner_text())
    page.keyboard.press("Enter")
    tab_to(page, "09:")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your time is held")
    tab_to(page, "Create an account")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Create an account")
    tab_to(page, "Continue")
    page.keyboard.press("Enter")
    expect(page.locator(".nhsuk-error-summary")).to_be_focused()
    tab_to(page, "Enter your given name", presses=1)
    page.keyboard.press("Enter")
    expect(page.get_by_label("Given name")).to_be_focused()


def test_a_visit_is_moved_without_a_mouse(world: World, address: str, open_browser: Callable[..., Page]) -> None:
    page = window(world, address, open_browser, "patient")
    page.goto(f"{address}/visits/{world.booked.id}")
    for words, heading in (
        ("Move this visit", "Choose a new time"),
        ("14:00", "Check the new time"),
        ("Move the visit", None),
    ):
        tab_to(page, words)
        page.keyboard.press("Enter")
        if heading:
            expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    expect(page.get_by_text("Your visit has moved.")).to_be_visible()


def test_the_desk_calls_and_takes_it_back_without_a_mouse(
    world: World, address: str, open_browser: Callable[..., Page]
) -> None:
    page = window(world, address, open_browser, "receptionist")
    page.goto(f"{address}/desk/lisbon")
    tab_to(page, "Call Marta Araújo")
    page.keyboard.press("Enter")
    expect(page.locator("[data-toast]")).to_contain_text("is called to room 1")
    expect(page.locator("tr[data-row]:focus")).to_contain_text("Marta Araújo")
    tab_to(page, "More Marta Araújo")
    page.keyboard.press("Enter")
    tab_to(page, "Call again", presses=1)
    page.keyboard.press("Escape")
    focus_is_on(page, "More")
    tab_to(page, "Undo")
    page.keyboard.press("Enter")
    expect(page.locator("tr[data-row]:focus")).to_contain_text("Waiting")
