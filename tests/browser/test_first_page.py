"""What a phone asks for on the first page of the booking, scripts included. Bytes: tests/processes/test_page_weight."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE
from tests.processes.test_page_weight import MAX_REQUESTS
from tests.support.running import Running

pytestmark = pytest.mark.browser


def test_a_phone_asks_for_few_things_and_nobody_elses(portal: Running, open_browser: Callable[..., Page]) -> None:
    phone, asked = open_browser(PHONE), list[str]()
    phone.on("request", lambda request: asked.append(request.url))
    phone.on("websocket", lambda socket: asked.append(socket.url))
    phone.goto(f"{portal.url}/book", wait_until="networkidle")
    expect(phone.get_by_role("heading", level=1)).to_be_visible()
    assert phone.evaluate("typeof htmx") == "object", "the scripts have run"
    assert any(address.endswith("/book") for address in asked)
    assert len(asked) <= MAX_REQUESTS, asked
    assert [address for address in asked if not address.startswith(f"{portal.url}/")] == []
