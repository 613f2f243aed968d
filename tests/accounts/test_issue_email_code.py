"""Asking for the code again."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from clinic_portal.accounts.errors import MustWait
from clinic_portal.accounts.rules import CodePurpose
from clinic_portal.accounts.steps import PendingRegistration
from clinic_portal.accounts.use_cases.issue_email_code import issue_email_code
from clinic_portal.accounts.use_cases.register_account import register_account
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.settings import Settings
from tests.accounts.helpers import EMAIL, codes_of, newest_digits, queued, register_in_browser, registration
from tests.support.cast import Cast
from tests.support.page import PortalClient


def test_a_new_code_is_sent_and_the_old_one_dies(client: PortalClient, db: Session, settings: Settings) -> None:
    register_in_browser(client)
    before = newest_digits(db, settings.secret_key)
    token = client.page("/register/code").fields(0)["csrf_token"]
    page = client.page("/register/code/resend", method="POST", data={"csrf_token": token})
    assert "We have sent a new code" in page.text
    old, new = codes_of(db, EMAIL, CodePurpose.CONFIRM_EMAIL)
    assert old.expires_at <= new.created_at
    assert queued(db, new.id) == [("confirm_email", "email")]
    assert newest_digits(db, settings.secret_key) != before or old.id != new.id


def test_asking_again_is_slowed_down(db: Session, clock: FixedClock, settings: Settings) -> None:
    key = settings.secret_key
    pending = register_account(db, clock, registration=registration(), secret_key=key)
    issue_email_code(db, clock, pending=pending, secret_key=key)
    issue_email_code(db, clock, pending=pending, secret_key=key)
    waits = []
    for _ in range(4):
        with pytest.raises(MustWait) as refusal:
            issue_email_code(db, clock, pending=pending, secret_key=key)
        waits.append(refusal.value.values["wait_s"])
        clock.advance(timedelta(seconds=waits[-1]))
        issue_email_code(db, clock, pending=pending, secret_key=key)
    assert waits == [30, 60, 120, 240]


def test_the_wait_is_told_on_the_code_page(client: PortalClient) -> None:
    register_in_browser(client)
    token = client.page("/register/code").fields(0)["csrf_token"]
    for _ in range(2):
        client.post("/register/code/resend", data={"csrf_token": token})
    page = client.page("/register/code/resend", method="POST", data={"csrf_token": token}, status=429)
    assert page.h1 == "Check your e-mail"
    assert "Wait 30 seconds" in page.text


def test_a_replaced_registration_gets_no_code(db: Session, clock: FixedClock, settings: Settings, cast: Cast) -> None:
    key = settings.secret_key
    replaced = register_account(db, clock, registration=registration(), secret_key=key)
    register_account(db, clock, registration=registration(), secret_key=key)
    issue_email_code(db, clock, pending=replaced, secret_key=key)
    assert len(codes_of(db, EMAIL, CodePurpose.CONFIRM_EMAIL)) == 2
    existing = PendingRegistration("marta@example.org", replaced.mark)
    issue_email_code(db, clock, pending=existing, secret_key=key)
    assert codes_of(db, "marta@example.org", CodePurpose.CONFIRM_EMAIL) == []


def test_without_a_registration_there_is_nothing_to_send(client: PortalClient) -> None:
    token = client.page("/register").fields()["csrf_token"]
    answer = client.post("/register/code/resend", data={"csrf_token": token})
    assert answer.headers["Location"] == "/register"
    assert client.get("/register/code/resend").status_code == 405
    assert client.post("/register/code/resend").status_code == 400
