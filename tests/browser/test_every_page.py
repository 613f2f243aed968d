"""Every page of the URL map, looked at by somebody who may: on a phone with axe, and whether it fits wider and narrower.

A new route is looked at without a line here. The pages come from this process, on the test's own transaction and clock, for
somebody who has something of everything (tests/support/world); what needs scripts and sockets is clicked in the other modules.
"""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from playwright.sync_api import Page

from clinic_portal.web.access import ATTRIBUTE, Right
from tests.browser.conftest import DESK, NARROW, PHONE, as_somebody, check_accessible
from tests.support.world import World, path_of, rules_of
from tests.test_ladder import HOLD, NO_FRAGMENT, OF_SESSIONS, WHO_HAS

pytestmark = pytest.mark.browser

FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"

#: Not pages of ours, or looked at where they live by scripts.
ELSEWHERE = {*NO_FRAGMENT, "static", "waiting_room.tv", "waiting_room.tv_board", "notifications.developer_inbox"}

#: Questions of the address without which a page sends on to another one.
TIME = "practitioner=any&facility=lisbon&slot=2026-11-27T10:00Z"
SERIES = "practitioner={}&facility=lisbon&count=4&per_week=1&at=any&first=2026-11-23&time=2026-11-27T10:30Z"
LATER = "at=any&first=2026-11-30"
QUESTIONS = {
    "booking.check_move": TIME,
    "booking.check_move_by_link": TIME,
    "front_desk.check_move": TIME,
    "front_desk.check_booking": TIME,
    "front_desk.find_patient": "q=Ara",
    "booking.plan_series": SERIES.format("any"),
    "booking.check_series": SERIES.format("{ines}"),
    "booking.plan_later": LATER,
    "front_desk.plan_series": f"{SERIES.format('any')}&aside=y",
    "front_desk.check_series": f"{SERIES.format('{ines}')}&aside=y",
    "front_desk.plan_later": f"{LATER}&aside=y",
}

#: Pages whose looks depend on the question, beside the one above.
ALSO = [
    ("visitor", "/book/massage/times?practitioner=any&facility=any"),
    ("visitor", "/book/massage/times?practitioner=any&facility=any&mode=online"),
]


def pages_of(app: Flask, world: World) -> Iterator[tuple[str, str]]:
    """Who looks at which path."""
    yield from ALSO
    for rule in rules_of(app):
        if "GET" not in (rule.methods or ()) or rule.endpoint in ELSEWHERE:
            continue
        right: Right = getattr(app.view_functions[rule.endpoint], ATTRIBUTE)
        values = {name: found[0] for name, found in world.arguments().items()}
        if rule.rule.startswith(HOLD):
            values["appointment_id"] = world.held.id
        if OF_SESSIONS in rule.rule:
            values["appointment_id"] = world.session.id
        question = QUESTIONS.get(rule.endpoint)
        yield (
            "patient" if rule.rule.startswith(HOLD) else WHO_HAS[right],
            path_of(rule, values) + (f"?{question.format(ines=world.clinic.ines.id)}" if question else ""),
        )


def check_page(page: Page, path: str) -> None:
    """One h1, which the title starts with, and nothing that a shared computer would keep."""
    answer = page.goto(path)
    assert answer is not None
    assert answer.status == 200, f"{path}: {answer.status}"
    assert "no-store" in answer.headers.get("cache-control", ""), path
    headings = page.locator("h1")
    assert headings.count() == 1, path
    heading = " ".join((headings.text_content() or "").split())
    assert page.title().startswith(heading), f"{path}: {page.title()} / {heading}"


def test_every_page_on_a_phone_and_on_a_desk(
    app: Flask, world: World, address: str, open_browser: Callable[..., Page]
) -> None:
    windows: dict[str, Page] = {}
    wrong = []
    for who, path in pages_of(app, world):
        if who not in windows:
            windows[who] = as_somebody(open_browser(PHONE), world, address, who)
        page = windows[who]
        try:
            check_page(page, address + path)
            check_accessible(page)
            for size in (DESK, NARROW, PHONE):
                page.set_viewport_size(size)
                assert page.evaluate(FITS), f"scrolls sideways at {size['width']}"
        except AssertionError as error:
            wrong.append(f"{who} {path}: {error}")
    assert len(windows) == len({"visitor", "patient", "receptionist", "administrator"})
    assert not wrong, "\n".join(wrong)
