"""The page of who waited for a lock in vain: on a phone and at the desk, without JavaScript too."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy.orm import Session

from clinic_portal.booking.rules import AppointmentState
from tests.booking.factory import make_appointment
from tests.browser.conftest import DESK, NARROW, check_accessible
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.locks import locked
from tests.support.page import PortalClient

pytestmark = pytest.mark.browser


def signed_in(page: Page, client: PortalClient, address: str) -> Page:
    """Give a window somebody's session."""
    cookie = client.get_cookie("clinic_session")
    assert cookie is not None
    page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": address}])
    return page


@pytest.mark.parametrize("javascript", [True, False])
def test_a_patient_sends_the_form_again(
    address: str, open_browser: Callable[..., Page], db: Session, database: str, cast: Cast, javascript: bool
) -> None:
    page = signed_in(open_browser(NARROW, javascript=javascript), cast.browser(cast.patient), address)
    page.goto(f"{address}/book/massage/times?practitioner=any&facility=lisbon&from=2026-11-27")
    page.locator("button[name=slot]").first.click()
    page.locator("textarea").fill("dói\n\n  muito")
    with locked(db, database):
        page.locator(".actions").get_by_role("button", name="Book this visit").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("We are very busy right now")
        if javascript:
            check_accessible(page)
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your visit is booked")


def test_the_desk_sends_the_form_again(
    address: str, open_browser: Callable[..., Page], db: Session, database: str, clinic: Clinic, cast: Cast
) -> None:
    make_appointment(db, clinic, cast.patient_person, state=AppointmentState.FULFILLED)
    page = signed_in(open_browser(DESK), cast.browser(cast.receptionist), address)
    page.goto(f"{address}/desk/lisbon/book/{cast.patient_person.id}/massage/anyway")
    page.locator("[name=on]").fill("2026-11-29")
    page.locator("[name=at]").fill("20:05")
    page.locator("[name=note]").fill("a colleague of ours\nneeds it")
    with locked(db, database):
        page.get_by_role("button", name="Book this visit").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("We are very busy right now")
        check_accessible(page)
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("Visit booked")).to_be_visible()
    expect(page.get_by_text("a colleague of ours needs it")).to_be_visible()
