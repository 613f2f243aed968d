"""The page of times with its cache on: what it shows is never older than the last change."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from clinic_portal.accounts.models import Account
from clinic_portal.booking.rules import CancelReason
from clinic_portal.booking.steps import mark_arrived, undo_arrival
from clinic_portal.booking.use_cases.cancel_appointment import cancel_appointment
from clinic_portal.booking.use_cases.change_hours import change_hours
from clinic_portal.core.cache import FREE_TIMES, SESSION_KEY, VersionedCache, cache_of
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import AppointmentId, PractitionerId
from clinic_portal.core.settings import Settings
from clinic_portal.practitioners.steps import AddAbsence
from tests.booking.factory import THURSDAY, make_appointment
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.page import PortalClient
from tests.support.statements import statements


@pytest.fixture
def other(app: Flask) -> PortalClient:
    """Another visitor's browser."""
    client = app.test_client()
    assert isinstance(client, PortalClient)
    return client


@pytest.fixture(autouse=True)
def caching(app: Flask, db: Session, settings: Settings) -> None:
    """The cache as in production, for the test's own session and for those of requests."""
    cache = VersionedCache(settings.redis_url, is_on=True)
    cache.changed(FREE_TIMES)
    db.info[SESSION_KEY] = cache
    factory = app.extensions["sqlalchemy"].session.session_factory
    factory.configure(info={**factory.kw["info"], SESSION_KEY: cache})


def slots(client: PortalClient, clinic: Clinic) -> list[str | None]:
    page = client.page(f"/book/massage/times?practitioner={clinic.ines.id}&facility=lisbon&from={THURSDAY.date()}")
    return [button.get("value") for button in page.all("button", name="slot")]


AT = f"{THURSDAY:%Y-%m-%dT%H:%MZ}"


def test_the_second_visitor_costs_the_database_nothing_of_it(db: Session, client: PortalClient, clinic: Clinic) -> None:
    first = slots(client, clinic)
    with statements(db) as seen:
        assert slots(client, clinic) == first
    assert first
    assert not [statement for statement in seen if "FROM appointment" in statement]


def test_a_held_time_is_gone_at_once_and_back_when_it_is_released(
    client: PortalClient, other: PortalClient, clinic: Clinic
) -> None:
    assert AT in slots(other, clinic)
    path = f"/book/massage/times?practitioner={clinic.ines.id}&facility=lisbon"
    page = client.page(path)
    held = client.post(path, data={"csrf_token": page.fields()["csrf_token"], "slot": AT})
    assert held.status_code == 303
    assert AT not in slots(other, clinic)
    # Who holds it sees it as free: it may be chosen again.
    assert AT in slots(client, clinic)
    release = held.location.replace("/check", "/release")
    client.post(release, data={"csrf_token": page.fields()["csrf_token"]})
    assert AT in slots(other, clinic)


def test_what_takes_no_time_and_frees_none_leaves_what_is_kept(
    db: Session, clock: FixedClock, client: PortalClient, clinic: Clinic, cast: Cast
) -> None:
    visit = AppointmentId(make_appointment(db, clinic, cast.patient_person, booked_at=clock.now()).id)
    assert AT not in slots(client, clinic)
    before = kept_version(db)
    desk = cast.receptionist.actor()
    with transaction(db):
        mark_arrived(db, clock, appointment_id=visit, actor=desk)
        undo_arrival(db, clock, appointment_id=visit, actor=desk)
    assert kept_version(db) == before
    cancel_appointment(db, clock, appointment_id=visit, actor=cast.patient.actor(), reason=CancelReason.OTHER)
    assert kept_version(db) != before


def kept_version(db: Session) -> str | None:
    return cache_of(db).get(FREE_TIMES, "nothing is kept here").version


def test_a_cancelled_visit_is_offered_at_once(
    db: Session, clock: FixedClock, client: PortalClient, clinic: Clinic, cast: Cast
) -> None:
    visit = make_appointment(db, clinic, cast.patient_person, booked_at=clock.now())
    assert AT not in slots(client, clinic)
    cancel_appointment(
        db, clock, appointment_id=AppointmentId(visit.id), actor=cast.patient.actor(), reason=CancelReason.OTHER
    )
    assert AT in slots(client, clinic)


def test_an_absence_takes_its_times_away_at_once(
    db: Session, clock: FixedClock, client: PortalClient, clinic: Clinic, cast: Cast
) -> None:
    assert AT in slots(client, clinic)
    administrator: Account = cast.administrator
    away = AddAbsence(PractitionerId(clinic.ines.id), THURSDAY, THURSDAY + timedelta(hours=1), "course")
    change_hours(db, clock, change=away, answers={}, actor=administrator.actor())
    assert AT not in slots(client, clinic)


def test_a_kept_page_has_each_visitors_own_token_and_nonce(
    client: PortalClient, other: PortalClient, clinic: Clinic
) -> None:
    path = f"/book/massage/times?practitioner={clinic.ines.id}&facility=lisbon"
    first, second = client.page(path), other.page(path)
    assert first.fields()["csrf_token"] != second.fields()["csrf_token"]
    assert first.text == second.text
    held = other.post(path, data={"csrf_token": second.fields()["csrf_token"], "slot": AT})
    assert held.status_code == 303


def test_a_kept_page_is_not_shown_in_another_language_or_to_who_is_signed_in(
    client: PortalClient, other: PortalClient, clinic: Clinic, cast: Cast
) -> None:
    path = f"/book/massage/times?practitioner={clinic.ines.id}&facility=lisbon"
    assert "When would you like to come?" in client.page(path).text
    assert "Sign in" in client.page(path).text
    other.set_cookie("clinic_language", "pt_PT")
    assert "When would you like to come?" not in other.page(path).text
    assert "Sign out" in cast.browser(cast.patient).page(path).text


def test_what_one_visitors_address_says_is_on_nobody_elses_page(
    client: PortalClient, other: PortalClient, clinic: Clinic
) -> None:
    plain = f"/book/massage/times?practitioner={clinic.ines.id}&facility=lisbon"
    assert "only-mine" in client.get(f"{plain}&x=only-mine").text
    assert "only-mine" in client.get(f"{plain}&patient=only-mine").text
    assert "only-mine" not in other.get(plain).text


def test_visitors_share_the_page(db: Session, client: PortalClient, other: PortalClient, clinic: Clinic) -> None:
    path = f"/book/massage/times?practitioner={clinic.ines.id}&facility=lisbon"
    client.page(path)
    clinic.lisbon.street = "Rua Nova 1"
    db.commit()
    # Control: what changed beside the cache is not seen, so the page is the kept one.
    assert "Rua Nova 1" not in other.page(path).text
    db.info[SESSION_KEY].changed(FREE_TIMES)
    assert "Rua Nova 1" in other.page(path).text


def test_a_single_day_is_a_page_of_its_own_that_a_change_of_another_day_leaves_alone(
    db: Session, clock: FixedClock, client: PortalClient, other: PortalClient, clinic: Clinic, cast: Cast
) -> None:
    path = f"/book/massage/times?practitioner={clinic.ines.id}&facility=lisbon&from={THURSDAY.date()}&days=1"

    def seen() -> list[str]:
        with statements(db) as sent:
            fragment = other.fragment(path)
        assert all(
            f"{THURSDAY.date()}T" in (button.get("value") or "") for button in fragment.all("button", name="slot")
        )
        return [statement for statement in sent if "FROM appointment" in statement]

    assert len(seen()) == 1
    assert seen() == []
    monday = THURSDAY + timedelta(days=4)
    visit = make_appointment(db, clinic, cast.patient_person, at=monday, booked_at=clock.now())
    actor = cast.patient.actor()
    cancel_appointment(db, clock, appointment_id=AppointmentId(visit.id), actor=actor, reason=CancelReason.OTHER)
    assert seen() == []
    same_day = make_appointment(db, clinic, cast.patient_person, booked_at=clock.now())
    cancel_appointment(db, clock, appointment_id=AppointmentId(same_day.id), actor=actor, reason=CancelReason.OTHER)
    assert len(seen()) == 1
