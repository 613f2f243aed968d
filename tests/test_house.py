"""The house itself: what is true of every route, template and session."""

from flask import Flask

from clinic_portal.web.access import ATTRIBUTE
from tests.support.page import PortalClient


def test_every_route_declares_its_right(app: Flask) -> None:
    missing = [
        rule.endpoint for rule in app.url_map.iter_rules() if not hasattr(app.view_functions[rule.endpoint], ATTRIBUTE)
    ]
    assert missing == []


def test_health_reaches_the_database(client: PortalClient) -> None:
    assert client.get("/health").status_code == 200
