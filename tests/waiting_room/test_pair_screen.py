"""A receptionist types the code that a TV shows."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from clinic_portal.core.audit import AuditEntry
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.waiting_room.queries import find_screen
from clinic_portal.waiting_room.rules import ScreenLabel
from clinic_portal.waiting_room.use_cases.pair_screen import pair_screen
from clinic_portal.waiting_room.use_cases.start_screen import start_screen
from tests.waiting_room.desk import Desk

LABEL = ScreenLabel("Waiting room A", "pt_PT")


def test_the_screen_belongs_to_the_facility_and_the_audit_log_knows_who_did_it(desk: Desk) -> None:
    token, screen = start_screen(desk.db, desk.clock)
    code = screen.pairing_code or ""
    typed = f" {code[:3].lower()} {code[3:].lower()} "
    facts = pair_screen(desk.db, desk.clock, code=typed, label=LABEL, **desk.ask())
    assert (facts.facility_id, facts.name, facts.language) == (desk.facility_id, "Waiting room A", "pt_PT")
    assert facts.pairing_code is None
    assert find_screen(desk.db, token) == facts
    entry = desk.db.scalars(select(AuditEntry).where(AuditEntry.action == "screen.paired")).one()
    assert (entry.account_id, entry.subject_id) == (desk.cast.receptionist.id, screen.id)


@pytest.mark.parametrize("typed", ["", "AAAAAA", "%", "\x00", "K7M3PT" * 50, "’; DROP TABLE"])
def test_an_unknown_code_pairs_nothing(desk: Desk, typed: str) -> None:
    start_screen(desk.db, desk.clock)
    with pytest.raises(Conflict, match=r"screen\.code_unknown"):
        pair_screen(desk.db, desk.clock, code=typed, label=LABEL, **desk.ask())


def test_a_code_works_once_and_for_ten_minutes(desk: Desk) -> None:
    _, screen = start_screen(desk.db, desk.clock)
    _, other = start_screen(desk.db, desk.clock)
    pair_screen(desk.db, desk.clock, code=screen.pairing_code or "", label=LABEL, **desk.ask())
    desk.clock.advance(timedelta(minutes=10))
    for code in (screen.pairing_code, other.pairing_code):
        with pytest.raises(Conflict, match=r"screen\.code_unknown"):
            pair_screen(desk.db, desk.clock, code=code or "", label=LABEL, **desk.ask())


@pytest.mark.parametrize("who", ["patient", "far_receptionist"])
def test_not_by_somebody_who_does_not_work_there(desk: Desk, who: str) -> None:
    _, screen = start_screen(desk.db, desk.clock)
    actor = getattr(desk.cast, who).actor()
    with pytest.raises(NotFound):
        pair_screen(
            desk.db,
            desk.clock,
            code=screen.pairing_code or "",
            label=LABEL,
            facility_id=desk.facility_id,
            actor=actor,
        )
