"""How facilities offer times that come free, as the administrator sets it."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from clinic_portal.booking.queries.waiting import waiting_rules
from clinic_portal.booking.rules import OfferMode, WaitingRules
from clinic_portal.core.ids import FacilityId
from tests.support.cast import Cast
from tests.support.clinic import Clinic

LISBON = "/admin/waiting-list/lisbon"


def test_from_the_list_to_the_form_and_back(db: Session, clinic: Clinic, cast: Cast) -> None:
    office = cast.browser(cast.administrator)
    assert "/admin/waiting-list" in office.page("/admin").links()
    page = office.page("/admin/waiting-list")
    usual = "One after the other is asked · 30 minutes to answer · offered until 2 hours before the visit"
    assert page.text.count(usual) == 2
    assert {LISBON, "/admin/waiting-list/ponta-delgada"} <= set(page.links())
    page = office.page(LISBON)
    assert page.h1 == "Waiting list of Lisbon"
    fields = page.fields()
    shown = {name: fields[name] for name in ("mode", "stands", "stop", "stop_unit")}
    assert shown == {"mode": "one-at-a-time", "stands": "30", "stop": "2", "stop_unit": "hours"}
    typed = fields | {"mode": "first-come", "stands": "90", "stop": "3", "stop_unit": "days"}
    page = office.page(LISBON, method="POST", data=typed)
    assert "Saved: the waiting list of Lisbon" in page.text
    assert "Several are asked at once, the first has it · 90 minutes to answer" in page.text
    assert "offered until 3 days before the visit" in page.text
    assert page.text.count(usual) == 1
    rules = WaitingRules(OfferMode.FIRST_COME, timedelta(minutes=90), timedelta(days=3))
    assert waiting_rules(db, FacilityId(clinic.lisbon.id)) == rules
    page = office.page(LISBON, method="POST", data=fields | {"stop": "0"})
    assert "offered as long as it can be booked" in page.text


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"stands": "4"}, "Enter a number of minutes from 5 to 1440"),
        ({"stands": "1441"}, "Enter a number of minutes from 5 to 1440"),
        ({"stands": "half an hour"}, "Enter a number of minutes from 5 to 1440"),
        ({"stop": ""}, "Enter a whole number, 0 or more"),
        ({"stop": "8", "stop_unit": "days"}, "Offers can stop 7 days before the visit at most"),
        (
            {"stop": "169", "stop_unit": "hours", "mode": "first-come"},
            "Offers can stop 7 days before the visit at most",
        ),
    ],
)
def test_what_cannot_be_is_refused_and_kept(
    db: Session, clinic: Clinic, cast: Cast, wrong: dict[str, str], words: str
) -> None:
    office = cast.browser(cast.administrator)
    page = office.page(LISBON, method="POST", status=422, data=office.page(LISBON).fields() | wrong)
    # In the summary on top, and beside the field.
    assert page.text.count(words) == 2
    kept = page.fields()
    assert {name: kept[name] for name in wrong} == wrong
    assert waiting_rules(db, FacilityId(clinic.lisbon.id)) == WaitingRules()


def test_who_is_asked_must_be_chosen(cast: Cast) -> None:
    office = cast.browser(cast.administrator)
    fields = office.page(LISBON).fields()
    del fields["mode"]
    page = office.page(LISBON, method="POST", status=422, data=fields | {"stands": "10"})
    assert page.text.count("Choose who is asked") == 2
    assert page.fields()["stands"] == "10"


def test_others_have_no_such_pages(cast: Cast) -> None:
    for account in (cast.receptionist, cast.doctor, cast.patient):
        browser = cast.browser(account)
        assert {browser.get(path).status_code for path in ("/admin/waiting-list", LISBON)} == {403}
