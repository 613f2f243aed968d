"""A TV goes out of service."""

import pytest
from sqlalchemy import select

from clinic_portal.core.audit import AuditEntry
from clinic_portal.core.errors import NotFound
from clinic_portal.waiting_room.queries import facility_screens, find_screen
from clinic_portal.waiting_room.rules import ScreenLabel
from clinic_portal.waiting_room.use_cases.pair_screen import pair_screen
from clinic_portal.waiting_room.use_cases.revoke_screen import revoke_screen
from clinic_portal.waiting_room.use_cases.start_screen import start_screen
from tests.waiting_room.desk import Desk


def test_its_token_opens_nothing_any_more(desk: Desk) -> None:
    token, screen = start_screen(desk.db, desk.clock)
    pair_screen(desk.db, desk.clock, code=screen.pairing_code or "", label=ScreenLabel("A", "en"), **desk.ask())
    with pytest.raises(NotFound):
        revoke_screen(
            desk.db,
            desk.clock,
            screen_id=screen.id,
            facility_id=desk.facility_id,
            actor=desk.cast.far_receptionist.actor(),
        )
    assert find_screen(desk.db, token)
    revoke_screen(desk.db, desk.clock, screen_id=screen.id, **desk.ask())
    assert find_screen(desk.db, token) is None
    assert facility_screens(desk.db, desk.facility_id) == []
    entry = desk.db.scalars(select(AuditEntry).where(AuditEntry.action == "screen.revoked")).one()
    assert entry.subject_id == screen.id
    with pytest.raises(NotFound):
        revoke_screen(desk.db, desk.clock, screen_id=screen.id, **desk.ask())


def test_a_screen_that_is_not_paired_is_nobodys(desk: Desk) -> None:
    _, screen = start_screen(desk.db, desk.clock)
    with pytest.raises(NotFound):
        revoke_screen(desk.db, desk.clock, screen_id=screen.id, **desk.ask())
