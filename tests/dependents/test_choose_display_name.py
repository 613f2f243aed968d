"""How the waiting room calls somebody is chosen by who may book for them."""

from datetime import date

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.core.audit import AuditEntry
from clinic_portal.core.ids import new_id
from clinic_portal.dependents.models import Relationship
from clinic_portal.patients.models import Patient
from clinic_portal.patients.rules import DisplayChoice
from tests.support.cast import Cast
from tests.support.page import Page, PortalClient


def choose(browser: PortalClient, person: Patient, choice: str, *, status: int = 200) -> Page:
    path = f"/account/waiting-room/{person.id}"
    fields = browser.page(path).fields() | {"choice": choice}
    return browser.page(path, method="POST", data=fields, status=status)


def test_the_page_shows_an_example_of_each_and_keeps_the_choice(cast: Cast, db: Session) -> None:
    browser = cast.browser(cast.patient)
    page = browser.page("/account/waiting-room")
    assert page.h1 == "How should the waiting room call you?"
    for example in ("Marta Araújo", "Marta A.", "A 17"):
        assert example in page.text
    assert page.one("input", checked="").get("value") == "first_initial"
    page = choose(browser, cast.patient_person, "code")
    assert "Saved" in page.text
    db.refresh(cast.patient_person)
    assert cast.patient_person.display_choice is DisplayChoice.CODE
    entry = db.scalars(select(AuditEntry).where(AuditEntry.subject_id == cast.patient_person.id)).one()
    assert (entry.action, entry.detail) == ("patient.display_name_chosen", {"choice": "code"})
    assert browser.page("/account/waiting-room").one("input", checked="").get("value") == "code"


def test_a_guardian_chooses_for_those_in_her_care(cast: Cast, db: Session) -> None:
    browser = cast.browser(cast.guardian)
    page = browser.page("/account/waiting-room")
    assert f"/account/waiting-room/{cast.child.id}" in page.links()
    for person in (cast.child, cast.patient_person):
        choose(browser, person, "full")
        db.refresh(person)
        assert person.display_choice is DisplayChoice.FULL


def test_a_stranger_finds_nothing(cast: Cast, db: Session) -> None:
    browser = cast.browser(cast.stranger)
    for person in (cast.child, cast.patient_person):
        assert browser.get(f"/account/waiting-room/{person.id}").status_code == 404
    token = browser.page("/account").fields()["csrf_token"]
    data = {"csrf_token": token, "choice": "full"}
    assert browser.post(f"/account/waiting-room/{cast.child.id}", data=data).status_code == 404
    db.refresh(cast.child)
    assert cast.child.display_choice is DisplayChoice.FIRST_INITIAL


def test_a_right_that_ended_is_refused(cast: Cast, db: Session) -> None:
    relationship = db.scalars(select(Relationship).where(Relationship.patient_id == cast.child.id)).one()
    relationship.ends_on = date(2026, 11, 22)
    db.commit()
    assert cast.browser(cast.guardian).get(f"/account/waiting-room/{cast.child.id}").status_code == 403


@pytest.mark.parametrize("choice", ["", "nickname", "<b>", "x" * 5000])
def test_what_is_no_choice_comes_back(cast: Cast, choice: str) -> None:
    page = choose(cast.browser(cast.patient), cast.patient_person, choice, status=422)
    assert "There is a problem" in page.text


def test_the_ladder(cast: Cast, client: PortalClient) -> None:
    path = f"/account/waiting-room/{cast.patient_person.id}"
    assert client.get(path).headers["Location"].startswith("/sign-in")
    assert cast.browser(cast.receptionist).get(path).status_code == 403
    browser = cast.browser(cast.patient)
    assert browser.get(f"/account/waiting-room/{new_id()}").status_code == 404
    assert browser.get("/account/waiting-room/nobody").status_code == 404
    assert browser.put(path).status_code == 405
    assert browser.post(path, data={"choice": "full"}).status_code == 400
    assert browser.fragment(path).h1 == browser.page(path).h1
