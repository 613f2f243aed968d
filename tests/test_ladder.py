"""The ladder on every endpoint: wrong method 405, no form token 400, bad id 404, wrong role 403, fragment = block of the page.

Table-driven over the URL map: a new route climbs it without a line here, or is listed below with the reason why it cannot.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.routing import Rule

from clinic_portal.core.actor import Role
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.ids import new_id
from clinic_portal.core.settings import Environment, Settings
from clinic_portal.web.access import ATTRIBUTE, ROLES, Right
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.page import PortalClient
from tests.support.world import (
    World,
    csrf_token,
    is_sign_in,
    make_world,
    methods_of,
    path_of,
    rules_of,
    snapshot,
    without_nonces,
)

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

#: Right → somebody who has it.
WHO_HAS = {
    Right.PUBLIC: "visitor", Right.SIGNED_IN: "patient", Right.PATIENT: "patient", Right.DESK: "receptionist",
    Right.ADMIN: "administrator", Right.HOURS: "administrator", Right.SCREEN: "screen", Right.DEVELOPMENT: "visitor",
}  # fmt: skip

#: Role → an account of the cast that has it.
ACCOUNTS = {
    Role.PATIENT: "patient", Role.RECEPTIONIST: "receptionist", Role.DOCTOR: "doctor", Role.ADMINISTRATOR: "administrator",
}  # fmt: skip

#: Public routes whose id belongs to whoever has the key of the held time: the patient's browser has it.
HOLD = "/book/hold/"

#: Addresses that only a session of a series has.
OF_SESSIONS = "-later"

#: URL part → what is none. "" stands for values that do not even look like one.
BAD = {
    "appointment_id": (str(new_id()), "1", "0" * 36, "%00"),
    "ticket_id": (str(new_id()), "1"),
    "patient_id": (str(new_id()), "1"),
    "session_id": (str(new_id()), "1"),
    "series_id": (str(new_id()), "1"),
    "screen_id": (str(new_id()), "1"),
    "slug": ("nowhere", "ponta-delgada", "\x00", "é"),
    "service": ("nothing", "\x00", "é"),
    "state": ("waiting", "nothing"),
    "channel": ("post", "SMS"),
    "entry_id": (str(new_id()), "1"),
    "offer_id": (str(new_id()), "1"),
    "offer_code": ("K7M2PX4A" + "A" * 10, "K7M2PX4A", "x", "\x00", "é" * 18),
    "feed_token": ("A" * 32, "x", "\x00", "é" * 32),
    "visit_code": ("K7M2PX4A" + "A" * 10, "K7M2PX4A", "x", "\x00", "é" * 18),
    "item_id": ("email-1", "../servers", "%2e%2e"),
    "number": ("99", "-1", "x"),
    "practitioner_id": (str(new_id()), "1"),
    "hours_id": (str(new_id()), "1"),
    "absence_id": (str(new_id()), "1"),
    "extra_id": (str(new_id()), "1"),
    "place": ("nowhere", "\x00", "é"),
    "stranded": (f"{new_id()}@20261128T1000", "1", "\x00"),
}

#: Addresses that another rule serves: the last word is then an id that there is not.
READ_AS_AN_ID = {("/developer/inbox/answer", "GET"), ("/developer/inbox/clear", "GET")}

#: Pages that answer a GET without a block of HTML, and why.
NO_FRAGMENT = {
    "booking.visit_calendar": "a calendar file",
    "booking.calendar_feed": "a calendar file",
    "booking.series_calendar": "a calendar file",
    "web.health": "plain text for load balancers",
    "web.too_much": "an error's page",
    "notifications.show_email_body": "an e-mail in its frame: not a page of ours",
    "notifications.download_attachment": "a file",
}


@pytest.fixture
def world(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings, inbox: Path) -> World:
    """Built after `inbox` has emptied its folder."""
    assert not list(inbox.iterdir())
    return make_world(db, clock, clinic, cast, settings)


def right_of(app: Flask, rule: Rule) -> Right:
    declared: Right = getattr(app.view_functions[rule.endpoint], ATTRIBUTE)
    return declared


class Climber:
    """Browsers that are made once, and the addresses of a world."""

    def __init__(self, app: Flask, world: World) -> None:
        self.app, self.world = app, world
        self._browsers: dict[str, tuple[PortalClient, str]] = {}

    def browser(self, who: str) -> tuple[PortalClient, str]:
        """A browser and a token for its forms."""
        if who not in self._browsers:
            client = self.world.browser(who)
            self._browsers[who] = client, csrf_token(client)
        return self._browsers[who]

    def entitled(self, rule: Rule) -> tuple[PortalClient, str]:
        """The browser of somebody who may use the rule."""
        return self.browser("patient" if rule.rule.startswith(HOLD) else WHO_HAS[right_of(self.app, rule)])

    def path(self, rule: Rule, **changed: object) -> str:
        """The rule's address with the world's values."""
        values: dict[str, object] = {name: found[0] for name, found in self.world.arguments().items()}
        if rule.rule.startswith(HOLD):
            values["appointment_id"] = self.world.held.id
        if OF_SESSIONS in rule.rule:
            values["appointment_id"] = self.world.session.id
        return path_of(rule, values | changed)


@pytest.fixture
def climber(app: Flask, world: World) -> Climber:
    return Climber(app, world)


def test_wrong_methods_are_refused(climber: Climber) -> None:
    served: dict[str, set[str]] = {}
    for rule in rules_of(climber.app):
        served.setdefault(rule.rule, set()).update(methods_of(rule))
    wrong = []
    for rule in rules_of(climber.app):
        client, token = climber.entitled(rule)
        for method in sorted(set(METHODS) - served[rule.rule]):
            answer = client.open(climber.path(rule), method=method, headers={"X-CSRFToken": token})
            if (rule.rule, method) in READ_AS_AN_ID:
                assert answer.status_code == 404
            elif answer.status_code != 405 or not answer.headers.get("Allow"):
                wrong.append((rule.rule, method, answer.status_code))
    assert wrong == []


def test_without_the_form_token_nothing_happens(climber: Climber) -> None:
    posts = [rule for rule in rules_of(climber.app) if "POST" in methods_of(rule)]
    browsers = [climber.entitled(rule) for rule in posts]
    before = snapshot(climber.world.db)
    form = {"email": "marta@example.org", "reason": "patient.other", "language": "pt_PT", "choice": "code"}
    answers = {}
    for rule, (client, token) in zip(posts, browsers, strict=True):
        for headers in ({}, {"HX-Request": "true"}, {"X-CSRFToken": f"{token}x"}, {"X-CSRFToken": token[:-1]}):
            answers[rule.rule, str(headers)] = client.post(climber.path(rule), data=form, headers=headers).status_code
    assert {where: status for where, status in answers.items() if status != 400} == {}
    assert snapshot(climber.world.db) == before


def test_bad_ids_are_not_found(climber: Climber) -> None:
    found = []
    for rule in rules_of(climber.app):
        client, token = climber.entitled(rule)
        for name in rule.arguments:
            for bad in BAD[name]:
                for method in ("GET", "POST"):
                    if method in methods_of(rule):
                        path = climber.path(rule, **{name: bad})
                        answer = client.open(path, method=method, headers={"X-CSRFToken": token})
                        if answer.status_code != 404:
                            found.append((method, path, answer.status_code))
    assert found == []


@pytest.mark.parametrize("role", [None, *ACCOUNTS])
def test_the_wrong_role_is_refused(climber: Climber, role: Role | None) -> None:
    client, token = climber.browser(ACCOUNTS[role] if role else "visitor")
    wrong = []
    for rule in rules_of(climber.app):
        roles = ROLES.get(right_of(climber.app, rule))
        if roles is None or role in roles:
            continue
        for method in {"GET", "POST"} & set(methods_of(rule)):
            answer = client.open(climber.path(rule), method=method, headers={"X-CSRFToken": token})
            is_refused = answer.status_code == 403 if role else answer.status_code == 303 and is_sign_in(answer)
            if not is_refused:
                wrong.append((rule.rule, method, answer.status_code))
            fragment = client.open(
                climber.path(rule), method=method, headers={"X-CSRFToken": token, "HX-Request": "true"}
            )
            if fragment.status_code != (403 if role else 401) or "<html" in fragment.get_data(as_text=True):
                wrong.append((rule.rule, f"{method} by HTMX", fragment.status_code))
    assert wrong == []


def test_every_right_is_climbed(app: Flask) -> None:
    assert set(WHO_HAS) == set(Right)
    assert {right_of(app, rule) for rule in rules_of(app)} == set(Right)
    assert {role for roles in ROLES.values() for role in roles} == set(ACCOUNTS)


def test_a_screen_page_is_for_screens(climber: Climber) -> None:
    rules = [rule for rule in rules_of(climber.app) if right_of(climber.app, rule) is Right.SCREEN]
    for rule in rules:
        assert climber.browser("screen")[0].get(climber.path(rule)).status_code == 200
        for who in ("visitor", "patient", "receptionist"):
            assert climber.browser(who)[0].get(climber.path(rule)).status_code == 403


@pytest.fixture
def in_production(app: Flask, settings: Settings) -> Iterator[None]:
    extension = app.extensions["clinic_portal"]
    extension["settings"] = replace(settings, environment=Environment.PRODUCTION)
    yield
    extension["settings"] = settings


@pytest.mark.usefixtures("in_production")
def test_the_developers_pages_are_not_there_in_production(climber: Climber) -> None:
    client, token = climber.browser("administrator")
    for rule in rules_of(climber.app):
        if right_of(climber.app, rule) is Right.DEVELOPMENT:
            for method in {"GET", "POST"} & set(methods_of(rule)):
                answer = client.open(climber.path(rule), method=method, headers={"X-CSRFToken": token})
                assert answer.status_code == 404, rule.rule


def test_a_fragment_is_a_block_of_its_page(climber: Climber) -> None:
    compared, wrong = set(), []
    for rule in rules_of(climber.app):
        if "GET" not in methods_of(rule):
            continue
        client, _ = climber.entitled(rule)
        path = climber.path(rule) + ("?facility=lisbon" if rule.arguments == {"service"} else "")
        page = client.get(path)
        if page.status_code != 200 or rule.endpoint in NO_FRAGMENT:
            # A redirect; where it leads to is walked by itself.
            assert rule.endpoint in NO_FRAGMENT or page.status_code == 303, (path, page.status_code)
            continue
        fragment = client.get(path, headers={"HX-Request": "true"})
        compared.add(rule.endpoint)
        whole, part = body_of(page.get_data(as_text=True)), body_of(fragment.get_data(as_text=True))
        if fragment.status_code != 200 or "<html" in part or not part or part not in whole or part == whole:
            wrong.append((path, fragment.status_code, part[:200]))
        for headers in ({"HX-Boosted": "true"}, {"HX-History-Restore-Request": "true"}):
            assert "<html" in client.get(path, headers={"HX-Request": "true"} | headers).get_data(as_text=True)
    assert wrong == []
    assert {"booking.home", "booking.visit", "front_desk.day", "waiting_room.tv_board", "accounts.sign_in"} <= compared


def body_of(text: str) -> str:
    """A body without nonces and tokens, and without differences in white space."""
    return re.sub(r"\s+", " ", without_nonces(text)).strip()
