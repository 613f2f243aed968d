"""Booking by phone at the desk."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment
from clinic_portal.patients.models import Patient
from tests.booking.factory import THURSDAY, make_appointment
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.page import PortalClient, press

NEW = {
    "given_name": "Beatriz", "family_name": "Fontes", "birth_date-day": "4", "birth_date-month": "3",
    "birth_date-year": "1990", "phone": "912 345 688", "language": "pt_PT",
}  # fmt: skip


@pytest.fixture
def desk(cast: Cast) -> PortalClient:
    return cast.browser(cast.receptionist)


def test_somebody_known_is_found_and_booked(db: Session, clinic: Clinic, cast: Cast, desk: PortalClient) -> None:
    make_appointment(db, clinic, cast.patient_person, at=THURSDAY - timedelta(days=30))
    assert "/desk/lisbon/book" in desk.page("/desk/lisbon").links()
    found = desk.page("/desk/lisbon/book?q=araujo")
    home = f"/desk/lisbon/book/{cast.patient_person.id}"
    assert [link for link in found.links() if link.startswith("/desk/lisbon/book/")] == [home]
    assert f"{home}/massage" in desk.page(home).links()
    times = desk.page(f"{home}/massage?from=2026-11-26")
    assert "Come to Ponta Delgada" not in times.text
    assert f"{home}/massage/anyway" in times.links()
    assert not [link for link in times.links() if link.endswith("/waiting-list") and not link.startswith("/desk/")]
    assert not [link for link in times.links() if link.startswith("tel:")]
    assert "Choose one of the times" in press(desk, times, f"{home}/massage", status=422, slot="soon").text
    check = press(desk, times, f"{home}/massage?from=2026-11-26", slot="2026-11-26T10:30Z")
    for words in ("Marta Araújo", "Thursday 26 November, 10:30", "or a colleague", "€30.00"):
        assert words in check.text
    for _ in range(2):
        done = press(desk, check, check.response.request.full_path)
        assert done.h1 == "Marta Araújo"
        assert "Done Visit booked" in done.text
        assert "Booked by staff" in done.text
    assert len(db.scalars(select(Appointment)).all()) == 2


def test_when_the_time_is_gone_the_nearest_are_shown(
    db: Session, clinic: Clinic, cast: Cast, desk: PortalClient
) -> None:
    make_appointment(db, clinic, cast.patient_person, at=THURSDAY - timedelta(days=30))
    home = f"/desk/lisbon/book/{cast.patient_person.id}/massage"
    times = desk.page(home)
    check = press(desk, times, home, slot="2026-11-26T10:30Z")
    for person in (clinic.ines, clinic.rui):
        make_appointment(db, clinic, cast.stranger_person if person is clinic.ines else cast.child, practitioner=person)
    for method in ("GET", "POST"):
        data = {"csrf_token": check.fields()["csrf_token"]} if method == "POST" else None
        lost = desk.page(check.response.request.full_path, method=method, status=409, data=data)
        assert "Someone else has just taken this time" in lost.text


def test_somebody_new(db: Session, clinic: Clinic, desk: PortalClient) -> None:
    page = desk.page("/desk/lisbon/book?q=beatriz")
    assert "Nobody matches" in page.text
    wrong = press(desk, page, "/desk/lisbon/book", status=422, **(NEW | {"phone": "12", "birth_date-month": "Mrch"}))
    assert wrong.fields()["given_name"] == "Beatriz"
    assert wrong.fields()["phone"] == "12"
    services = press(desk, page, "/desk/lisbon/book", **NEW)
    beatriz = db.scalars(select(Patient).where(Patient.given_name == "Beatriz")).one()
    home = f"/desk/lisbon/book/{beatriz.id}"
    assert services.response.request.path == home
    form = desk.page(f"{home}/massage/anyway")
    wanted = {"on": "2026-11-29", "at": "20:05", "practitioner": str(clinic.ines.id), "room": str(clinic.room_1.id)}
    assert "Write why" in press(desk, form, f"{home}/massage/anyway", status=422, **wanted, note="").text
    done = press(desk, form, f"{home}/massage/anyway", **wanted, note="Inês comes in for her")
    assert "Inês comes in for her" in done.text
    again = press(desk, form, f"{home}/massage/anyway", status=409, **(wanted | {"at": "20:10"}), note="once more")
    assert "There is already a visit at this time" in again.text


def test_who_is_known_elsewhere_is_found_by_name_and_birth_date_only(cast: Cast, desk: PortalClient) -> None:
    home = f"/desk/lisbon/book/{cast.stranger_person.id}"
    page = desk.page("/desk/lisbon/book?q=duarte")
    assert "Nobody matches" in page.text
    assert desk.get(home).status_code == 404
    him = {
        "given_name": "duarte", "family_name": "Nogueira", "birth_date-day": "9", "birth_date-month": "3",
        "birth_date-year": "1985", "phone": "912 345 699", "language": "pt_PT",
    }  # fmt: skip
    known = press(desk, page, "/desk/lisbon/book", status=409, **him)
    assert "This patient is known already" in known.text
    assert home in known.links()
    assert desk.page(home).h1 == "What would they like to book?"


def test_another_person_with_the_same_name_and_birth_date(db: Session, cast: Cast, desk: PortalClient) -> None:
    page = desk.page("/desk/lisbon/book")
    assert not page.all("input", name="another")
    first = press(desk, page, "/desk/lisbon/book", **NEW).response.request.path
    known = press(desk, page, "/desk/lisbon/book", status=409, **(NEW | {"phone": "912 345 677"}))
    assert first in known.links()
    assert "+351 912 345 688" in known.text
    assert known.fields()["phone"] == "912 345 677"
    # Not a box that was ticked, or sent of people who were never shown: no patient of another desk is found that way.
    stranger = str(cast.stranger_person.id)
    for sent in ({}, {"namesake": ""}, {"namesake": "x"}, {"namesake": stranger}):
        again = press(
            desk, known, "/desk/lisbon/book", status=409, **(known.fields() | sent | {"another": "y"} if sent else NEW)
        )
        assert "another" not in again.fields()
        assert cast.stranger_person.full_name not in again.text
    press(desk, known, "/desk/lisbon/book", status=409, **known.fields())  # Nothing was ticked.
    wrong = press(desk, known, "/desk/lisbon/book", status=422, **(known.fields() | {"another": "y", "phone": "12"}))
    assert wrong.fields()["another"] == "y", "what was ticked stays"
    assert wrong.fields()["namesake"] == known.fields()["namesake"]
    twin = press(desk, wrong, "/desk/lisbon/book", **(wrong.fields() | {"phone": "912 345 677"}))
    assert twin.h1 == "What would they like to book?"
    assert twin.response.request.path != first
    assert "+351 912 345 677" in twin.text
    # Pressed twice: the second press finds two, and what was ticked was said of one.
    both = press(desk, wrong, "/desk/lisbon/book", status=409, **(wrong.fields() | {"phone": "912 345 677"}))
    assert {first, twin.response.request.path} <= set(both.links())
    assert "another" not in both.fields()
    assert db.scalar(select(func.count()).where(Patient.given_name == "Beatriz")) == 2


def test_another_facilitys_desk_does_not_know_them(db: Session, clinic: Clinic, cast: Cast) -> None:
    make_appointment(db, clinic, cast.patient_person)
    client = cast.browser(cast.far_receptionist)
    for slug in ("lisbon", "ponta-delgada"):
        for page in ("", "/massage", "/massage/check", "/massage/anyway"):
            assert client.get(f"/desk/{slug}/book/{cast.patient_person.id}{page}").status_code == 404
    assert "Marta" not in client.page("/desk/ponta-delgada/book?q=ar").text
