"""Confirming the address makes the account, the patient, and signs the browser in."""

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from clinic_portal.accounts.errors import MustWait, WrongGuess
from clinic_portal.accounts.models import AccountSession
from clinic_portal.accounts.rules import CodePurpose
from clinic_portal.accounts.steps import PendingRegistration
from clinic_portal.accounts.use_cases.confirm_email import confirm_email
from clinic_portal.accounts.use_cases.issue_email_code import issue_email_code
from clinic_portal.accounts.use_cases.register_account import register_account
from clinic_portal.core.audit import AuditEntry
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.settings import Settings
from clinic_portal.dependents.models import Relationship
from clinic_portal.dependents.rules import RelationshipKind
from clinic_portal.patients.models import Patient
from tests.accounts.helpers import (
    EMAIL,
    account_of,
    codes_of,
    newest_digits,
    queued,
    register_in_browser,
    registration,
    wrong_digits,
)
from tests.support.cast import Cast
from tests.support.page import Page, PortalClient


@pytest.fixture
def pending(db: Session, clock: FixedClock, settings: Settings) -> PendingRegistration:
    """A registration that waits for its code."""
    return register_account(db, clock, registration=registration(), secret_key=settings.secret_key)


def type_code(client: PortalClient, digits: str, *, status: int = 200) -> Page:
    token = client.page("/register/code").fields(0)["csrf_token"]
    return client.page("/register/code", method="POST", data={"csrf_token": token, "code": digits}, status=status)


def test_the_right_code_signs_in_and_makes_a_patient(client: PortalClient, db: Session, settings: Settings) -> None:
    register_in_browser(client)
    digits = newest_digits(db, settings.secret_key)
    page = type_code(client, f"{digits[:3]} {digits[3:]}")
    assert page.h1 == "Confirm your mobile number"
    account = account_of(db)
    assert account.email_confirmed_at is not None
    relationship = db.scalars(select(Relationship).where(Relationship.account_id == account.id)).one()
    person = db.get_one(Patient, relationship.patient_id)
    assert relationship.kind is RelationshipKind.SELF
    assert (person.full_name, person.birth_date) == ("Nina Faria", date(1990, 3, 31))
    # The phone follows once it is confirmed: messages about visits go to nobody else.
    assert (person.phone, person.email, person.language) == (None, EMAIL, "en")
    phone_code = codes_of(db, EMAIL, CodePurpose.CONFIRM_PHONE)[0]
    assert queued(db, phone_code.id) == [("confirm_phone", "sms")]
    assert client.page("/account").h1 == "My account"
    assert db.scalar(select(AuditEntry.action).where(AuditEntry.subject_id == account.id)) == "account.confirmed"


def test_a_wrong_code_is_counted_and_the_fifth_kills_it(
    db: Session, clock: FixedClock, settings: Settings, pending: PendingRegistration
) -> None:
    digits = newest_digits(db, settings.secret_key)
    for _ in range(5):
        with pytest.raises(WrongGuess):
            confirm_email(
                db, clock, pending=pending, typed=wrong_digits(digits), secret_key=settings.secret_key, user_agent=""
            )
    assert codes_of(db, EMAIL, CodePurpose.CONFIRM_EMAIL)[0].attempts == 5
    with pytest.raises(MustWait):
        confirm_email(db, clock, pending=pending, typed=digits, secret_key=settings.secret_key, user_agent="")
    clock.advance(timedelta(seconds=15))
    with pytest.raises(WrongGuess):
        confirm_email(db, clock, pending=pending, typed=digits, secret_key=settings.secret_key, user_agent="")
    clock.advance(timedelta(seconds=30))
    issue_email_code(db, clock, pending=pending, secret_key=settings.secret_key)
    digits = newest_digits(db, settings.secret_key)
    assert (
        confirm_email(
            db, clock, pending=pending, typed=digits, secret_key=settings.secret_key, user_agent=""
        ).actor.name
        == "Nina Faria"
    )


def test_only_the_newest_code_works_and_only_for_ten_minutes(
    db: Session, clock: FixedClock, settings: Settings, pending: PendingRegistration
) -> None:
    key = settings.secret_key
    first = newest_digits(db, key)
    issue_email_code(db, clock, pending=pending, secret_key=key)
    second = newest_digits(db, key)
    with pytest.raises(WrongGuess):
        confirm_email(db, clock, pending=pending, typed=first, secret_key=key, user_agent="")
    clock.advance(timedelta(minutes=10))
    with pytest.raises(WrongGuess):
        confirm_email(db, clock, pending=pending, typed=second, secret_key=key, user_agent="")
    assert account_of(db).email_confirmed_at is None


def test_a_code_of_another_purpose_does_not_confirm(
    db: Session, clock: FixedClock, settings: Settings, pending: PendingRegistration
) -> None:
    code = codes_of(db, EMAIL, CodePurpose.CONFIRM_EMAIL)[0]
    digits = newest_digits(db, settings.secret_key)
    code.purpose = CodePurpose.RESET_PASSWORD
    db.commit()
    with pytest.raises(WrongGuess):
        confirm_email(db, clock, pending=pending, typed=digits, secret_key=settings.secret_key, user_agent="")


def test_a_code_is_used_once(db: Session, clock: FixedClock, settings: Settings, pending: PendingRegistration) -> None:
    digits = newest_digits(db, settings.secret_key)
    confirm_email(db, clock, pending=pending, typed=digits, secret_key=settings.secret_key, user_agent="")
    with pytest.raises(WrongGuess):
        confirm_email(db, clock, pending=pending, typed=digits, secret_key=settings.secret_key, user_agent="")
    account = account_of(db)
    assert db.scalar(select(func.count()).where(Relationship.account_id == account.id)) == 1
    assert db.scalar(select(func.count()).where(AccountSession.account_id == account.id)) == 1


def test_another_browser_cannot_confirm_with_the_code(
    client: PortalClient, db: Session, settings: Settings, pending: PendingRegistration
) -> None:
    assert client.get("/register/code").headers["Location"] == "/register"
    token = client.page("/register").fields()["csrf_token"]
    digits = newest_digits(db, settings.secret_key)
    client.post("/register/code", data={"csrf_token": token, "code": digits})
    assert account_of(db).email_confirmed_at is None


def test_the_hold_and_the_way_survive_the_confirmation(client: PortalClient, db: Session, settings: Settings) -> None:
    register_in_browser(client, "/register?next=/book/check")
    with client.session_transaction() as session:
        session["hold"] = "kept"
    token = client.page("/register/code?next=/book/check").fields(0)["csrf_token"]
    data = {"csrf_token": token, "code": newest_digits(db, settings.secret_key)}
    answer = client.post("/register/code?next=/book/check", data=data)
    assert answer.headers["Location"] == "/account/phone/code?next=/book/check"
    with client.session_transaction() as session:
        assert session["hold"] == "kept"
        assert "pending_registration" not in session


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "１２３４５", "\x00" * 6, "9" * 400])
def test_what_is_no_code_is_told_on_the_page(client: PortalClient, typed: str) -> None:
    register_in_browser(client)
    assert "There is a problem" in type_code(client, typed, status=422).text


def test_the_code_field_can_be_filled_by_the_phone(client: PortalClient) -> None:
    register_in_browser(client)
    field = client.page("/register/code").one("input", name="code")
    assert (field.get("autocomplete"), field.get("inputmode")) == ("one-time-code", "numeric")


def test_signed_in_people_and_strangers_have_no_code_page(cast: Cast, client: PortalClient) -> None:
    assert cast.browser(cast.patient).get("/register/code").headers["Location"] == "/"
    assert client.get("/register/code").headers["Location"] == "/register"
    assert client.put("/register/code").status_code == 405
    assert client.post("/register/code", data={"code": "123456"}).status_code == 400
