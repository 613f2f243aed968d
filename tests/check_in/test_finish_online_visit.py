"""An online visit ends, on the desk's page too."""

import pytest

from clinic_portal.booking.rules import AppointmentState
from clinic_portal.check_in.use_cases.finish_online_visit import finish_online_visit
from clinic_portal.check_in.use_cases.start_online_visit import start_online_visit
from clinic_portal.core.errors import Conflict
from tests.check_in.test_start_online_visit import online
from tests.waiting_room.desk import Desk


def test_it_ends_once(desk: Desk) -> None:
    visit = online(desk)
    start_online_visit(desk.db, desk.clock, appointment_id=visit, **desk.ask())
    for _ in range(2):
        facts = finish_online_visit(desk.db, desk.clock, appointment_id=visit, **desk.ask())
        assert facts.state is AppointmentState.FULFILLED


def test_what_has_not_begun_does_not_end(desk: Desk) -> None:
    with pytest.raises(Conflict, match=r"appointment\.state_changed"):
        finish_online_visit(desk.db, desk.clock, appointment_id=online(desk), **desk.ask())


def test_the_desk_walks_it_through_its_day(desk: Desk) -> None:
    visit = online(desk)
    client = desk.cast.browser(desk.cast.receptionist)
    page = client.page("/desk/lisbon")
    assert "Has begun" in page.text
    for press, words in (("online-started", "Online now"), ("online-done", "Done 10:42")):
        token = page.one("meta", name="csrf-token").get("content")
        response = client.post(f"/desk/lisbon/visits/{visit}/{press}", data={"csrf_token": token})
        assert response.status_code == 303
        page = client.page(response.location)
        assert words in page.text
