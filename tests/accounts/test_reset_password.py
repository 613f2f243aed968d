"""A new password by a code from the e-mail."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from clinic_portal.accounts.passwords import verify_password
from clinic_portal.accounts.rules import CodePurpose
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.settings import Settings
from tests.accounts.helpers import GOOD_PASSWORD, codes_of, newest_digits, queued, send, wrong_digits
from tests.support.cast import PASSWORD, Cast
from tests.support.page import Page, PortalClient

MARTA = "marta@example.org"


def asked(cast: Cast, email: str = MARTA, path: str = "/forgotten-password") -> PortalClient:
    """A browser that has asked for a code."""
    browser = cast.browser(None)
    send(browser, path, email=email)
    return browser


def answer(browser: PortalClient, digits: str, password: str = GOOD_PASSWORD, *, status: int = 200) -> Page:
    return send(browser, "/forgotten-password/code", status=status, code=digits, password=password)


def reset_digits(db: Session, settings: Settings) -> str:
    return newest_digits(db, settings.secret_key, MARTA, CodePurpose.RESET_PASSWORD)


def test_the_code_sets_the_password_ends_all_sessions_and_tells_the_owner(
    cast: Cast, db: Session, settings: Settings
) -> None:
    elsewhere = cast.browser(cast.patient)
    browser = asked(cast, path="/forgotten-password?next=/account")
    fields = browser.page("/forgotten-password/code?next=/account").fields()
    fields |= {"code": reset_digits(db, settings), "password": GOOD_PASSWORD}
    page = browser.page("/forgotten-password/code?next=/account", method="POST", data=fields)
    assert page.h1 == "My account"
    assert elsewhere.get("/account").headers["Location"].startswith("/sign-in")
    db.refresh(cast.patient)
    assert verify_password(cast.patient.password_hash, GOOD_PASSWORD)
    assert queued(db, cast.patient.id) == [("password_changed", "email")]


def test_a_browser_of_several_people_goes_on_knowing_the_others(cast: Cast, db: Session, settings: Settings) -> None:
    desk, stranger, lina = cast.browser(None), cast.browser(None), "lina@example.org"
    send(desk, "/sign-in", email=lina, password=PASSWORD)
    sign_out(desk)
    send(desk, "/forgotten-password", email=MARTA)
    answer(desk, reset_digits(db, settings))
    sign_out(desk)
    for email, password in ((lina, PASSWORD), (MARTA, GOOD_PASSWORD)):
        for _ in range(5):
            send(stranger, "/sign-in", status=422, email=email, password="wrong")
        send(stranger, "/sign-in", status=429, email=email, password=password)
        send(desk, "/sign-in", email=email, password=password)
        sign_out(desk)


def sign_out(browser: PortalClient) -> None:
    token = browser.page("/").one("meta", name="csrf-token").get("content")
    browser.post("/sign-out", data={"csrf_token": token})


def test_the_code_is_used_once(cast: Cast, db: Session, settings: Settings) -> None:
    first, second = asked(cast), asked(cast)
    digits = reset_digits(db, settings)
    fields = first.page("/forgotten-password/code").fields() | {"code": digits, "password": GOOD_PASSWORD}
    assert first.post("/forgotten-password/code", data=fields).headers["Location"] == "/"
    answer(second, digits, "another good password", status=422)
    db.refresh(cast.patient)
    assert verify_password(cast.patient.password_hash, GOOD_PASSWORD)


def test_wrong_codes_are_answered_alike_for_every_address(cast: Cast, db: Session, settings: Settings) -> None:
    seen = []
    for email in (MARTA, "nobody@example.org"):
        browser = asked(cast, email)
        wrong = wrong_digits(reset_digits(db, settings))
        statuses = [answer(browser, wrong, status=status).text.replace(email, "…") for status in [422] * 5 + [429]]
        seen.append(statuses)
    assert seen[0] == seen[1]
    assert codes_of(db, MARTA, CodePurpose.RESET_PASSWORD)[0].attempts == 5
    db.refresh(cast.patient)
    assert verify_password(cast.patient.password_hash, PASSWORD)


def test_a_late_code_does_nothing(cast: Cast, db: Session, clock: FixedClock, settings: Settings) -> None:
    browser = asked(cast)
    clock.advance(timedelta(minutes=10))
    page = answer(browser, reset_digits(db, settings), status=422)
    assert "no longer works" in page.text


def test_resetting_frees_an_address_that_was_guessed_at(cast: Cast, db: Session, settings: Settings) -> None:
    guesser = cast.browser(None)
    for _ in range(5):
        send(guesser, "/sign-in", status=422, email=MARTA, password="wrong")
    browser = asked(cast)
    fields = browser.page("/forgotten-password/code").fields()
    fields |= {"code": reset_digits(db, settings), "password": GOOD_PASSWORD}
    browser.post("/forgotten-password/code", data=fields)
    fresh = cast.browser(None)
    fields = fresh.page("/sign-in").fields() | {"email": MARTA, "password": GOOD_PASSWORD}
    assert fresh.post("/sign-in", data=fields).headers["Location"] == "/"


@pytest.mark.parametrize(
    ("code", "password", "words"),
    [
        ("", GOOD_PASSWORD, "Enter the code"),
        ("12", GOOD_PASSWORD, "six digits"),
        ("123456", "short", "at least 10"),
        ("123456", "marta@example.org", "too close to your name"),
        ("x" * 3000, "y" * 3000, "up to 256"),
    ],
)
def test_a_mistake_keeps_the_code_and_never_shows_the_password(
    cast: Cast, code: str, password: str, words: str
) -> None:
    page = answer(asked(cast), code, password, status=422)
    assert words in page.text
    assert page.one("input", name="code").get("value", "") == code
    assert page.one("input", name="password").get("value") in (None, "")


def test_without_having_asked_there_is_no_page(client: PortalClient) -> None:
    assert client.get("/forgotten-password/code").headers["Location"] == "/forgotten-password"
    assert client.put("/forgotten-password/code").status_code == 405
    assert client.post("/forgotten-password/code").status_code == 400
