"""The receptionist's day."""

from datetime import timedelta

import pytest

from clinic_portal.booking.rules import AppointmentState
from clinic_portal.core.modes import Mode
from clinic_portal.facilities.models import FacilityStaff
from clinic_portal.waiting_room.use_cases.call_ticket import call_ticket
from clinic_portal.waiting_room.use_cases.enter_room import enter_room
from clinic_portal.waiting_room.use_cases.finish_ticket import finish_ticket
from clinic_portal.waiting_room.use_cases.mark_left import mark_left
from clinic_portal.waiting_room.use_cases.recall_ticket import recall_ticket
from tests.support.page import Page, PortalClient
from tests.waiting_room.desk import Desk
from tests.waiting_room.visits import make_visit


def browser(desk: Desk, who: str | None = "receptionist") -> PortalClient:
    return desk.cast.browser(getattr(desk.cast, who) if who else None)


def row(page: Page, name: str) -> str:
    """The text of a patient's row."""
    rows = [" ".join("".join(one.itertext()).split()) for one in page.all("tr") if one.get("data-row") is not None]
    return next(text for text in rows if name in text)


def test_my_desk_is_that_of_my_facility(desk: Desk) -> None:
    response = browser(desk).get("/desk")
    assert (response.status_code, response.location) == (303, "/desk/lisbon")
    assert browser(desk, "far_receptionist").get("/desk").location == "/desk/ponta-delgada"


def test_staff_without_a_facility_have_no_desk(desk: Desk) -> None:
    desk.db.query(FacilityStaff).filter_by(account_id=desk.cast.receptionist.id).delete()
    desk.db.commit()
    assert browser(desk).get("/desk").status_code == 404


@pytest.mark.parametrize(
    ("who", "status"),
    [("administrator", 200), ("far_receptionist", 404), ("patient", 403), ("doctor", 403), (None, 303)],
)
def test_the_ladder(desk: Desk, who: str | None, status: int) -> None:
    make_visit(desk.db, desk.clock, desk.clinic, desk.cast.patient_person)
    response = browser(desk, who).get("/desk/lisbon")
    assert response.status_code == status
    assert ("Marta" in response.get_data(as_text=True)) == (status == 200)


@pytest.mark.parametrize("page", ["", "/book", "/screens", "/waiting-list"])
def test_whoever_works_at_several_desks_gets_from_each_page_to_the_others(desk: Desk, page: str) -> None:
    assert "/desk/ponta-delgada" in browser(desk, "administrator").page(f"/desk/lisbon{page}").links()
    assert "/desk/ponta-delgada" not in browser(desk).page(f"/desk/lisbon{page}").links()


def test_a_facility_that_does_not_exist(desk: Desk) -> None:
    browser(desk).page("/desk/nowhere", status=404)


def test_a_day_in_full_swing_says_where_everybody_is(desk: Desk) -> None:
    def person(name: str, minutes: int) -> dict[str, object]:
        return {"patient": desk.person(name), "minutes": minutes}

    make_visit(desk.db, desk.clock, desk.clinic, **person("Later", 90))
    make_visit(desk.db, desk.clock, desk.clinic, **person("Lateness", -12), practitioner=desk.clinic.rui)
    make_visit(desk.db, desk.clock, desk.clinic, **person("Missed", -150), state=AppointmentState.NOSHOW)
    make_visit(desk.db, desk.clock, desk.clinic, **person("Online", 150), mode=Mode.ONLINE, room_id=None)
    done = desk.arrive(**person("Finished", -120))
    enter_room(desk.db, desk.clock, ticket_id=done, **desk.ask())
    finish_ticket(desk.db, desk.clock, ticket_id=done, **desk.ask())
    inside = desk.arrive(**person("Inside", -60))
    enter_room(desk.db, desk.clock, ticket_id=inside, **desk.ask())
    gone = desk.arrive(**person("Gone", -30))
    mark_left(desk.db, desk.clock, ticket_id=gone, **desk.ask())
    called = desk.arrive(**person("Summoned", 0))
    call_ticket(desk.db, desk.clock, ticket_id=called, **desk.ask())
    desk.arrive(desk.cast.child, minutes=60)
    desk.clock.advance(timedelta(minutes=11))
    page = browser(desk).page("/desk/lisbon")
    assert page.h1 == "Monday 23 November"
    assert "Booked Arrived" in row(page, "Later")
    assert "Not arrived 23 min late Arrived" in row(page, "Lateness")
    assert "No-show" in row(page, "Lateness")
    assert "Not attended" in row(page, "Missed")
    assert "Online Booked Has begun" in row(page, "Online")
    assert "Done 10:12" in row(page, "Finished")
    assert "In room, 11 min Done" in row(page, "Inside")
    assert "Left 10:12 Is back" in row(page, "Gone")
    assert "Called, 11 min In room" in row(page, "Summoned")
    assert "Waiting 11 min Call" in row(page, "Tomás Araújo · 8 years, with Lina")
    stats = {dt.text: dd.text for dt, dd in zip(page.all("dt"), page.all("dd"), strict=True)}
    assert stats == {
        "visits today": "9",
        "waiting": "1",
        "current wait": stats["current wait"],
        "in a room": "1",
        "not arrived, late": "1",
    }
    assert "min" in (stats["current wait"] or "")
    assert "1 Summoned Silva → room 1" in page.text


def test_who_waits_longer_than_told_stands_out(desk: Desk) -> None:
    desk.arrive(desk.cast.patient_person)
    assert "longer than estimated" not in browser(desk).page("/desk/lisbon").text
    desk.clock.advance(timedelta(minutes=6))
    assert "Waiting 6 min longer than estimated" in browser(desk).page("/desk/lisbon").text


@pytest.mark.parametrize("language", ["en", "pt_PT"])
def test_a_state_is_said_in_one_line_and_the_rest_below_it(desk: Desk, language: str) -> None:
    """At 1280 pixels a longer one takes two lines from the names beside it."""
    make_visit(desk.db, desk.clock, desk.clinic, desk.person("Lateness"), minutes=-12, practitioner=desk.clinic.rui)
    desk.arrive(desk.cast.patient_person)
    called = desk.arrive(desk.cast.child, minutes=60)
    call_ticket(desk.db, desk.clock, ticket_id=called, **desk.ask())
    desk.clock.advance(timedelta(minutes=1))
    recall_ticket(desk.db, desk.clock, ticket_id=called, **desk.ask())
    desk.clock.advance(timedelta(minutes=95))
    client = browser(desk)
    client.set_cookie("clinic_language", language)
    page = client.page("/desk/lisbon")
    assert len(page.all("span", class_="dayt__note")) == 3
    states = ["".join(one.itertext()) for one in page.all("span") if (one.get("class") or "").startswith("tag")]
    assert len(states) == 3
    assert max(len(state) for state in states) <= 20, states


def test_other_days_show_who_comes_and_offer_nothing_to_press(desk: Desk) -> None:
    make_visit(desk.db, desk.clock, desk.clinic, desk.cast.patient_person, minutes=24 * 60)
    client = browser(desk)
    assert "Marta" not in client.page("/desk/lisbon").text
    page = client.page("/desk/lisbon?day=2026-11-24")
    assert page.h1 == "Tuesday 24 November"
    assert "Marta Araújo" in page.text
    assert [button for button in page.all("button") if button.get("formaction")] == []
    assert "/desk/lisbon?day=2026-11-25" in page.links()


@pytest.mark.parametrize("day", ["", "x", "2026-13-40", "0001-01-01", "9999-12-31", "2026-11-23T10:00", "\x00", "٢"])
def test_a_day_that_is_none_is_today(desk: Desk, day: str) -> None:
    page = browser(desk).page("/desk/lisbon", query_string={"day": day})
    assert page.h1 == "Monday 23 November"


def test_the_day_begins_and_ends_on_the_facilitys_clock(desk: Desk) -> None:
    azores = {"facility_id": desk.clinic.azores.id, "room_id": desk.clinic.room_a.id, "practitioner": desk.clinic.sofia}
    desk.clock.advance(timedelta(hours=14))  # 00:12 on Tuesday in Lisbon, 23:12 on Monday in Ponta Delgada.
    make_visit(desk.db, desk.clock, desk.clinic, desk.cast.patient_person, minutes=10, **azores)  # type: ignore[arg-type]
    page = browser(desk, "far_receptionist").page("/desk/ponta-delgada")
    assert page.h1 == "Monday 23 November"
    assert "23:22" in page.text


@pytest.mark.parametrize("query", ["araujo", "MARTA", "912345601", "5601", "marta araú"])
def test_the_filter_finds_by_name_and_phone(desk: Desk, query: str) -> None:
    make_visit(desk.db, desk.clock, desk.clinic, desk.cast.patient_person)
    make_visit(desk.db, desk.clock, desk.clinic, desk.cast.stranger_person, minutes=60)
    text = browser(desk).page("/desk/lisbon", query_string={"q": query}).text
    assert "Marta Araújo" in text
    assert "Duarte" not in text
    assert "2 visits today" in text or "visits today" in text


def test_the_filter_finds_by_reference_and_keeps_what_was_typed(desk: Desk) -> None:
    make_visit(desk.db, desk.clock, desk.clinic, desk.cast.patient_person, reference="K7M3PTXY")
    page = browser(desk).page("/desk/lisbon?q=k7m3")
    assert "Marta" in page.text
    assert page.one("input", id="q").get("value") == "k7m3"


@pytest.mark.parametrize("query", ["nobody", "%", "'", "<script>", "\x00\x01", "x" * 5000, "\u202e"])
def test_a_filter_that_finds_nobody_says_so(desk: Desk, query: str) -> None:
    make_visit(desk.db, desk.clock, desk.clinic, desk.cast.patient_person)
    page = browser(desk).page("/desk/lisbon", query_string={"q": query})
    assert ("Show everybody" in page.text) or "Marta" in page.text
    assert "<script>" not in page.html.replace('<script src="', "")


def test_an_empty_day_says_so(desk: Desk) -> None:
    page = browser(desk).page("/desk/lisbon")
    assert "No visits on this day" in page.text
    assert "Nobody is waiting" in page.text
    assert "No screen is paired" in page.text


def test_a_poll_is_answered_only_when_something_is_new(desk: Desk) -> None:
    visit = make_visit(desk.db, desk.clock, desk.clinic, desk.cast.patient_person)
    client = browser(desk)
    page = client.page("/desk/lisbon")
    address = page.one("div", id="board").get("data-url", "")
    assert client.get(address, headers={"HX-Request": "true"}).status_code == 204
    assert client.get(address).status_code == 200, "a browser that opens the address gets the page"
    make_visit(desk.db, desk.clock, desk.clinic, desk.cast.stranger_person, minutes=60)
    fresh = client.fragment(address)
    assert "Duarte" in fresh.text, "a new booking is seen without a change of the queue"
    address = fresh.one("div", id="board").get("data-url", "")
    desk.clock.advance(timedelta(minutes=1))
    assert client.get(address, headers={"HX-Request": "true"}).status_code == 200
    assert str(visit) in fresh.html


def test_the_fragment_is_the_pages_block(desk: Desk) -> None:
    desk.arrive(desk.cast.patient_person)
    client = browser(desk)
    page, fragment = client.page("/desk/lisbon"), client.fragment("/desk/lisbon")

    def shape(one: Page) -> list[str]:
        return [element.tag for element in one.one("div", id="board").iter()]

    assert shape(page) == shape(fragment)


def test_held_times_and_cancelled_visits_are_not_on_the_list(desk: Desk) -> None:
    make_visit(desk.db, desk.clock, desk.clinic, desk.cast.patient_person, state=AppointmentState.CANCELLED)
    make_visit(desk.db, desk.clock, desk.clinic, desk.cast.stranger_person, minutes=60, state=AppointmentState.PROPOSED)
    assert "No visits on this day" in browser(desk).page("/desk/lisbon").text
