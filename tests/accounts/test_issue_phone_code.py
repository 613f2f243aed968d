"""Asking for a code on the phone."""

import pytest
from sqlalchemy.orm import Session

from clinic_portal.accounts.errors import MustWait
from clinic_portal.accounts.rules import CodePurpose
from clinic_portal.accounts.use_cases.issue_phone_code import issue_phone_code
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.settings import Settings
from tests.accounts.helpers import codes_of, queued
from tests.support.cast import Cast
from tests.support.page import PortalClient

MARTA = "marta@example.org"


def test_a_code_goes_out_by_sms_and_not_too_often(
    cast: Cast, db: Session, clock: FixedClock, settings: Settings
) -> None:
    cast.patient.phone_confirmed_at = None
    db.commit()
    actor, key = cast.patient.actor(), settings.secret_key
    for _ in range(3):
        issue_phone_code(db, clock, actor=actor, secret_key=key)
    codes = codes_of(db, MARTA, CodePurpose.CONFIRM_PHONE)
    assert [queued(db, code.id) for code in codes] == [[("confirm_phone", "sms")]] * 3
    assert {code.sent_to for code in codes} == {"+351912345601"}
    with pytest.raises(MustWait):
        issue_phone_code(db, clock, actor=actor, secret_key=key)
    browser = cast.browser(cast.patient)
    token = browser.page("/account/phone/code").fields()["csrf_token"]
    page = browser.page("/account/phone/code/resend", method="POST", data={"csrf_token": token}, status=429)
    assert "Wait 30 seconds" in page.text


def test_a_confirmed_phone_and_no_phone_get_no_code(
    cast: Cast, db: Session, clock: FixedClock, settings: Settings
) -> None:
    for account in (cast.patient, cast.receptionist):
        issue_phone_code(db, clock, actor=account.actor(), secret_key=settings.secret_key)
        assert codes_of(db, account.email, CodePurpose.CONFIRM_PHONE) == []


def test_the_ladder(cast: Cast, client: PortalClient) -> None:
    token = client.page("/register").fields()["csrf_token"]
    answer = client.post("/account/phone/code/resend", data={"csrf_token": token})
    assert answer.headers["Location"].startswith("/sign-in")
    browser = cast.browser(cast.patient)
    assert browser.get("/account/phone/code/resend").status_code == 405
    assert browser.post("/account/phone/code/resend").status_code == 400
