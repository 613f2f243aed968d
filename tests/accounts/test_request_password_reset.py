"""Asking for a code because the password is forgotten."""

import pytest
from sqlalchemy.orm import Session

from clinic_portal.accounts.rules import CodePurpose
from clinic_portal.accounts.use_cases.register_account import register_account
from clinic_portal.accounts.use_cases.request_password_reset import request_password_reset
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.settings import Settings
from tests.accounts.helpers import EMAIL, codes_of, queued, registration, send
from tests.support.cast import Cast
from tests.support.page import PortalClient

MARTA = "marta@example.org"


def test_a_code_is_sent_and_the_page_says_the_same_for_every_address(cast: Cast, db: Session) -> None:
    pages = []
    for email in (MARTA, "nobody@example.org"):
        page = send(cast.browser(None), "/forgotten-password", email=email)
        assert page.h1 == "Enter the code and a new password"
        pages.append(page.text.replace(email, "…"))
    assert pages[0] == pages[1]
    code = codes_of(db, MARTA, CodePurpose.RESET_PASSWORD)[0]
    assert queued(db, code.id) == [("reset_password", "email")]


def test_unconfirmed_and_closed_accounts_get_no_code(
    cast: Cast, db: Session, clock: FixedClock, settings: Settings
) -> None:
    register_account(db, clock, registration=registration(), secret_key=settings.secret_key)
    cast.patient.ended_at = clock.now()
    db.commit()
    for email in (EMAIL, MARTA):
        request_password_reset(db, clock, email=email, secret_key=settings.secret_key)
        assert codes_of(db, email, CodePurpose.RESET_PASSWORD) == []


def test_every_address_is_slowed_down_alike(cast: Cast, db: Session) -> None:
    for email in (MARTA, "nobody@example.org"):
        browser = cast.browser(None)
        for _ in range(3):
            send(browser, "/forgotten-password", email=email)
        page = send(browser, "/forgotten-password", status=429, email=email)
        assert "Wait 30 seconds" in page.text
        assert page.one("input", name="email").get("value") == email
    assert len(codes_of(db, MARTA, CodePurpose.RESET_PASSWORD)) == 3


@pytest.mark.parametrize("email", ["", "no", "a@b", "é" * 300])
def test_what_is_no_address_comes_back(client: PortalClient, email: str) -> None:
    page = send(client, "/forgotten-password", status=422, email=email)
    assert page.one("input", name="email").get("value", "") == email


def test_wrong_method_missing_token_and_fragment(client: PortalClient) -> None:
    assert client.put("/forgotten-password").status_code == 405
    assert client.post("/forgotten-password", data={"email": MARTA}).status_code == 400
    assert client.fragment("/forgotten-password").h1 == client.page("/forgotten-password").h1
