"""The desk knows when a screen was last heard of."""

from datetime import timedelta

from sqlalchemy.orm import Session

from clinic_portal.core.clock import FixedClock
from clinic_portal.waiting_room.use_cases.note_seen import note_seen
from clinic_portal.waiting_room.use_cases.start_screen import start_screen


def test_is_written_at_most_every_ten_seconds(db: Session, clock: FixedClock) -> None:
    _, screen = start_screen(db, clock)
    first = clock.now()
    screen = note_seen(db, clock, screen=screen)
    assert screen.last_seen_at == first
    clock.advance(timedelta(seconds=9))
    screen = note_seen(db, clock, screen=screen)
    assert screen.last_seen_at == first
    clock.advance(timedelta(seconds=1))
    assert note_seen(db, clock, screen=screen).last_seen_at == clock.now()
