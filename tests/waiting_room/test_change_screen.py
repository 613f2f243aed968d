"""A TV gets another name or speaks another language."""

import pytest

from clinic_portal.core.errors import NotFound
from clinic_portal.waiting_room.rules import ScreenLabel
from clinic_portal.waiting_room.use_cases.change_screen import change_screen
from clinic_portal.waiting_room.use_cases.pair_screen import pair_screen
from clinic_portal.waiting_room.use_cases.start_screen import start_screen
from tests.waiting_room.desk import Desk


def test_the_screen_fetches_its_board_again(desk: Desk) -> None:
    _, screen = start_screen(desk.db, desk.clock)
    pair_screen(desk.db, desk.clock, code=screen.pairing_code or "", label=ScreenLabel("A", "en"), **desk.ask())
    before = desk.version()
    for _ in range(2):
        facts = change_screen(
            desk.db, desk.clock, screen_id=screen.id, label=ScreenLabel("Corridor", "pt_PT"), **desk.ask()
        )
    assert (facts.name, facts.language) == ("Corridor", "pt_PT")
    assert desk.version() == before + 1


def test_not_by_staff_of_another_facility(desk: Desk) -> None:
    _, screen = start_screen(desk.db, desk.clock)
    pair_screen(desk.db, desk.clock, code=screen.pairing_code or "", label=ScreenLabel("A", "en"), **desk.ask())
    actor = desk.cast.far_receptionist.actor()
    label = ScreenLabel("X", "en")
    with pytest.raises(NotFound):
        change_screen(desk.db, desk.clock, screen_id=screen.id, label=label, facility_id=desk.facility_id, actor=actor)
