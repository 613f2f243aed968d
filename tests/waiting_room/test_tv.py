"""The TV: pairs, shows the board, and holds nothing that it does not show."""

import re
from datetime import timedelta

import pytest

from clinic_portal.patients.rules import DisplayChoice
from clinic_portal.waiting_room.queries import facility_screens
from clinic_portal.waiting_room.rules import ScreenLabel
from clinic_portal.waiting_room.use_cases.call_ticket import call_ticket
from clinic_portal.waiting_room.use_cases.change_screen import change_screen
from clinic_portal.waiting_room.use_cases.enter_room import enter_room
from clinic_portal.waiting_room.use_cases.pair_screen import pair_screen
from clinic_portal.waiting_room.use_cases.recall_ticket import recall_ticket
from clinic_portal.waiting_room.use_cases.revoke_screen import revoke_screen
from tests.support.page import Page, PortalClient
from tests.waiting_room.desk import Desk


def version(page: Page) -> str:
    return page.one("div", id="board").get("data-version", "")


def code(page: Page) -> str:
    shown = page.one("p", class_="tv-code").get("aria-label", "")
    return shown.replace(" ", "")


def pair(desk: Desk, client: PortalClient, language: str = "en") -> None:
    label = ScreenLabel("Waiting room A", language)
    pair_screen(desk.db, desk.clock, code=code(client.page("/tv")), label=label, **desk.ask())


def poll(client: PortalClient, shown: str) -> int:
    return client.get(f"/tv/board?version={shown}", headers={"HX-Request": "true"}).status_code


def test_unpaired_it_shows_a_code_and_how_to_pair_and_nothing_else(desk: Desk, client: PortalClient) -> None:
    desk.arrive(desk.cast.patient_person)
    response = client.get("/tv")
    cookie = response.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    page = client.page("/tv")
    assert page.h1 in {"Pair this screen", "Emparelhar este ecrã"}
    assert len(code(page)) == 6
    for word in ("Marta", "Araújo", "Lisbon", "Room"):
        assert word not in page.html
    assert page.one("noscript") is not None
    assert "Set-Cookie" not in client.get("/tv").headers, "one screen, one cookie"


def test_the_code_stays_for_ten_minutes_and_is_then_another(desk: Desk, client: PortalClient) -> None:
    page = client.page("/tv")
    assert code(client.page("/tv")) == code(page)
    assert poll(client, version(page)) == 204
    desk.clock.advance(timedelta(minutes=10))
    fresh = client.fragment(f"/tv/board?version={version(page)}")
    assert code(fresh) != code(page)


def test_the_page_turns_into_the_board_by_itself(desk: Desk, client: PortalClient) -> None:
    desk.arrive(desk.cast.patient_person)
    shown = version(client.page("/tv"))
    pair(desk, client)
    board = client.fragment(f"/tv/board?version={shown}")
    assert "Marta A." in board.text
    assert "10:12" in board.text
    page = client.page("/tv")
    assert page.h1 == "Waiting room"
    assert page.root.get("lang") == "en"
    assert "Waiting room A" in page.text


def test_a_poll_is_answered_only_when_something_is_new(desk: Desk, client: PortalClient) -> None:
    pair(desk, client)
    shown = version(client.page("/tv"))
    response = client.get(f"/tv/board?version={shown}", headers={"HX-Request": "true"})
    assert response.status_code == 204
    assert response.headers["X-Clinic-Time"] == "10:12:00"
    desk.clock.advance(timedelta(seconds=59))
    assert poll(client, shown) == 204
    ticket = desk.arrive(desk.cast.patient_person)
    fresh = client.fragment(f"/tv/board?version={shown}")
    assert poll(client, version(fresh)) == 204
    desk.clock.advance(timedelta(seconds=1))
    assert poll(client, version(fresh)) == 200, "waits change by themselves"
    call_ticket(desk.db, desk.clock, ticket_id=ticket, **desk.ask())
    assert "Room 1" in client.fragment(f"/tv/board?version={version(fresh)}").text
    for hostile in ("", "x", "-1", "9" * 400, "%00"):
        assert poll(client, hostile) == 200


def test_a_call_says_name_room_and_way_in_words_until_they_are_in(desk: Desk, client: PortalClient) -> None:
    pair(desk, client)
    ticket = desk.arrive(desk.cast.patient_person)
    call_ticket(desk.db, desk.clock, ticket_id=ticket, **desk.ask())
    desk.clock.advance(timedelta(minutes=30))
    text = client.page("/tv").text
    assert "Please come in Marta A. Room 1 to the left" in text
    recall_ticket(desk.db, desk.clock, ticket_id=ticket, **desk.ask())
    assert "called 2 times" in client.page("/tv").text
    enter_room(desk.db, desk.clock, ticket_id=ticket, **desk.ask())
    page = client.page("/tv")
    assert "Please come in" not in page.text
    assert "Marta A. In room 1" in page.text


def test_many_calls_stay_visible_at_once(desk: Desk, client: PortalClient) -> None:
    pair(desk, client)
    names = ["Ana", "Bia", "Caio", "Dino", "Eva", "Filipe"]
    for index, name in enumerate(names):
        ticket = desk.arrive(desk.person(name), minutes=30 * index)
        call_ticket(desk.db, desk.clock, ticket_id=ticket, **desk.ask())
        desk.clock.advance(timedelta(seconds=1))
    page = client.page("/tv")
    big = [section for section in page.all("section") if "tv-call" in section.get("class", "").split()]
    assert len(big) == 4
    assert all(f"{name} S." in page.text for name in names)
    assert page.text.index("Filipe S.") < page.text.index("Eva S."), "the newest first"


@pytest.mark.parametrize(
    ("name", "size"),
    [("Tomás", "short"), ("Maximiliano", "wide"), ("Marcelina", ""), ("Bartholomäus-Konstantin", "long")],
)
def test_a_name_is_as_large_as_its_place_allows_and_the_arrow_stays_with_its_words(
    desk: Desk, client: PortalClient, name: str, size: str
) -> None:
    pair(desk, client)
    ticket = desk.arrive(desk.person(name))
    waiting = client.page("/tv").one("ol", **{"class": "tv-next"}).find("li/b")
    assert waiting is not None
    assert waiting.get("class") == ("long" if size in {"wide", "long"} else None)
    call_ticket(desk.db, desk.clock, ticket_id=ticket, **desk.ask())
    page = client.page("/tv")
    (call,) = [section for section in page.all("section") if "tv-call" in section.get("class", "").split()]
    assert call.get("class") == f"tv-call{size and f' tv-call--{size}'}"
    (way,) = [one for one in call.iter("span") if "to the left" in "".join(one.itertext())]
    assert any(one.tag.endswith("svg") for one in way)


def test_those_who_wait_stand_in_order_with_what_they_wait(desk: Desk, client: PortalClient) -> None:
    pair(desk, client)
    for index, name in enumerate(["Ana", "Bia", "Caio", "Dino", "Eva", "Filipe", "Gil"]):
        desk.arrive(desk.person(name), minutes=30 * index)
    text = client.page("/tv").text
    assert "Ana S. 0–5 min Bia S. 20–40 min" in text
    assert "Filipe" not in text
    assert "and 2 more" in text


def test_two_who_would_read_the_same_are_told_apart(desk: Desk, client: PortalClient) -> None:
    pair(desk, client)
    first, second = (desk.arrive(desk.person("Ana"), minutes=30 * index) for index in range(2))
    text = client.page("/tv").text
    assert f"Ana S. · {desk.row(first).code}" in text
    assert f"Ana S. · {desk.row(second).code}" in text


@pytest.mark.parametrize("called", [False, True])
def test_nothing_of_a_code_patient_is_in_the_html(desk: Desk, client: PortalClient, called: bool) -> None:
    pair(desk, client)
    person = desk.person(
        "Zuleica", "Quaresma", display_choice=DisplayChoice.CODE, phone="+351912345699", email="zuleica@example.org"
    )
    ticket = desk.arrive(person, service=desk.clinic.shock_waves)
    row = desk.row(ticket)
    if called:
        call_ticket(desk.db, desk.clock, ticket_id=ticket, **desk.ask())
    html = client.page("/tv").html + client.fragment("/tv/board?version=x").html
    assert row.code in html
    secrets = [
        "Zuleica", "Quaresma", "Zul", "1990", "912345699", "zuleica@", str(person.id), str(ticket), str(row.appointment_id),
        str(desk.clinic.ines.id), "Carvalho", "Shock", "choque", str(desk.clinic.lisbon.id), "facility",
    ]  # fmt: skip
    assert [word for word in secrets if word.lower() in html.lower()] == []
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", html), "no id of anything"


def test_what_is_not_shown_is_not_sent_either(desk: Desk, client: PortalClient) -> None:
    pair(desk, client)
    inside = desk.arrive(desk.person("Inside"), minutes=-60)
    enter_room(desk.db, desk.clock, ticket_id=inside, **desk.ask())
    for index, name in enumerate(["One", "Two"]):
        ticket = desk.arrive(desk.person(name), minutes=30 * index, practitioner=desk.clinic.rui)
        call_ticket(desk.db, desk.clock, ticket_id=ticket, **desk.ask())
    assert "Inside" not in client.page("/tv").html, "beside two calls there is no place for who is in a room"


def test_a_screen_shows_the_wall_clock_of_its_facility_in_its_language(desk: Desk, client: PortalClient) -> None:
    label = ScreenLabel("Sala", "pt_PT")
    azores = desk.clinic.azores.id
    shown = code(client.page("/tv"))
    actor = desk.cast.far_receptionist.actor()
    pair_screen(desk.db, desk.clock, code=shown, label=label, facility_id=azores, actor=actor)  # type: ignore[arg-type]
    page = client.page("/tv")
    assert page.root.get("lang") == "pt-PT"
    assert "09:12" in page.text
    assert "10:12" not in page.text


def test_a_new_name_is_shown_within_one_poll(desk: Desk, client: PortalClient) -> None:
    pair(desk, client)
    shown = version(client.page("/tv"))
    screen = facility_screens(desk.db, desk.facility_id)[0]
    change_screen(desk.db, desk.clock, screen_id=screen.id, label=ScreenLabel("Corridor", "en"), **desk.ask())
    assert "Corridor" in client.fragment(f"/tv/board?version={shown}").text


def test_revoked_it_shows_nothing_and_asks_to_be_paired_again(desk: Desk, client: PortalClient) -> None:
    pair(desk, client)
    desk.arrive(desk.cast.patient_person)
    screen = facility_screens(desk.db, desk.facility_id)[0]
    revoke_screen(desk.db, desk.clock, screen_id=screen.id, **desk.ask())
    answer = client.get("/tv/board", headers={"HX-Request": "true"})
    assert answer.status_code == 403
    assert "Marta" not in answer.get_data(as_text=True)
    assert len(code(client.page("/tv"))) == 6


@pytest.mark.parametrize("token", [None, "", "x", "\x7f", "a" * 4000])
def test_without_a_valid_token_the_board_is_forbidden(client: PortalClient, token: str | None) -> None:
    if token is not None:
        client.set_cookie("clinic_screen", token)
    assert client.get("/tv/board").status_code == 403


def test_only_get(client: PortalClient) -> None:
    assert client.post("/tv").status_code in {400, 405}
    assert client.post("/tv/board").status_code in {400, 405}


def test_the_desk_knows_when_it_was_last_heard_of(desk: Desk, client: PortalClient) -> None:
    pair(desk, client)
    shown = version(client.page("/tv"))
    desk.clock.advance(timedelta(seconds=30))
    poll(client, shown)
    assert facility_screens(desk.db, desk.facility_id)[0].last_seen_at == desk.clock.now()
