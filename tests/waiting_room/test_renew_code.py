"""A pairing code runs out after ten minutes."""

from datetime import timedelta

from sqlalchemy.orm import Session

from clinic_portal.core.clock import FixedClock
from clinic_portal.waiting_room.rules import ScreenLabel
from clinic_portal.waiting_room.use_cases.pair_screen import pair_screen
from clinic_portal.waiting_room.use_cases.renew_code import renew_code
from clinic_portal.waiting_room.use_cases.start_screen import start_screen
from tests.waiting_room.desk import Desk


def test_another_code_only_once_the_old_one_has_run_out(db: Session, clock: FixedClock) -> None:
    _, screen = start_screen(db, clock)
    clock.advance(timedelta(minutes=9, seconds=59))
    assert renew_code(db, clock, screen_id=screen.id).pairing_code == screen.pairing_code
    clock.advance(timedelta(seconds=1))
    renewed = renew_code(db, clock, screen_id=screen.id)
    assert renewed.pairing_code != screen.pairing_code
    assert renewed.pairing_expires_at == clock.now() + timedelta(minutes=10)


def test_a_paired_screen_shows_no_code(desk: Desk) -> None:
    _, screen = start_screen(desk.db, desk.clock)
    label = ScreenLabel("A", "en")
    pair_screen(desk.db, desk.clock, code=screen.pairing_code or "", label=label, **desk.ask())
    desk.clock.advance(timedelta(hours=1))
    assert renew_code(desk.db, desk.clock, screen_id=screen.id).pairing_code is None
