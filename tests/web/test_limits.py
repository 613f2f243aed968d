"""How often a visitor may ask: each address by itself, each view by itself, with and without Valkey."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask
from redis import Redis

from clinic_portal.app import create_app
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.settings import Settings
from clinic_portal.web.limits import limited

#: Nobody listens there.
NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture
def make_app(settings: Settings, clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Flask]:
    """Return what makes an application that counts, with three limited views of no feature."""
    # On a busy machine a Valkey that is slow would be one that is away, and the count begin anew.
    monkeypatch.setattr("clinic_portal.core.valkey.TIMEOUT_S", 30.0)

    def make(redis_url: str) -> Flask:
        app = create_app(replace(settings, rate_limits=True, redis_url=redis_url), clock)

        @limited("2 per hour", methods=["POST"])
        def posted() -> str:
            return "posted"

        @limited("2 per hour; 3 per day", exempt_when=lambda: False)
        def looked_at() -> str:
            return "looked at"

        @limited("1 per hour", exempt_when=lambda: True)
        def exempt() -> str:
            return "exempt"

        for view in (posted, looked_at, exempt):
            app.add_url_rule(f"/{view.__name__}", view.__name__, view, methods=["GET", "POST"])
        app.config["WTF_CSRF_ENABLED"] = False
        return app

    return make


@pytest.fixture(params=["with Valkey", "without Valkey"])
def app(request: pytest.FixtureRequest, settings: Settings, valkey: Redis, make_app: Callable[[str], Flask]) -> Flask:
    return make_app(settings.redis_url if request.param == "with Valkey" else NOWHERE)


def ask(app: Flask, path: str, *, method: str = "GET", address: str = "203.0.113.7") -> int:
    return app.test_client().open(path, method=method, environ_overrides={"REMOTE_ADDR": address}).status_code


def test_each_address_and_each_view_is_counted_by_itself(app: Flask) -> None:
    assert [ask(app, "/looked_at") for _ in range(3)] == [200, 200, 429]
    assert ask(app, "/looked_at", address="203.0.113.8") == 200
    assert ask(app, "/posted", method="POST") == 200


def test_processes_count_together_where_valkey_is_and_each_by_itself_where_it_is_not(
    settings: Settings, valkey: Redis, make_app: Callable[[str], Flask]
) -> None:
    for redis_url, third in ((settings.redis_url, 429), (NOWHERE, 200)):
        one, other = make_app(redis_url), make_app(redis_url)
        assert [ask(app, "/looked_at") for app in (one, other, one)] == [200, 200, third]


def test_only_the_methods_that_were_named_count(app: Flask) -> None:
    assert [ask(app, "/posted") for _ in range(4)] == [200] * 4
    assert [ask(app, "/posted", method="POST") for _ in range(3)] == [200, 200, 429]


def test_nothing_counts_for_the_exempt(app: Flask) -> None:
    assert [ask(app, "/exempt") for _ in range(3)] == [200] * 3


def test_who_has_a_network_of_ipv6_has_one_count(app: Flask) -> None:
    assert [ask(app, "/looked_at", address=f"2001:db8:1:2::{n}") for n in range(3)] == [200, 200, 429]
    assert ask(app, "/looked_at", address="2001:db8:1:3::1") == 200
