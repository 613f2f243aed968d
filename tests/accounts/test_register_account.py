"""Registering: the same answer for every address, and nothing but one's own registration ever confirmed."""

from datetime import date

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from clinic_portal.accounts.errors import MustWait, WrongGuess
from clinic_portal.accounts.models import Account
from clinic_portal.accounts.passwords import verify_password
from clinic_portal.accounts.rules import CodePurpose
from clinic_portal.accounts.use_cases.confirm_email import confirm_email
from clinic_portal.accounts.use_cases.register_account import register_account
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.settings import Settings
from clinic_portal.core.typed import one_line
from tests.accounts.helpers import (
    EMAIL,
    GOOD_PASSWORD,
    account_of,
    codes_of,
    filled,
    newest_digits,
    queued,
    register_in_browser,
    registration,
)
from tests.support.cast import PASSWORD, Cast
from tests.support.page import PortalClient


def test_registering_keeps_an_unconfirmed_account_and_sends_a_code(
    client: PortalClient, db: Session, settings: Settings
) -> None:
    page = register_in_browser(client)
    assert page.h1 == "Check your e-mail"
    assert EMAIL in page.text
    account = account_of(db)
    assert account.email_confirmed_at is None
    assert (account.given_name, account.family_name, account.phone) == ("Nina", "Faria", "+351912345678")
    assert account.birth_date == date(1990, 3, 31)
    assert account.password_hash.startswith("$argon2id$")
    assert verify_password(account.password_hash, GOOD_PASSWORD)
    code = codes_of(db, EMAIL, CodePurpose.CONFIRM_EMAIL)[0]
    assert queued(db, code.id) == [("confirm_email", "email")]


def test_an_address_with_an_account_gets_the_same_page_and_its_owner_a_message(
    cast: Cast, db: Session, client: PortalClient
) -> None:
    hash_before = cast.patient.password_hash
    new = register_in_browser(client)
    other = register_in_browser(cast.browser(None), email="Marta@Example.org ")
    assert other.text.replace("marta@example.org", EMAIL) == new.text
    db.refresh(cast.patient)
    assert cast.patient.password_hash == hash_before
    assert queued(db, cast.patient.id) == [("registration_repeated", "email")]
    assert codes_of(db, "marta@example.org", CodePurpose.CONFIRM_EMAIL) == []


def test_the_next_pages_are_the_same_for_an_address_with_an_account(cast: Cast) -> None:
    texts = []
    for email in (EMAIL, "marta@example.org"):
        browser = cast.browser(None)
        register_in_browser(browser, email=email)
        seen = []
        for _ in range(6):
            token = browser.page("/register/code").fields(0)["csrf_token"]
            answer = browser.post("/register/code", data={"csrf_token": token, "code": "000000"})
            seen.append((answer.status_code, answer.headers.get("Retry-After")))
        token = browser.page("/register/code").fields(0)["csrf_token"]
        for _ in range(4):
            answer = browser.post("/register/code/resend", data={"csrf_token": token}, follow_redirects=True)
            seen.append((answer.status_code, answer.headers.get("Retry-After")))
        texts.append((seen, browser.page("/register/code").text.replace(email, "…")))
    assert texts[0] == texts[1]
    assert texts[0][0][5] == (429, "15")


def test_a_later_registration_replaces_an_unconfirmed_one_in_every_part(
    db: Session, clock: FixedClock, settings: Settings
) -> None:
    register_account(db, clock, registration=registration(), secret_key=settings.secret_key)
    later = registration(given_name="Ana", phone="+351912345699", password="outra frase comprida", language="pt_PT")
    register_account(db, clock, registration=later, secret_key=settings.secret_key)
    account = account_of(db)
    assert (account.given_name, account.phone, account.language) == ("Ana", "+351912345699", "pt_PT")
    assert verify_password(account.password_hash, "outra frase comprida")
    assert not verify_password(account.password_hash, GOOD_PASSWORD)
    assert db.scalar(select(func.count()).select_from(Account).where(Account.email == EMAIL)) == 1


def test_no_code_activates_a_password_that_somebody_else_chose(
    db: Session, clock: FixedClock, settings: Settings
) -> None:
    """The owner registers, then an attacker registers the same address; both codes reach the owner, who types them."""
    key = settings.secret_key
    owner = register_account(db, clock, registration=registration(), secret_key=key)
    first_digits = newest_digits(db, key)
    attacker = register_account(db, clock, registration=registration(password="attacker knows this"), secret_key=key)
    second_digits = newest_digits(db, key)
    for digits in (first_digits, second_digits):
        with pytest.raises(WrongGuess):
            confirm_email(db, clock, pending=owner, typed=digits, secret_key=key, user_agent="")
    with pytest.raises(WrongGuess):
        confirm_email(db, clock, pending=attacker, typed=first_digits, secret_key=key, user_agent="")
    assert account_of(db).email_confirmed_at is None
    # The owner registers again and types the newest code: it is her own password that now signs in.
    owner = register_account(db, clock, registration=registration(), secret_key=key)
    confirm_email(db, clock, pending=owner, typed=newest_digits(db, key), secret_key=key, user_agent="")
    assert verify_password(account_of(db).password_hash, GOOD_PASSWORD)


def test_one_address_is_not_flooded_with_codes(db: Session, clock: FixedClock, settings: Settings) -> None:
    for _ in range(3):
        register_account(db, clock, registration=registration(), secret_key=settings.secret_key)
    with pytest.raises(MustWait) as refusal:
        register_account(db, clock, registration=registration(), secret_key=settings.secret_key)
    assert refusal.value.values == {"wait_s": 30}
    assert len(codes_of(db, EMAIL, CodePurpose.CONFIRM_EMAIL)) == 3


def test_too_many_registrations_say_how_long_to_wait_and_keep_what_was_typed(client: PortalClient) -> None:
    for _ in range(3):
        register_in_browser(client)
    page = client.page("/register")
    refused = client.page("/register", method="POST", data=filled(page), status=429)
    assert "Wait 30 seconds" in refused.text
    assert refused.one("input", name="given_name").get("value") == "Nina"
    assert refused.response.headers["Retry-After"] == "30"


def test_a_staff_account_that_is_not_confirmed_is_not_replaced(
    cast: Cast, db: Session, clock: FixedClock, settings: Settings
) -> None:
    cast.doctor.email_confirmed_at = None
    db.commit()
    register_account(db, clock, registration=registration(email="ines@clinic.example"), secret_key=settings.secret_key)
    db.refresh(cast.doctor)
    assert cast.doctor.given_name == "Inês"
    assert verify_password(cast.doctor.password_hash, PASSWORD)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"email": "nina"}, "Write an e-mail address"),
        ({"email": ""}, "Enter your e-mail address"),
        ({"email": "a@" + "b" * 300 + ".org"}, "Write an e-mail address"),
        ({"phone": "12"}, "Write a mobile number"),
        ({"phone": "call me"}, "Write a mobile number"),
        ({"phone": ""}, "Enter your mobile number"),
        ({"given_name": "  "}, "Enter your given name"),
        ({"given_name": "\x00\x07"}, "Enter your given name"),
        ({"given_name": "1234"}, "Write the name in letters"),
        ({"family_name": "<script>alert(1)</script>"}, "Write the name in letters"),
        ({"family_name": "x" * 101}, "A name can have up to 100 letters"),
        ({"birth_date__day": "30", "birth_date__month": "feb"}, "does not exist"),
        ({"birth_date__year": "2030"}, "must be in the past"),
        ({"birth_date__year": "90"}, "four digits"),
        ({"birth_date__year": "1026"}, "Check the year"),
        ({"birth_date__day": ""}, "a day, a month and a year"),
        ({"birth_date__day": "9" * 50}, "does not exist"),
        ({"language": "klingon"}, "Choose a language"),
        ({"password": "short"}, "at least 10"),
        ({"password": "Password2024!"}, "Many people use this password"),
        ({"password": "nina.faria.1"}, "too close to your name"),
        ({"password": "x" * 257}, "up to 256"),
    ],
)
def test_a_form_with_a_mistake_comes_back_with_what_was_typed(
    client: PortalClient, changes: dict[str, str], words: str
) -> None:
    typed = filled(client.page("/register"), **changes)
    page = client.page("/register", method="POST", data=typed, status=422)
    assert "There is a problem" in page.text
    assert words in page.text
    assert page.title.startswith("Error: ")
    for name in (
        "given_name",
        "family_name",
        "email",
        "phone",
        "birth_date-day",
        "birth_date-month",
        "birth_date-year",
    ):
        kept = page.one("input", name=name).get("value", "")
        assert kept == one_line(typed[name]) or (name == "birth_date-day" and kept == typed[name][:20])
    assert page.one("input", name="password").get("value") in (None, "")
    assert len(typed["password"]) < 8 or typed["password"] not in page.html


def test_an_age_over_110_is_asked_again_and_not_refused(client: PortalClient, db: Session) -> None:
    typed = filled(client.page("/register"), birth_date__year="1905")
    page = client.page("/register", method="POST", data=typed, status=422)
    assert "makes you 121 years old" in page.text
    again = filled(page, birth_date__year="1905") | {"is_age_right": "y"}
    assert client.page("/register", method="POST", data=again).h1 == "Check your e-mail"
    assert account_of(db).birth_date == date(1905, 3, 31)


def test_month_names_and_leading_zeros_are_understood(client: PortalClient, db: Session) -> None:
    register_in_browser(client, birth_date__day="03", birth_date__month="Março", birth_date__year="1980")
    assert account_of(db).birth_date == date(1980, 3, 3)


def test_where_the_visitor_was_going_is_kept_through_every_step(
    client: PortalClient, db: Session, settings: Settings
) -> None:
    page = client.page("/sign-in?next=/book/check?x=1")
    target = next(href for href in page.links() if href.startswith("/register"))
    page = register_in_browser(client, target)
    assert page.response.request.path == "/register/code"
    action = page.all("form")[1].get("action", "")
    token = page.fields(0)["csrf_token"]
    digits = newest_digits(db, settings.secret_key)
    page = client.page(action, method="POST", data={"csrf_token": token, "code": digits})
    assert page.h1 == "Confirm your mobile number"
    later = next(link for link in page.all("a") if "".join(link.itertext()) == "Do it later")
    assert later.get("href") == "/book/check?x=1"


def test_signed_in_people_do_not_register(cast: Cast) -> None:
    assert cast.browser(cast.patient).get("/register").headers["Location"] == "/"


def test_wrong_method_and_missing_token(client: PortalClient) -> None:
    assert client.put("/register").status_code == 405
    assert client.post("/register", data={"email": EMAIL}).status_code == 400


def test_the_fragment_is_the_block_of_the_page(client: PortalClient) -> None:
    assert client.fragment("/register").h1 == client.page("/register").h1
