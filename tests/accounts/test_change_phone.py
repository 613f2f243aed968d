"""Changing the own phone."""

import pytest
from sqlalchemy.orm import Session

from clinic_portal.accounts.errors import MustWait
from clinic_portal.accounts.rules import CodePurpose
from clinic_portal.accounts.use_cases.change_phone import change_phone
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.settings import Settings
from tests.accounts.helpers import codes_of, send
from tests.support.cast import Cast
from tests.support.page import PortalClient

MARTA = "marta@example.org"


def test_a_new_number_is_kept_for_the_account_and_asks_for_its_code(cast: Cast, db: Session) -> None:
    page = send(cast.browser(cast.patient), "/account/phone", phone="+34 612 34 56 78")
    assert page.h1 == "Confirm your mobile number"
    assert "+34 612 34 56 78" in page.text
    db.refresh(cast.patient)
    db.refresh(cast.patient_person)
    assert cast.patient.phone == "+34612345678"
    assert cast.patient_person.phone is None
    assert cast.patient.phone_confirmed_at is None
    assert codes_of(db, MARTA, CodePurpose.CONFIRM_PHONE)[0].sent_to == "+34612345678"


def test_the_same_number_stays_confirmed(cast: Cast, db: Session) -> None:
    page = send(cast.browser(cast.patient), "/account/phone", phone="912 345 601")
    assert page.h1 == "My account"
    db.refresh(cast.patient)
    assert cast.patient.phone_confirmed_at is not None
    assert codes_of(db, MARTA, CodePurpose.CONFIRM_PHONE) == []


def test_nobody_s_phone_is_flooded(cast: Cast, db: Session, clock: FixedClock, settings: Settings) -> None:
    victim = "+351912345699"
    for account in (cast.patient, cast.guardian, cast.stranger):
        change_phone(db, clock, actor=account.actor(), phone=victim, secret_key=settings.secret_key)
    with pytest.raises(MustWait):
        change_phone(db, clock, actor=cast.doctor.actor(), phone=victim, secret_key=settings.secret_key)
    db.refresh(cast.doctor)
    assert cast.doctor.phone is None
    page = send(cast.browser(cast.doctor), "/account/phone", status=429, phone=victim)
    assert page.one("input", name="phone").get("value") == victim


@pytest.mark.parametrize("typed", ["", "12", "letters", "+351 112", "9" * 5000, "912345678;ext=5"])
def test_what_is_no_number_comes_back(cast: Cast, typed: str) -> None:
    page = send(cast.browser(cast.patient), "/account/phone", status=422, phone=typed)
    assert page.one("input", name="phone").get("value", "") == typed


def test_the_ladder(cast: Cast, client: PortalClient) -> None:
    assert client.get("/account/phone").headers["Location"].startswith("/sign-in")
    browser = cast.browser(cast.patient)
    assert browser.put("/account/phone").status_code == 405
    assert browser.post("/account/phone", data={"phone": "912345699"}).status_code == 400
    assert browser.fragment("/account/phone").h1 == browser.page("/account/phone").h1
