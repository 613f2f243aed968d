"""On the way from a held time to an account each page says until when the time is held."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from clinic_portal.core.clock import FixedClock
from tests.accounts.helpers import filled
from tests.booking.test_hold_pages import SLOT, TIMES, press
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.page import PortalClient

HELD = "This time is held for you until 10:22"
BACK = "You return to your booking after this"


@pytest.fixture
def path(app: object, client: PortalClient, clinic: Clinic) -> str:
    """The page of the time that the visitor holds."""
    return press(client, client.page(TIMES), SLOT)


def test_every_page_up_to_the_account_says_it(client: PortalClient, path: str) -> None:
    for page in ("/sign-in", "/register", "/forgotten-password"):
        shown = client.page(f"{page}?next={path}")
        assert HELD in shown.text
        assert BACK in shown.text
        assert path in shown.links()
    form = client.page(f"/register?next={path}")
    refused = client.page(f"/register?next={path}", method="POST", status=422, data=form.fields())
    code = client.page(f"/register?next={path}", method="POST", data=filled(form))
    assert code.h1 == "Check your e-mail"
    for shown in (refused, code):
        assert HELD in shown.text


def test_it_says_so_to_who_holds_it_and_for_as_long_as_it_is_held(
    cast: Cast, clock: FixedClock, client: PortalClient, path: str
) -> None:
    def both(browser: PortalClient, wanted: str) -> tuple[bool, bool]:
        page = browser.page(f"/register?next={wanted}")
        return HELD in page.text, BACK in page.text

    assert both(client, path) == (True, True)
    assert both(cast.browser(None), path) == (False, True)
    assert both(client, "/book/hold/nonsense/check") == (False, True)
    assert both(client, "/visits") == (False, False)
    clock.advance(timedelta(minutes=10))
    assert both(client, path) == (False, True)
    over = client.page(path, status=409)
    assert over.h1 == "The time is no longer held for you"


def test_the_codes_for_the_phone_and_for_a_new_password_say_it_too(
    app: object, cast: Cast, clinic: Clinic, client: PortalClient, path: str, db: Session
) -> None:
    asked = client.page(f"/forgotten-password?next={path}")
    sent = asked.fields() | {"email": "marta@example.org"}
    shown = client.page(f"/forgotten-password?next={path}", method="POST", data=sent)
    assert shown.h1 == "Enter the code and a new password"
    assert HELD in shown.text
    cast.patient.phone_confirmed_at = None
    db.commit()
    browser = cast.browser(cast.patient)
    own = press(browser, browser.page(TIMES), "2026-11-26T11:00Z")
    assert HELD in browser.page(f"/account/phone/code?next={own}").text
