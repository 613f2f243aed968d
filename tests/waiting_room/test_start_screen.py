"""A TV opens its page for the first time."""

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from clinic_portal.core.clock import FixedClock
from clinic_portal.core.ids import SPOKEN_ALPHABET
from clinic_portal.waiting_room.models import Screen
from clinic_portal.waiting_room.queries import find_screen, screen_is_paired
from clinic_portal.waiting_room.use_cases.start_screen import start_screen


def test_it_shows_a_code_of_six_spoken_characters_for_ten_minutes(db: Session, clock: FixedClock) -> None:
    token, screen = start_screen(db, clock)
    assert screen.pairing_code is not None
    assert len(screen.pairing_code) == 6
    assert set(screen.pairing_code) <= set(SPOKEN_ALPHABET)
    assert screen.pairing_expires_at == clock.now() + timedelta(minutes=10)
    assert find_screen(db, token) == screen
    assert not screen_is_paired(db, token)
    assert find_screen(db, token + "x") is None


def test_the_token_is_stored_nowhere(db: Session, clock: FixedClock) -> None:
    token, _ = start_screen(db, clock)
    row = db.scalars(select(Screen)).one()
    assert token not in {str(value) for value in vars(row).values()}


def test_unpaired_screens_that_were_switched_off_are_forgotten(db: Session, clock: FixedClock) -> None:
    start_screen(db, clock)
    clock.advance(timedelta(hours=2))
    token, _ = start_screen(db, clock)
    assert db.scalar(select(func.count()).select_from(Screen)) == 1
    assert find_screen(db, token)
