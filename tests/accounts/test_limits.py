"""Every form of this feature that a visitor can send is limited for each address of the network."""

from dataclasses import replace

import pytest
from flask import Flask
from redis import Redis

from clinic_portal.app import create_app
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.settings import Settings
from tests.support.page import PortalClient


@pytest.fixture
def limited(settings: Settings, clock: FixedClock, valkey: Redis) -> Flask:
    """An application that counts."""
    app = create_app(replace(settings, rate_limits=True), clock)
    app.test_client_class = PortalClient
    app.url_build_error_handlers.append(lambda error, endpoint, values: f"/{endpoint}")
    return app


@pytest.mark.parametrize(
    ("path", "free"),
    [
        ("/sign-in", 20),
        ("/register", 10),
        ("/register/code", 20),
        ("/register/code/resend", 10),
        ("/forgotten-password", 10),
        ("/forgotten-password/code", 20),
    ],
)
def test_a_flood_is_refused_with_a_page_and_reading_is_not(limited: Flask, path: str, free: int) -> None:
    client = limited.test_client()
    token = (
        client.get("/register").get_data(as_text=True).split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
    )
    # Twice as many, because a new minute of the real clock may begin in between.
    answers = [client.post(path, data={"csrf_token": token}).status_code for _ in range(2 * free + 1)]
    assert answers.index(429) >= free
    assert "Too many tries" in client.post(path, data={"csrf_token": token}).get_data(as_text=True)
    assert client.get(path).status_code in (200, 303, 405)
