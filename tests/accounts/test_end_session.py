"""The list of browsers, and ending one of them."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.accounts.models import Account, AccountSession
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.ids import new_id
from tests.support.cast import Cast
from tests.support.page import PortalClient


def session_ids(db: Session, account: Account) -> list[UUID]:
    return list(
        db.scalars(select(AccountSession.id).where(AccountSession.account_id == account.id).order_by(AccountSession.id))
    )


def end(browser: PortalClient, session_id: object) -> int:
    token = browser.page("/account/browsers").fields(0)["csrf_token"]
    return browser.post(f"/account/browsers/{session_id}/end", data={"csrf_token": token}).status_code


def test_the_list_names_browsers_and_marks_this_one(cast: Cast, db: Session, clock: FixedClock) -> None:
    cast.browser(cast.patient)
    session = db.scalars(select(AccountSession)).one()
    session.user_agent = "Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/132.0"
    db.commit()
    clock.advance(timedelta(hours=3))
    browser = cast.browser(cast.patient)
    cast.browser(cast.stranger)
    page = browser.page("/account/browsers")
    assert "Firefox on Windows" in page.text
    assert "Last seen: 3 hours ago" in page.text
    assert "Unknown browser Last seen: now This browser" in page.text
    assert len([form for form in page.all("form") if form.get("action", "").endswith("/end")]) == 1


def test_an_ended_browser_is_signed_out_at_its_next_request(cast: Cast, db: Session) -> None:
    here, there = cast.browser(cast.patient), cast.browser(cast.patient)
    assert there.get("/account").status_code == 200
    other = session_ids(db, cast.patient)[1]
    assert end(here, other) == 303
    assert there.get("/account").headers["Location"].startswith("/sign-in")
    assert here.get("/account").status_code == 200
    page = here.page("/account/browsers")
    assert page.text.count("Last seen") == 1
    assert end(here, other) == 303


def test_a_session_that_ran_out_is_over(cast: Cast, clock: FixedClock) -> None:
    browser = cast.browser(cast.patient)
    clock.advance(timedelta(days=29, hours=23))
    assert browser.get("/account").status_code == 200
    clock.advance(timedelta(hours=1))
    assert browser.get("/account").headers["Location"].startswith("/sign-in")


@pytest.mark.parametrize("who", ["guardian", "stranger", "receptionist", "administrator"])
def test_nobody_else_can_end_it(cast: Cast, db: Session, who: str) -> None:
    browser = cast.browser(cast.patient)
    session_id = session_ids(db, cast.patient)[0]
    assert end(cast.browser(getattr(cast, who)), session_id) == 404
    assert browser.get("/account").status_code == 200


def test_the_ladder(cast: Cast, client: PortalClient) -> None:
    assert client.get("/account/browsers").headers["Location"].startswith("/sign-in")
    browser = cast.browser(cast.patient)
    assert end(browser, new_id()) == 404
    assert end(browser, "not-an-id") == 404
    assert browser.get(f"/account/browsers/{new_id()}/end").status_code == 405
    assert browser.post(f"/account/browsers/{new_id()}/end").status_code == 400
    assert browser.fragment("/account/browsers").h1 == browser.page("/account/browsers").h1
