"""The link in a message: opens one visit without signing in, shows no name, and changes nothing by being opened."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.links import reference_of_link, visit_link_path
from clinic_portal.booking.models import Appointment, AppointmentHistory
from clinic_portal.booking.queries import facts_of
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.settings import Settings
from tests.booking.factory import THURSDAY, make_appointment
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.page import PortalClient
from tests.support.world import snapshot


def code_of(settings: Settings, row: Appointment) -> str:
    return visit_link_path(settings, facts_of(row)).removeprefix("/v/")


@pytest.fixture
def booked(db: Session, clinic: Clinic, cast: Cast) -> Appointment:
    return make_appointment(
        db, clinic, cast.patient_person, patient_note="my left knee", booked_by_account_id=cast.patient.id
    )


def test_only_the_code_that_was_given_opens(settings: Settings, booked: Appointment) -> None:
    code = code_of(settings, booked)
    assert reference_of_link(settings, code) == booked.reference
    assert reference_of_link(settings, code.lower()) == booked.reference
    others = [
        code[:-1],
        code + "A",
        code[::-1],
        code[:8],
        code[8:],
        "",
        f"{code[:-1]}{'A' if code[-1] != 'A' else 'C'}",
    ]
    assert {reference_of_link(settings, other) for other in others} == {None}
    assert reference_of_link(replace(settings, secret_key="another installation"), code) is None


def test_it_shows_when_and_where_and_nobodys_name(
    client: PortalClient, settings: Settings, booked: Appointment
) -> None:
    page = client.page(visit_link_path(settings, facts_of(booked)))
    assert page.h1 == "Thursday 26 November, 10:30"
    for words in ("Massage", "Inês Carvalho", "Rua das Flores 12", "Booked"):
        assert words in page.text
    for words in ("Marta", "Araújo", "knee", "marta@example.org", "1985"):
        assert words not in page.response.get_data(as_text=True)
    assert page.response.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert page.response.headers["Cache-Control"] == "no-store"
    assert page.response.headers["Referrer-Policy"] == "same-origin"


def test_whatever_opens_the_link_changes_nothing(
    db: Session, client: PortalClient, settings: Settings, booked: Appointment
) -> None:
    path, before = visit_link_path(settings, facts_of(booked)), snapshot(db)
    for page in ("", "/cancel"):
        for method in ("GET", "HEAD", "OPTIONS"):
            assert client.open(f"{path}{page}", method=method).status_code == 200
    assert snapshot(db) == before


def test_cancelled_from_the_link_with_one_reason(
    db: Session, client: PortalClient, settings: Settings, booked: Appointment
) -> None:
    path = visit_link_path(settings, facts_of(booked))
    page = client.page(f"{path}/cancel")
    assert "Marta" not in page.text
    made_up = {"reason": "clinic.closed", "csrf_token": page.fields()["csrf_token"]}
    assert client.page(f"{path}/cancel", method="POST", status=422, data=made_up).title.startswith("Error: ")
    for _ in range(2):
        done = client.page(
            f"{path}/cancel",
            method="POST",
            data={"reason": "patient.unwell", "csrf_token": page.fields()["csrf_token"]},
        )
        assert "This visit is cancelled" in done.text
        assert not [link for link in done.all("a") if "cancel" in (link.get("href") or "")]
    db.expire_all()
    row = db.get_one(Appointment, booked.id)
    assert (row.state, row.sequence) == (AppointmentState.CANCELLED, 1)
    history = db.scalars(select(AppointmentHistory)).one()
    assert (history.actor_name, history.account_id, history.reason) == ("visit-link", None, "patient.unwell")
    assert client.page(f"{path}/cancel").response.request.path == path


@pytest.mark.parametrize("chosen", [{}, {"reason": ""}, {"reason": "patient.not_said"}])
@pytest.mark.parametrize("by_link", [True, False])
def test_nobody_has_to_say_why(
    db: Session, cast: Cast, settings: Settings, booked: Appointment, by_link: bool, chosen: dict[str, str]
) -> None:
    path = visit_link_path(settings, facts_of(booked)) if by_link else f"/visits/{booked.id}"
    client = cast.browser(cast.patient)
    page = client.page(f"{path}/cancel")
    assert "Why are you cancelling? (optional)" in page.text
    done = client.page(f"{path}/cancel", method="POST", data=page.fields() | chosen)
    assert "This visit is cancelled" in done.text
    assert db.scalars(select(AppointmentHistory.reason)).all() == ["patient.not_said"]


def test_a_refused_form_says_whether_its_address_can_be_opened(
    client: PortalClient, settings: Settings, booked: Appointment
) -> None:
    """Then `portal.js` lets Back open it; "I am coming" answers to the press only."""
    path = visit_link_path(settings, facts_of(booked))
    token = client.page(path).fields()["csrf_token"]

    def is_sent(address: str, status: int, **form: str) -> bool:
        page = client.page(address, method="POST", status=status, data={"csrf_token": token, **form})
        return "data-sent" in page.one("html").attrib

    assert is_sent(f"{path}/cancel", 422, reason="clinic.closed")
    assert not is_sent(f"{path}/coming", 409, seen="7")
    assert "data-sent" not in client.page(f"{path}/cancel").one("html").attrib


def test_after_the_visit_it_only_says_that_it_is_over(
    client: PortalClient, clock: FixedClock, settings: Settings, booked: Appointment
) -> None:
    clock.at = THURSDAY + timedelta(minutes=10)
    page = client.page(visit_link_path(settings, facts_of(booked)))
    assert not [link for link in page.all("a") if "cancel" in (link.get("href") or "")]
    assert "It is time for this visit. If you are late or cannot come, please phone us" in page.text
    clock.at = THURSDAY + timedelta(minutes=30)
    page = client.page(visit_link_path(settings, facts_of(booked)))
    assert page.h1 == "This visit is over"
    assert "Inês" not in page.text


def test_a_wrong_code_says_no_more_than_a_page_that_there_is_not(
    client: PortalClient, settings: Settings, booked: Appointment
) -> None:
    known, unknown = f"/v/{booked.reference}{'A' * 10}", f"/v/{'W' * 18}"
    answers = [client.get(f"{path}{page}") for path in (known, unknown) for page in ("", "/cancel")]
    assert {answer.status_code for answer in answers} == {404}
    for path in (known, unknown, f"/offers/{'W' * 18}"):
        page = client.page(path, status=404)
        assert page.h1 == "This link does not work"
        assert "/visits" in page.links()


def test_a_time_that_is_only_held_has_no_page(
    db: Session, client: PortalClient, clinic: Clinic, settings: Settings
) -> None:
    held = make_appointment(db, clinic, None, state=AppointmentState.PROPOSED, booked_at=None)
    assert client.get(visit_link_path(settings, facts_of(held))).status_code == 404
