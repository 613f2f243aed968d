"""In production the portal answers to its own name only, and no link, header or socket address repeats another one."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask import Flask

from clinic_portal.app import create_app, create_live_app
from clinic_portal.core.settings import Environment, Settings
from clinic_portal.web.hosts import own_name
from tests.support.cast import Cast
from tests.support.page import PortalClient

OURS = "portal.clinic.example"
PAGES = ("/privacy", "/tv", "/sign-in")

Visitor = Callable[[Flask], PortalClient]


@pytest.fixture
def production(settings: Settings) -> Settings:
    return replace(
        settings, environment=Environment.PRODUCTION, public_url=f"https://{OURS}", live_url=":8443", trusted_proxies=1
    )


@pytest.fixture
def visitor() -> Iterator[Visitor]:
    apps = []

    def made(app: Flask) -> PortalClient:
        apps.append(app)
        app.test_client_class = PortalClient
        client = app.test_client()
        assert isinstance(client, PortalClient)
        return client

    yield made
    for app in apps:
        with app.app_context():
            app.extensions["sqlalchemy"].engine.dispose()


def asked(host: str, **more: str) -> dict[str, str]:
    return {"Host": host, "X-Forwarded-Proto": "https", **more}


@pytest.mark.parametrize("host", [OURS, OURS.upper(), f"{OURS}:443"])
def test_its_own_name_is_answered(visitor: Visitor, production: Settings, host: str) -> None:
    client = visitor(create_app(production))
    for path in PAGES:
        response = client.get(path, headers=asked(host))
        assert response.status_code == 200, path
        assert f"https://{OURS}:8443" in response.headers["Content-Security-Policy"]


OTHERS = (
    "evil.example", f"{OURS}:444", f"{OURS}.evil.example", f"evil.{OURS}", f"{OURS}@evil.example",
    "127.0.0.1", "localhost", "", "a b",
)  # fmt: skip


@pytest.mark.parametrize("make", [create_app, create_live_app])
def test_another_name_is_refused_and_not_repeated(visitor: Visitor, production: Settings, make) -> None:
    client = visitor(make(production))
    for host in OTHERS:
        for path in (*PAGES, "/nowhere", "/book"):
            response = client.get(path, headers=asked(host))
            assert response.status_code == 400, (host, path)
            assert "evil" not in f"{response.headers}{response.get_data(as_text=True)}"
            assert "no-store" in response.headers["Cache-Control"]


def test_the_name_that_the_proxy_was_asked_for_counts(visitor: Visitor, production: Settings) -> None:
    client = visitor(create_app(production))
    assert client.get("/privacy", headers=asked("web:8000", **{"X-Forwarded-Host": OURS})).status_code == 200
    assert client.get("/privacy", headers=asked(OURS, **{"X-Forwarded-Host": "evil.example"})).status_code == 400


def test_health_is_asked_under_any_name(visitor: Visitor, production: Settings) -> None:
    client = visitor(create_app(production))
    for host in ("127.0.0.1:8000", "10.1.2.3", OURS):
        response = client.get("/health", headers={"Host": host})
        assert (response.status_code, response.text) == (200, "ok\n")


def test_a_laptop_is_reached_under_any_name_and_says_that_one(cast: Cast, app: Flask) -> None:
    desk = cast.browser(cast.receptionist)
    for host in ("127.0.0.1:8000", "localhost:8000", "reception.lan:8000"):
        cookie = desk.get_cookie("clinic_session")
        assert cookie is not None
        response = app.test_client(use_cookies=False).get(
            "/desk/lisbon/screens", headers={"Host": host, "Cookie": f"clinic_session={cookie.value}"}
        )
        assert response.status_code == 200
        assert f"http://{host}/tv" in response.get_data(as_text=True)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://portal.clinic.example", OURS),
        ("https://portal.clinic.example:443", OURS),
        ("https://portal.clinic.example:8443", f"{OURS}:8443"),
        ("https://clínica.example", "xn--clnica-4va.example"),
    ],
)
def test_the_name_is_that_which_browsers_send(url: str, name: str) -> None:
    assert own_name(url) == name
