"""Somebody else has a lock for too long: whoever sent a form sends it again without typing it twice."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from wtforms import PasswordField

from clinic_portal.accounts import forms
from clinic_portal.accounts.models import Account
from clinic_portal.booking.models import Appointment, AppointmentHistory
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.core.clock import FixedClock
from clinic_portal.web.errors import PASSWORD
from tests.booking.factory import make_appointment
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.locks import locked
from tests.support.page import Page, PortalClient, press

TIMES = "/book/massage/times?practitioner=any&facility=lisbon"
#: What no box may change on the way: quotes, markup, lines, letters of any kind, space at the ends.
TYPED = ' "Dói" <b>muito</b> & às 3h\n\n  desde ontem 🙂 '


def is_busy(page: Page) -> None:
    assert page.h1 == "We are very busy right now"
    assert page.response.headers["Retry-After"] == "3"
    assert page.one("form", action=page.response.request.full_path.rstrip("?"))


def send_again(client: PortalClient, page: Page, status: int = 200) -> Page:
    """Press the only button of the page of the error."""
    (form,) = page.all("form")
    return client.page(form.get("action", ""), method="POST", status=status, data=page.fields())


@pytest.fixture
def desk(cast: Cast) -> PortalClient:
    return cast.browser(cast.receptionist)


@pytest.fixture
def anyway(db: Session, clinic: Clinic, cast: Cast) -> str:
    """Where the desk books for Marta, who has been here, a time that is not offered."""
    make_appointment(db, clinic, cast.patient_person, state=AppointmentState.FULFILLED)
    return f"/desk/lisbon/book/{cast.patient_person.id}/massage/anyway"


def wanted(clinic: Clinic) -> dict[str, str]:
    return {
        "on": "2026-11-29", "at": "20:05", "practitioner": str(clinic.ines.id), "room": str(clinic.room_1.id), "note": TYPED,
    }  # fmt: skip


def booked(db: Session) -> list[Appointment]:
    return list(db.scalars(select(Appointment).where(Appointment.state == AppointmentState.BOOKED)))


def test_what_the_desk_typed_is_sent_again(
    db: Session, database: str, clinic: Clinic, desk: PortalClient, anyway: str
) -> None:
    form = desk.page(anyway)
    with locked(db, database):
        page = press(desk, form, anyway, status=503, **wanted(clinic))
        is_busy(page)
        assert wanted(clinic).items() <= page.fields().items()
        page = send_again(desk, page, status=503)
        is_busy(page)
        assert [link for link in page.links() if link == "/desk"], "staff go on where they work"
    assert not booked(db)
    for _ in range(2):
        assert send_again(desk, page).h1 == "Marta Araújo"
    (visit,) = booked(db)
    lines = db.scalars(select(AppointmentHistory).where(AppointmentHistory.appointment_id == visit.id))
    assert [line.note for line in lines if line.note] == [TYPED.strip()]


def test_a_press_at_the_desk_says_when_to_come_back(
    db: Session, database: str, clock: FixedClock, clinic: Clinic, cast: Cast, desk: PortalClient
) -> None:
    visit = make_appointment(db, clinic, cast.patient_person, at=clock.at + timedelta(minutes=18))
    token = desk.page("/desk/lisbon").one("meta", name="csrf-token").get("content")
    with locked(db, database, "appointment_history"):
        path, data = f"/desk/lisbon/visits/{visit.id}/arrived", {"csrf_token": token}
        page = desk.page(path, method="POST", status=503, data=data)
    assert "We are very busy right now" in page.text
    assert page.response.headers["Retry-After"] == "3"


def test_what_a_patient_typed_is_sent_again(db: Session, database: str, clinic: Clinic, cast: Cast) -> None:
    client = cast.browser(cast.patient)
    times = client.page(TIMES)
    check = client.page(
        times.all("form")[-1].get("action", ""), method="POST", data=times.fields() | {"slot": "2026-11-26T10:30Z"}
    )
    path = check.response.request.path
    with locked(db, database):
        page = client.page(path, method="POST", status=503, data=check.fields() | {"patient_note": TYPED})
        is_busy(page)
    assert not booked(db)
    assert send_again(client, page).h1 == "Your visit is booked"
    (visit,) = booked(db)
    assert visit.patient_note == TYPED.strip()
    assert visit.patient_id == cast.patient_person.id


def test_a_password_is_typed_again(db: Session, database: str, client: PortalClient, clinic: Clinic) -> None:
    new = {
        "given_name": "Beatriz", "family_name": "Fontes", "email": "beatriz@example.org", "phone": "912 345 688",
        "birth_date-day": "4", "birth_date-month": "3", "birth_date-year": "1990",
    }  # fmt: skip
    form = client.page("/register?next=/visits")
    with locked(db, database):
        sent = form.fields() | new | {"password": "three words apart"}
        page = client.page("/register?next=/visits", method="POST", status=503, data=sent)
    is_busy(page)
    assert "three words apart" not in page.html
    assert "Only the password is asked for again." in page.text
    again = send_again(client, page, status=422)
    assert new.items() <= again.fields().items()
    done = client.page("/register?next=/visits", method="POST", data=again.fields() | {"password": "three words apart"})
    assert done.response.request.path == "/register/code"
    assert db.scalars(select(Account).where(Account.email == "beatriz@example.org")).one()


def test_another_site_cannot_have_its_form_sent_by_us(
    db: Session, database: str, clinic: Clinic, desk: PortalClient, cast: Cast, anyway: str
) -> None:
    strangers = cast.browser(cast.stranger).page("/privacy").one("meta", name="csrf-token").get("content", "")
    with locked(db, database):
        for token in ({}, {"csrf_token": strangers}):
            page = desk.page(anyway, method="POST", status=400, data=wanted(clinic) | token)
            assert not page.all("form")
            assert "ontem" not in page.html


def test_a_field_for_a_password_is_known_by_its_name() -> None:
    fields = [
        (name, field.field_class)
        for form in vars(forms).values() if isinstance(form, type)
        for name, field in vars(form).items() if hasattr(field, "field_class")
    ]  # fmt: skip
    secret = {name for name, kind in fields if issubclass(kind, PasswordField)}
    assert secret == {name for name, _ in fields if PASSWORD in name}
    assert secret
