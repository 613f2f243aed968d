"""Confirming the own phone, now or later."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from clinic_portal.accounts.errors import MustWait, WrongGuess
from clinic_portal.accounts.rules import CodePurpose
from clinic_portal.accounts.use_cases.confirm_phone import confirm_phone
from clinic_portal.accounts.use_cases.issue_phone_code import issue_phone_code
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.settings import Settings
from tests.accounts.helpers import codes_of, newest_digits, wrong_digits
from tests.support.cast import Cast
from tests.support.page import PortalClient

MARTA = "marta@example.org"


@pytest.fixture
def unconfirmed(cast: Cast, db: Session) -> Cast:
    """The patient has yet to confirm her phone."""
    cast.patient.phone_confirmed_at = None
    db.commit()
    return cast


def digits_of(db: Session, settings: Settings) -> str:
    return newest_digits(db, settings.secret_key, MARTA, CodePurpose.CONFIRM_PHONE)


def test_confirming_from_the_account_page(unconfirmed: Cast, db: Session, settings: Settings) -> None:
    browser = unconfirmed.browser(unconfirmed.patient)
    page = browser.page("/account")
    assert "Not confirmed yet" in page.text
    action = next(form.get("action", "") for form in page.all("form") if "phone/code/resend" in form.get("action", ""))
    token = page.fields()["csrf_token"]
    page = browser.page(action, method="POST", data={"csrf_token": token})
    assert page.h1 == "Confirm your mobile number"
    assert "+351 912 345 601" in page.text
    data = {"csrf_token": token, "code": digits_of(db, settings)}
    page = browser.page("/account/phone/code?next=/account", method="POST", data=data)
    assert page.h1 == "My account"
    assert "Not confirmed yet" not in page.text
    db.refresh(unconfirmed.patient)
    assert unconfirmed.patient.phone_confirmed_at is not None


def test_a_wrong_code_is_counted_and_slowed_down(
    unconfirmed: Cast, db: Session, clock: FixedClock, settings: Settings
) -> None:
    actor, key = unconfirmed.patient.actor(), settings.secret_key
    issue_phone_code(db, clock, actor=actor, secret_key=key)
    right = digits_of(db, settings)
    for _ in range(5):
        with pytest.raises(WrongGuess):
            confirm_phone(db, clock, actor=actor, typed=wrong_digits(right), secret_key=key)
    with pytest.raises(MustWait):
        confirm_phone(db, clock, actor=actor, typed=right, secret_key=key)
    clock.advance(timedelta(seconds=15))
    with pytest.raises(WrongGuess):
        confirm_phone(db, clock, actor=actor, typed=right, secret_key=key)
    assert codes_of(db, MARTA, CodePurpose.CONFIRM_PHONE)[0].attempts == 5


def test_a_code_for_another_number_does_not_confirm_this_one(
    unconfirmed: Cast, db: Session, clock: FixedClock, settings: Settings
) -> None:
    actor, key = unconfirmed.patient.actor(), settings.secret_key
    issue_phone_code(db, clock, actor=actor, secret_key=key)
    unconfirmed.patient.phone = "+351912345699"
    db.commit()
    with pytest.raises(WrongGuess):
        confirm_phone(db, clock, actor=actor, typed=digits_of(db, settings), secret_key=key)


def test_confirming_twice_changes_nothing(
    unconfirmed: Cast, db: Session, clock: FixedClock, settings: Settings
) -> None:
    actor, key = unconfirmed.patient.actor(), settings.secret_key
    issue_phone_code(db, clock, actor=actor, secret_key=key)
    confirm_phone(db, clock, actor=actor, typed=digits_of(db, settings), secret_key=key)
    at = unconfirmed.patient.phone_confirmed_at
    clock.advance(timedelta(minutes=1))
    confirm_phone(db, clock, actor=actor, typed="000000", secret_key=key)
    db.refresh(unconfirmed.patient)
    assert unconfirmed.patient.phone_confirmed_at == at


def test_one_s_own_code_does_not_confirm_somebody_else_s_phone(
    unconfirmed: Cast, db: Session, clock: FixedClock, settings: Settings
) -> None:
    unconfirmed.stranger.phone_confirmed_at = None
    db.commit()
    issue_phone_code(db, clock, actor=unconfirmed.patient.actor(), secret_key=settings.secret_key)
    with pytest.raises(WrongGuess):
        confirm_phone(
            db,
            clock,
            actor=unconfirmed.stranger.actor(),
            typed=digits_of(db, settings),
            secret_key=settings.secret_key,
        )


def test_it_can_be_left_for_later(unconfirmed: Cast) -> None:
    page = unconfirmed.browser(unconfirmed.patient).page("/account/phone/code?next=/account")
    later = next(link for link in page.all("a") if "".join(link.itertext()) == "Do it later")
    assert later.get("href") == "/account"


def test_the_page_asks_again_after_a_mistake(unconfirmed: Cast) -> None:
    browser = unconfirmed.browser(unconfirmed.patient)
    token = browser.page("/account/phone/code").fields()["csrf_token"]
    for typed in ("", "12", "000000"):
        page = browser.page("/account/phone/code", method="POST", data={"csrf_token": token, "code": typed}, status=422)
        assert "There is a problem" in page.text
        assert page.one("input", name="code").get("value", "") == typed


def test_who_has_nothing_to_confirm_goes_on(cast: Cast) -> None:
    assert cast.browser(cast.patient).get("/account/phone/code").headers["Location"] == "/"
    assert cast.browser(cast.receptionist).get("/account/phone/code").headers["Location"] == "/desk"


def test_the_ladder(unconfirmed: Cast, client: PortalClient) -> None:
    assert client.get("/account/phone/code").headers["Location"].startswith("/sign-in?next=")
    browser = unconfirmed.browser(unconfirmed.patient)
    assert browser.put("/account/phone/code").status_code == 405
    assert browser.post("/account/phone/code", data={"code": "123456"}).status_code == 400
    assert browser.fragment("/account/phone/code").h1 == "Confirm your mobile number"
