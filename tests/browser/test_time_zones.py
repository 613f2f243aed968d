"""Where the browser is says nothing about when the visit is."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page

from clinic_portal.core.clock import SystemClock, zone
from tests.browser.conftest import DESK, PHONE, zone_of_ten_at, zone_where_it_is_ten
from tests.browser.test_changing import book_later_day
from tests.browser.test_journey import sign_in
from tests.support.running import Running

pytestmark = pytest.mark.browser

Opened = Callable[..., Page]
ZONES = ("Europe/Lisbon", "Atlantic/Azores", "Asia/Tokyo")


def words(page: Page, url: str) -> str:
    """What a page says, once its scripts have run."""
    page.goto(url, wait_until="load")
    return page.get_by_role("main").inner_text()


def test_pages_say_the_same_in_every_browsers_zone(portal: Running, open_browser: Opened) -> None:
    first = open_browser(PHONE, zone=ZONES[0])
    book_later_day(first, portal.url, nth=2)
    day = (SystemClock().now().astimezone(zone(zone_where_it_is_ten())) + timedelta(days=2)).date()
    times = f"{portal.url}/book/massage/times?practitioner=any&facility=lisbon&from={day}"
    heard: list[list[str]] = []
    for number, name in enumerate(ZONES):
        phone, desk = (first if number == 0 else open_browser(PHONE, zone=name)), open_browser(DESK, zone=name)
        assert phone.evaluate("Intl.DateTimeFormat().resolvedOptions().timeZone") == name
        if number:
            phone.goto(f"{portal.url}/sign-in")
            sign_in(phone, "marta@example.org")
        said = [words(phone, f"{portal.url}/visits"), words(phone, times)]
        for button in phone.locator(".slots button").all():
            start = datetime.fromisoformat(button.get_attribute("value") or "")
            shown = (button.text_content() or "")[:5]
            assert shown == f"{start.astimezone(zone(zone_where_it_is_ten())):%H:%M}"
        phone.goto(f"{portal.url}/visits")
        visit = phone.locator("main a[href*='/visits/0']").first.get_attribute("href")
        said.append(words(phone, f"{portal.url}{visit}"))
        desk.goto(f"{portal.url}/sign-in?next=/desk/lisbon")
        sign_in(desk, "paula@clinic.example")
        booked = datetime.fromisoformat(phone.locator("main time").first.get_attribute("datetime") or "")
        on = booked.astimezone(zone(zone_where_it_is_ten())).date()
        said.append(words(desk, f"{portal.url}/desk/lisbon?day={on}"))
        heard.append(said)
    assert heard[0] == heard[1] == heard[2]
    assert all(re.search(r"\b\d\d:\d\d\b", said) for said in heard[0])


@pytest.mark.parametrize("hour", range(24))
def test_there_is_a_zone_of_ten_at_every_hour(hour: int) -> None:
    now = datetime(2026, 11, 21, hour, 59, tzinfo=UTC)
    assert now.astimezone(zone(zone_of_ten_at(now))).hour == 10
