"""Pairing TVs and looking after them."""

from datetime import timedelta
from uuid import uuid4

import pytest

from clinic_portal.waiting_room.queries import ScreenFacts, facility_screens
from clinic_portal.waiting_room.use_cases.note_seen import note_seen
from clinic_portal.waiting_room.use_cases.start_screen import start_screen
from tests.support.page import Page, PortalClient
from tests.waiting_room.desk import Desk

PAGE = "/desk/lisbon/screens"


def browser(desk: Desk, who: str | None = "receptionist") -> PortalClient:
    return desk.cast.browser(getattr(desk.cast, who) if who else None)


def pair(desk: Desk, client: PortalClient, **typed: str) -> tuple[Page, ScreenFacts]:
    _, screen = start_screen(desk.db, desk.clock)
    code = (screen.pairing_code or "").lower()
    fields = client.page(PAGE).fields()
    data = fields | {"code": f"{code[:3]} {code[3:]}", "name": "Waiting room A", "language": "pt_PT"} | typed
    return client.page(PAGE, method="POST", data=data), screen


def test_pairing_by_the_code_typed_in_any_way(desk: Desk) -> None:
    page, _ = pair(desk, browser(desk))
    assert "Waiting room A" in page.text
    assert "not yet seen" in page.text
    assert facility_screens(desk.db, desk.facility_id)[0].language == "pt_PT"


@pytest.mark.parametrize("code", ["AAAAAA", "x", "\x00", "ᵏ7m3pt", "%%%%%%"])
def test_an_unknown_code_is_an_error_beside_the_field_and_keeps_what_was_typed(desk: Desk, code: str) -> None:
    client = browser(desk)
    data = client.page(PAGE).fields() | {"code": code, "name": "Corridor", "language": "en"}
    page = client.page(PAGE, method="POST", data=data, status=422)
    assert page.title.startswith("Error: Screens")
    assert page.one("input", id="code").get("aria-invalid") == "true"
    assert page.one("input", id="name").get("value") == "Corridor"
    assert facility_screens(desk.db, desk.facility_id) == []


def test_an_expired_code_is_unknown(desk: Desk) -> None:
    _, screen = start_screen(desk.db, desk.clock)
    desk.clock.advance(timedelta(minutes=10))
    client = browser(desk)
    data = client.page(PAGE).fields() | {"code": screen.pairing_code or "", "name": "A"}
    page = client.page(PAGE, method="POST", data=data, status=422)
    assert "No screen shows this code" in page.text


@pytest.mark.parametrize("name", ["", "   ", "x" * 41, "\u200b", "\x00"])
def test_a_screen_needs_a_name(desk: Desk, name: str) -> None:
    client = browser(desk)
    _, screen = start_screen(desk.db, desk.clock)
    data = client.page(PAGE).fields() | {"code": screen.pairing_code or "", "name": name}
    page = client.page(PAGE, method="POST", data=data, status=422)
    assert page.one("input", id="name").get("aria-invalid") == "true"


def test_the_list_says_which_screen_is_silent(desk: Desk) -> None:
    client = browser(desk)
    pair(desk, client)
    note_seen(desk.db, desk.clock, screen=facility_screens(desk.db, desk.facility_id)[0])
    assert "live" in client.page(PAGE).text
    desk.clock.advance(timedelta(seconds=42))
    assert "silent since Monday 23 November, 10:12" in client.page(PAGE).text
    assert "silent 40 s" in client.page("/desk/lisbon").text
    desk.clock.advance(timedelta(minutes=5))
    assert "silent 5 min" in client.page("/desk/lisbon").text


def test_another_name_and_language(desk: Desk) -> None:
    client = browser(desk)
    _, screen = pair(desk, client)
    page = client.page(f"{PAGE}/{screen.id}")
    assert page.h1 == "Waiting room A"
    data = page.fields(-2) | {"name": "Corridor", "language": "en"}
    page = client.page(f"{PAGE}/{screen.id}", method="POST", data=data)
    assert "Corridor English" in page.text
    client.page(f"{PAGE}/{screen.id}", method="POST", data=data | {"name": ""}, status=422)
    client.page(f"{PAGE}/{screen.id}", method="POST", data=data | {"language": "xx"}, status=422)


def test_out_of_service(desk: Desk) -> None:
    client = browser(desk)
    _, screen = pair(desk, client)
    data = client.page(f"{PAGE}/{screen.id}").fields()
    page = client.page(f"{PAGE}/{screen.id}/revoke", method="POST", data=data)
    assert "No screen is paired yet" in page.text
    client.page(f"{PAGE}/{screen.id}", status=404)
    assert client.post(f"{PAGE}/{screen.id}/revoke", data=data).status_code == 404


@pytest.mark.parametrize(("who", "status"), [("far_receptionist", 404), ("patient", 403), ("doctor", 403), (None, 303)])
def test_the_ladder(desk: Desk, who: str | None, status: int) -> None:
    _, screen = pair(desk, browser(desk))
    client = browser(desk, who)
    for path in (PAGE, f"{PAGE}/{screen.id}"):
        assert client.get(path).status_code == status
    if who:
        data = {"csrf_token": client.page("/privacy").fields(0).get("csrf_token", ""), "name": "x", "code": "y"}
        for path in (PAGE, f"{PAGE}/{screen.id}", f"{PAGE}/{screen.id}/revoke"):
            assert client.post(path, data=data).status_code == status
    assert facility_screens(desk.db, desk.facility_id)[0].name == "Waiting room A"


def test_no_change_without_the_forms_token(desk: Desk) -> None:
    client = browser(desk)
    _, screen = pair(desk, client)
    for path in (PAGE, f"{PAGE}/{screen.id}", f"{PAGE}/{screen.id}/revoke"):
        assert client.post(path, data={"name": "x", "code": "y"}).status_code == 400
    assert client.get(f"{PAGE}/{screen.id}/revoke").status_code == 405
    assert client.get(f"{PAGE}/{uuid4()}").status_code == 404
