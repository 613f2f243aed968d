"""Changing the password when signed in."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from clinic_portal.accounts.passwords import verify_password
from clinic_portal.core.clock import FixedClock
from tests.accounts.helpers import GOOD_PASSWORD, queued, send
from tests.support.cast import PASSWORD, Cast
from tests.support.page import PortalClient


def test_a_new_password_ends_other_sessions_and_tells_the_owner(cast: Cast, db: Session) -> None:
    here, there = cast.browser(cast.patient), cast.browser(cast.patient)
    page = send(here, "/account/password", old_password=PASSWORD, password=GOOD_PASSWORD)
    assert page.h1 == "My account"
    assert "Your password is changed" in page.text
    assert there.get("/account").headers["Location"].startswith("/sign-in")
    assert here.get("/account").status_code == 200
    db.refresh(cast.patient)
    assert verify_password(cast.patient.password_hash, GOOD_PASSWORD)
    assert not verify_password(cast.patient.password_hash, PASSWORD)
    assert queued(db, cast.patient.id) == [("password_changed", "email")]


def test_the_old_password_is_asked_and_guessing_it_is_slowed_down(cast: Cast, db: Session, clock: FixedClock) -> None:
    browser = cast.browser(cast.patient)
    for _ in range(5):
        page = send(browser, "/account/password", status=422, old_password="wrong", password=GOOD_PASSWORD)
        assert "This is not your current password" in page.text
    page = send(browser, "/account/password", status=429, old_password=PASSWORD, password=GOOD_PASSWORD)
    assert "Wait 15 seconds" in page.text
    db.refresh(cast.patient)
    assert verify_password(cast.patient.password_hash, PASSWORD)
    clock.advance(timedelta(seconds=15))
    assert send(browser, "/account/password", old_password=PASSWORD, password=GOOD_PASSWORD).h1 == "My account"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("", GOOD_PASSWORD, "Enter your password"),
        (PASSWORD, "", "Choose a password"),
        (PASSWORD, "short", "at least 10"),
        (PASSWORD, "qwertyuiop", "Many people use this password"),
        (PASSWORD, "marta.araujo", "too close to your name"),
        (PASSWORD, "\x00" * 300, "up to 256"),
    ],
)
def test_a_bad_password_is_refused_and_never_shown_again(cast: Cast, old: str, new: str, words: str) -> None:
    page = send(cast.browser(cast.patient), "/account/password", status=422, old_password=old, password=new)
    assert words in page.text
    for name in ("old_password", "password"):
        assert page.one("input", name=name).get("value") in (None, "")


def test_password_managers_are_helped(cast: Cast) -> None:
    page = cast.browser(cast.patient).page("/account/password")
    assert page.one("input", name="old_password").get("autocomplete") == "current-password"
    assert page.one("input", name="password").get("autocomplete") == "new-password"
    assert page.one("input", name="username").get("value") == "marta@example.org"


def test_the_ladder(cast: Cast, client: PortalClient) -> None:
    assert client.get("/account/password").headers["Location"].startswith("/sign-in")
    browser = cast.browser(cast.doctor)
    assert browser.put("/account/password").status_code == 405
    assert browser.post("/account/password", data={"password": GOOD_PASSWORD}).status_code == 400
    assert browser.fragment("/account/password").h1 == browser.page("/account/password").h1


def test_strangers_who_guess_at_sign_in_do_not_keep_the_owner_from_changing_it(cast: Cast) -> None:
    stranger, owner = cast.browser(None), cast.browser(cast.patient)
    for _ in range(5):
        send(stranger, "/sign-in", status=422, email=cast.patient.email, password="wrong")
    send(stranger, "/sign-in", status=429, email=cast.patient.email, password="wrong")
    changed = send(owner, "/account/password", old_password=PASSWORD, password=GOOD_PASSWORD)
    assert changed.h1 == "My account"
    # Nor is the change a new chance for them.
    send(stranger, "/sign-in", status=429, email=cast.patient.email, password="wrong")
