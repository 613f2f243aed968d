"""Signing out ends the session on the server."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.accounts.models import AccountSession
from tests.support.cast import Cast
from tests.support.page import PortalClient


def test_the_cookie_is_worth_nothing_afterwards(cast: Cast, db: Session) -> None:
    browser = cast.browser(cast.patient)
    token = browser.page("/account").fields()["csrf_token"]
    with browser.session_transaction() as session:
        kept = dict(session)
    answer = browser.post("/sign-out", data={"csrf_token": token})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    with browser.session_transaction() as session:
        assert dict(session) == {}
    thief = cast.browser(None)
    with thief.session_transaction() as session:
        session.update(kept)
    assert thief.get("/account").headers["Location"].startswith("/sign-in")
    assert db.scalars(select(AccountSession)).one().ended_at is not None


def test_other_browsers_stay_signed_in(cast: Cast) -> None:
    here, there = cast.browser(cast.patient), cast.browser(cast.patient)
    token = here.page("/account").fields()["csrf_token"]
    here.post("/sign-out", data={"csrf_token": token})
    assert there.get("/account").status_code == 200


def test_signing_out_twice_is_no_error(cast: Cast, client: PortalClient) -> None:
    token = client.page("/sign-in").fields()["csrf_token"]
    assert client.post("/sign-out", data={"csrf_token": token}).status_code == 303


def test_a_link_or_a_foreign_page_signs_nobody_out(cast: Cast) -> None:
    browser = cast.browser(cast.patient)
    assert browser.get("/sign-out").status_code == 405
    assert browser.post("/sign-out").status_code == 400
    assert browser.get("/account").status_code == 200
