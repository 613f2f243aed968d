"""Pressing buttons at the desk."""

from datetime import timedelta
from uuid import uuid4

import pytest

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.core.ids import TicketId
from clinic_portal.waiting_room.queries import ticket_of_appointment
from clinic_portal.waiting_room.rules import TicketState
from clinic_portal.waiting_room.use_cases.enter_room import enter_room
from tests.support.page import Page, PortalClient
from tests.waiting_room.desk import Desk
from tests.waiting_room.visits import make_visit

HTMX = {"HX-Request": "true"}


def browser(desk: Desk, who: str | None = "receptionist") -> PortalClient:
    return desk.cast.browser(getattr(desk.cast, who) if who else None)


def token(page: Page) -> str:
    return page.all("input", name="csrf_token")[0].get("value", "")


def buttons(page: Page) -> dict[str, str]:
    """Visible words of each button of the table → where it leads."""
    return {
        " ".join("".join(button.itertext()).split()): button.get("formaction", "")
        for button in page.all("button")
        if button.get("formaction")
    }


def press(client: PortalClient, words: str, **more: str) -> Page:
    """Press a button of the desk as a browser without JavaScript does."""
    page = client.page("/desk/lisbon")
    address = next(address for name, address in buttons(page).items() if name.startswith(words))
    return client.page(address, method="POST", data={"csrf_token": token(page), **more})


def test_a_visit_from_arriving_to_done_without_javascript(desk: Desk) -> None:
    visit = make_visit(desk.db, desk.clock, desk.clinic, desk.cast.patient_person)
    client = browser(desk)
    assert "Marta Araújo has arrived" in press(client, "Arrived").text
    assert "Marta Araújo is called to room 1" in press(client, "Call Marta").text
    assert "Marta Araújo is in room 1" in press(client, "In room").text
    assert "Marta Araújo is done" in press(client, "Done").text
    row = desk.db.get(Appointment, visit, populate_existing=True)
    assert row is not None
    assert row.state is AppointmentState.FULFILLED


def test_each_step_can_be_taken_back_from_its_confirmation(desk: Desk) -> None:
    visit = make_visit(desk.db, desk.clock, desk.clinic, desk.cast.patient_person)
    client = browser(desk)
    for words in ("Arrived", "Call Marta", "In room", "Done"):
        press(client, words)
    for state in (TicketState.IN_ROOM, TicketState.CALLED, TicketState.WAITING):
        press(client, "Undo")
        ticket = ticket_of_appointment(desk.db, visit)
        assert ticket is not None
        assert ticket.state is state
    press(client, "Undo: not arrived")
    assert ticket_of_appointment(desk.db, visit) is None


def test_a_visit_marked_as_missed_by_mistake_is_taken_back(desk: Desk) -> None:
    visit = make_visit(desk.db, desk.clock, desk.clinic, desk.cast.patient_person, minutes=-20)
    client = browser(desk)
    assert "Not attended" in press(client, "No-show").text
    page = press(client, "Undo Marta")
    assert "Not arrived 20 min late" in page.text
    assert "missed 1 visit" not in page.text
    assert "Attended after all" in client.page(f"/desk/lisbon/visits/{visit}").text


def test_a_visit_missed_on_an_earlier_day_is_taken_back_on_its_page(desk: Desk) -> None:
    visit = make_visit(desk.db, desk.clock, desk.clinic, desk.cast.patient_person, state=AppointmentState.NOSHOW)
    day = desk.clock.now().date().isoformat()
    desk.clock.advance(timedelta(days=2))
    client, path = browser(desk), f"/desk/lisbon/visits/{visit}"
    page = client.page(path)
    assert "The patient did come" in page.text
    answer = client.post(f"{path}/came", data=page.fields())
    assert (answer.status_code, answer.location) == (303, f"/desk/lisbon?said={visit}&day={day}")
    page = client.page(path)
    assert "The patient did come" not in page.text
    assert "Missed visits" not in page.text


def test_what_stands_behind_more(desk: Desk) -> None:
    ticket = desk.arrive(desk.cast.patient_person)
    client = browser(desk)
    press(client, "Call to room 2", room=str(desk.room_2))
    assert desk.row(ticket).room_id == desk.room_2
    desk.clock.at = desk.clock.at.replace(minute=20)
    press(client, "Call again")
    assert desk.row(ticket).calls == 2
    press(client, "No answer")
    assert desk.row(ticket).state is TicketState.WAITING
    press(client, "Has left")
    assert desk.row(ticket).state is TicketState.LEFT
    press(client, "Is back")
    assert desk.row(ticket).state is TicketState.WAITING
    press(client, "Already in the room")
    assert desk.row(ticket).state is TicketState.IN_ROOM


def test_a_no_show(desk: Desk) -> None:
    make_visit(desk.db, desk.clock, desk.clinic, desk.cast.patient_person, minutes=-20)
    assert "Not attended" in press(browser(desk), "No-show").text


def test_call_next_for_one_practitioner_to_a_room(desk: Desk) -> None:
    desk.arrive(desk.person("Inês' patient"))
    rui = desk.arrive(desk.person("Rui's patient"), minutes=30, practitioner=desk.clinic.rui)
    client = browser(desk)
    page = client.page("/desk/lisbon")
    data = {"csrf_token": token(page), "practitioner": str(desk.rui), "room": str(desk.room_2)}
    assert "is called to room 2" in client.page("/desk/lisbon/call-next", method="POST", data=data).text
    assert desk.row(rui).state is TicketState.CALLED
    assert "Nobody is waiting" in client.page("/desk/lisbon/call-next", method="POST", data=data, status=409).text


@pytest.mark.parametrize("junk", ["x", "", "0", "\x00", "ffffffff-ffff-7fff-bfff-ffffffffffff"])
def test_junk_instead_of_a_room_or_practitioner_is_no_bug(desk: Desk, junk: str) -> None:
    desk.arrive(desk.cast.patient_person)
    client = browser(desk)
    data = {"csrf_token": token(client.page("/desk/lisbon")), "practitioner": junk, "room": junk}
    assert client.post("/desk/lisbon/call-next", data=data).status_code in {303, 404, 409}


def test_htmx_is_led_to_the_days_block(desk: Desk) -> None:
    visit = make_visit(desk.db, desk.clock, desk.clinic, desk.cast.patient_person)
    client = browser(desk)
    data = {"csrf_token": token(client.page("/desk/lisbon")), "q": "marta"}
    response = client.post(f"/desk/lisbon/visits/{visit}/arrived", data=data, headers=HTMX)
    assert response.status_code == 303
    fragment = client.fragment(response.location)
    assert "Marta Araújo has arrived" in fragment.text
    assert "q=marta" in fragment.one("div", id="board").get("data-url", "")


def test_a_double_click_is_one_press(desk: Desk) -> None:
    visit = make_visit(desk.db, desk.clock, desk.clinic, desk.cast.patient_person)
    client = browser(desk)
    data = {"csrf_token": token(client.page("/desk/lisbon"))}
    for _ in range(2):
        assert client.post(f"/desk/lisbon/visits/{visit}/arrived", data=data).status_code == 303
    assert desk.version() == 1


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_conflict_says_what_happened_above_a_fresh_day(desk: Desk, headers: dict[str, str]) -> None:
    first, second = desk.arrive(desk.cast.patient_person), desk.arrive(desk.cast.child, minutes=30)
    client = browser(desk)
    data = {"csrf_token": token(client.page("/desk/lisbon"))}
    enter_room(desk.db, desk.clock, ticket_id=first, **desk.ask())
    response = client.post(f"/desk/lisbon/tickets/{second}/entered", data=data, headers=headers)
    page = Page(response)
    assert response.status_code == 409
    assert "Someone is still in this room" in page.text
    assert "In room, 0 min" in page.text
    assert page.one("div", id="refusal").get("role") == "alert"
    assert ("<html" in page.html) == (not headers)


def test_an_old_address_does_not_confirm_again(desk: Desk) -> None:
    ticket = desk.arrive(desk.cast.patient_person)
    visit = desk.row(ticket).appointment_id
    client = browser(desk)
    assert "has arrived" in client.page(f"/desk/lisbon?said={visit}").text
    desk.clock.at = desk.clock.at.replace(second=30)
    assert "has arrived" not in client.page(f"/desk/lisbon?said={visit}").text
    assert "has arrived" not in client.page("/desk/lisbon?said=%00").text


VISIT_PRESSES = ["arrived", "not-arrived", "no-show", "came"]
TICKET_PRESSES = ["call", "call-again", "entered", "done", "put-back", "left", "undo/called"]


def addresses(desk: Desk) -> list[str]:
    ticket = desk.arrive(desk.cast.patient_person)
    visit = desk.row(TicketId(ticket)).appointment_id
    return [
        *(f"/desk/lisbon/visits/{visit}/{press}" for press in VISIT_PRESSES),
        *(f"/desk/lisbon/tickets/{ticket}/{press}" for press in TICKET_PRESSES),
        "/desk/lisbon/call-next",
    ]


@pytest.mark.parametrize(("who", "status"), [("far_receptionist", 404), ("patient", 403), ("doctor", 403), (None, 303)])
def test_the_ladder_of_every_press(desk: Desk, who: str | None, status: int) -> None:
    paths = addresses(desk)
    version = desk.version()
    client = browser(desk, who)
    data = {"csrf_token": token(client.page("/privacy")) if who else ""}
    for path in paths:
        answer = client.post(path, data=data)
        assert answer.status_code == (status if who else 400), path
        assert "Marta" not in answer.get_data(as_text=True)
    assert desk.version() == version


def test_no_press_without_the_forms_token_or_by_get(desk: Desk) -> None:
    client = browser(desk)
    version = desk.version()
    for path in addresses(desk):
        assert client.post(path).status_code == 400, path
        assert client.get(path).status_code == 405, path
    assert desk.version() == version + 1, "the arrival alone"


def test_ids_that_are_none(desk: Desk) -> None:
    client = browser(desk)
    data = {"csrf_token": token(client.page("/desk/lisbon"))}
    unknown = uuid4()
    for press_ in VISIT_PRESSES:
        assert client.post(f"/desk/lisbon/visits/{unknown}/{press_}", data=data).status_code == 404
        assert client.post(f"/desk/lisbon/visits/x/{press_}", data=data).status_code == 404
    for press_ in TICKET_PRESSES:
        assert client.post(f"/desk/lisbon/tickets/{unknown}/{press_}", data=data).status_code == 404
    assert client.post(f"/desk/lisbon/tickets/{unknown}/undo/waiting", data=data).status_code == 404
