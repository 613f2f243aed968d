"""The account's page."""

import pytest
from sqlalchemy.orm import Session

from tests.support.cast import Cast
from tests.support.page import PortalClient


def test_it_shows_what_the_account_holds(cast: Cast) -> None:
    page = cast.browser(cast.patient).page("/account")
    for words in ("Marta Araújo", "9 March 1985", "marta@example.org", "+351 912 345 601", "English", "1 browser"):
        assert words in page.text
    assert page.text.count("Confirmed") == 2
    assert "/account/waiting-room" in page.links()


def test_staff_have_one_without_a_patient_s_parts(cast: Cast) -> None:
    page = cast.browser(cast.doctor).page("/account")
    assert "Inês Carvalho" in page.text
    assert "/account/waiting-room" not in page.links()


def test_it_speaks_portuguese_dates(cast: Cast, db: Session) -> None:
    cast.patient.language = "pt_PT"
    db.commit()
    assert "9 de março de 1985" in cast.browser(cast.patient).page("/account").text


@pytest.mark.parametrize("who", ["guardian", "stranger", "receptionist", "administrator"])
def test_everybody_sees_their_own(cast: Cast, who: str) -> None:
    page = cast.browser(getattr(cast, who)).page("/account")
    assert "marta@example.org" not in page.text
    assert getattr(cast, who).email in page.text


def test_the_ladder(cast: Cast, client: PortalClient) -> None:
    assert client.get("/account").headers["Location"] == "/sign-in?next=/account"
    browser = cast.browser(cast.patient)
    assert browser.post("/account").status_code == 405
    assert browser.fragment("/account").h1 == "My account"
