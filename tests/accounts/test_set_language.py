"""The language is kept in the browser and on the account, for pages and messages."""

import pytest
from sqlalchemy.orm import Session

from clinic_portal.accounts.use_cases.set_language import set_language
from clinic_portal.core.clock import FixedClock
from tests.support.cast import Cast
from tests.support.page import PortalClient


def choose(client: PortalClient, language: str, **form: str) -> str:
    token = (
        client.page("/sign-in" if "next" not in form else "/privacy")
        .all("input", name="csrf_token")[0]
        .get("value", "")
    )
    answer = client.post("/language", data={"csrf_token": token, "language": language, **form})
    assert answer.status_code == 303
    return answer.headers["Location"]


def test_a_visitor_s_choice_is_kept_in_the_browser(client: PortalClient) -> None:
    assert choose(client, "pt_PT", next="/privacy?x=1") == "/privacy?x=1"
    assert client.page("/privacy").root.get("lang") == "pt-PT"


def test_an_account_s_choice_is_kept_for_its_messages_too(cast: Cast, db: Session) -> None:
    browser = cast.browser(cast.patient)
    page = browser.page("/account")
    token = page.fields()["csrf_token"]
    browser.post("/language", data={"csrf_token": token, "language": "pt_PT", "next": "/account"})
    db.refresh(cast.patient)
    db.refresh(cast.patient_person)
    assert cast.patient.language == cast.patient_person.language == "pt_PT"
    elsewhere = cast.browser(cast.patient)
    assert elsewhere.page("/account").root.get("lang") == "pt-PT"


def test_staff_have_a_language_without_being_patients(cast: Cast, db: Session, clock: FixedClock) -> None:
    set_language(db, clock, actor=cast.receptionist.actor(), language="pt_PT")
    db.refresh(cast.receptionist)
    assert cast.receptionist.language == "pt_PT"


def test_a_language_that_is_not_spoken_changes_nothing(cast: Cast, db: Session, clock: FixedClock) -> None:
    browser = cast.browser(cast.patient)
    token = browser.page("/account").fields()["csrf_token"]
    answer = browser.post("/language", data={"csrf_token": token, "language": "tlh"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    with pytest.raises(ValueError, match="tlh"):
        set_language(db, clock, actor=cast.patient.actor(), language="tlh")
    db.refresh(cast.patient)
    assert cast.patient.language == "en"


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/\\evil.example", "//["])
def test_the_way_back_stays_on_the_site(client: PortalClient, target: str) -> None:
    assert choose(client, "en", next=target) == "/"


def test_wrong_method_and_missing_token(client: PortalClient) -> None:
    assert client.get("/language").status_code == 405
    assert client.post("/language", data={"language": "en"}).status_code == 400


def test_the_language_of_a_page_that_answered_a_form_leads_home(client: PortalClient) -> None:
    token = client.page("/accessibility").one("meta", name="csrf-token").get("content")
    path = "/book/hold/01936e1a-0000-7000-8000-000000000000/again"
    response = client.post("/language", data={"csrf_token": token, "language": "pt_PT", "next": path})
    assert response.headers["Location"] == "/"
