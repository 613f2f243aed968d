"""Who is signed in is not shown times at which the patient has another visit, and is told why; everybody else is."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from clinic_portal.booking.links import visit_link_path
from clinic_portal.booking.queries import facts_of
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.core.cache import FREE_TIMES, SESSION_KEY, VersionedCache
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.settings import Settings
from clinic_portal.patients.models import Patient
from clinic_portal.practitioners.models import Absence
from tests.booking.factory import THURSDAY, make_appointment
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.page import Page, PortalClient
from tests.support.statements import statements

SLOT = "%Y-%m-%dT%H:%MZ"
HALF_HOUR = timedelta(minutes=30)


def path(clinic: Clinic, patient: Patient | None, service: str = "massage") -> str:
    whom = f"&patient={patient.id}" if patient else ""
    return f"/book/{service}/times?practitioner={clinic.ines.id}&facility=lisbon&from={THURSDAY.date()}{whom}"


def values(page: Page) -> list[str | None]:
    return [button.get("value") for button in page.all("button", name="slot")]


def at(steps: int) -> str:
    return f"{THURSDAY + steps * HALF_HOUR:{SLOT}}"


def test_times_at_which_the_patient_is_elsewhere_are_left_out(clinic: Clinic, cast: Cast, db: Session) -> None:
    make_appointment(db, clinic, cast.patient_person, practitioner=clinic.rui, service=clinic.evaluation)
    page = cast.browser(cast.patient).page(path(clinic, cast.patient_person))
    assert {at(-1), at(2)} <= set(values(page))
    assert {at(0), at(1)} & set(values(page)) == set()
    assert "because you have another visit" in page.text
    assert "Thursday 26 November, 10:30 to 11:30" in page.text
    stranger = cast.browser(cast.stranger).page(path(clinic, cast.stranger_person))
    assert {at(0), at(1)} <= set(values(stranger))
    assert "another visit" not in stranger.text


def test_every_time_that_is_shown_can_be_held(clinic: Clinic, cast: Cast, db: Session) -> None:
    make_appointment(db, clinic, cast.patient_person, practitioner=clinic.rui, at=THURSDAY + timedelta(minutes=10))
    client, url = cast.browser(cast.patient), path(clinic, cast.patient_person)
    page = client.page(url)
    shown = [value for value in values(page) if value and value.startswith(f"{THURSDAY.date()}")]
    assert len(shown) > 5
    for value in shown:
        # What this account holds already is given up for it, and so leaves nothing out.
        assert values(client.page(url))[: len(shown)] == shown
        held = client.post(url, data={"csrf_token": page.fields()["csrf_token"], "slot": value})
        assert held.status_code == 303, value
    refused = client.post(url, data={"csrf_token": page.fields()["csrf_token"], "slot": at(0)})
    assert refused.status_code == 409
    nearest = refused.get_data(as_text=True).split('id="nearest"')[1].split("</form>")[0]
    assert at(0) not in nearest
    assert at(-1) in nearest


def test_a_childs_other_visit_is_said_to_be_the_childs(clinic: Clinic, cast: Cast, db: Session) -> None:
    make_appointment(db, clinic, cast.child, practitioner=clinic.rui)
    guardian = cast.browser(cast.guardian)
    page = guardian.page(path(clinic, cast.child))
    assert at(0) not in values(page)
    assert f"{cast.child.given_name} has another visit" in page.text
    own = guardian.page(path(clinic, cast.guardian_person))
    assert at(0) in values(own)
    assert "another visit" not in own.text


def test_nobody_reads_a_strangers_diary_off_the_times(clinic: Clinic, cast: Cast, db: Session) -> None:
    make_appointment(db, clinic, cast.patient_person, practitioner=clinic.rui)
    assert cast.browser(cast.stranger).get(path(clinic, cast.patient_person)).status_code == 404


def test_a_visitor_names_nobody(client: PortalClient, clinic: Clinic, cast: Cast, db: Session) -> None:
    make_appointment(db, clinic, cast.patient_person, practitioner=clinic.rui)
    page = client.page(path(clinic, cast.patient_person))
    assert at(0) in values(page)
    assert "another visit" not in page.text


def test_a_day_with_as_many_visits_as_there_can_be_has_no_times(clinic: Clinic, cast: Cast, db: Session) -> None:
    clinic.massage.visits_per_day = 1
    db.commit()
    make_appointment(db, clinic, cast.patient_person, practitioner=clinic.rui)
    page = cast.browser(cast.patient).page(path(clinic, cast.patient_person))
    assert not [value for value in values(page) if value and value.startswith(f"{THURSDAY.date()}")]
    assert "Thursday 26 November: no more visits of this kind" in page.text


def test_a_cancelled_visit_leaves_nothing_out(clinic: Clinic, cast: Cast, db: Session) -> None:
    make_appointment(
        db,
        clinic,
        cast.patient_person,
        practitioner=clinic.rui,
        state=AppointmentState.CANCELLED,
        cancelled_at=THURSDAY,
    )
    assert at(0) in values(cast.browser(cast.patient).page(path(clinic, cast.patient_person)))


def test_when_the_patient_is_elsewhere_at_all_free_times_the_page_says_so(
    clinic: Clinic, cast: Cast, db: Session, clock: FixedClock
) -> None:
    clinic.massage.horizon_days = 3
    db.commit()
    for day in range(4):
        start = THURSDAY.replace(hour=7, minute=0) - timedelta(days=3 - day)
        make_appointment(
            db, clinic, cast.patient_person, practitioner=clinic.sofia, at=start, ends_at=start + timedelta(hours=14)
        )
    page = cast.browser(cast.patient).page(
        path(clinic, cast.patient_person).split("&from")[0] + f"&patient={cast.patient_person.id}"
    )
    assert values(page) == []
    assert "because you have another visit" in page.text


def test_the_first_free_time_of_somebody_else_is_one_for_this_patient(clinic: Clinic, cast: Cast, db: Session) -> None:
    clinic.massage.visits_per_day = 1
    for_long = {"starts_at": THURSDAY - timedelta(days=9), "ends_at": THURSDAY + timedelta(days=400)}
    db.add(Absence(practitioner_id=clinic.ines.id, reason="", **for_long))
    db.commit()
    # Today Rui has free times, and the patient as many visits as there can be.
    make_appointment(db, clinic, cast.patient_person, practitioner=clinic.rui, at=THURSDAY - timedelta(days=3))
    url = f"/book/massage/times?practitioner={clinic.ines.id}&facility=lisbon"
    assert "First free time: Monday 23 November" in cast.browser(cast.stranger).page(url).text
    page = cast.browser(cast.patient).page(f"{url}&patient={cast.patient_person.id}")
    assert "First free time: Tuesday 24 November" in page.text
    assert "Monday 23 November" not in page.text


def test_a_link_to_one_visit_tells_nothing_of_others(
    client: PortalClient, clinic: Clinic, cast: Cast, db: Session, settings: Settings
) -> None:
    """The times at which the patient is elsewhere are left out, without a word; who is signed in reads why."""
    make_appointment(db, clinic, cast.patient_person, practitioner=clinic.rui)
    moved = make_appointment(db, clinic, cast.patient_person, at=THURSDAY + timedelta(days=7))
    days = f"move?from={THURSDAY.date()}&practitioner={clinic.ines.id}&facility=lisbon"
    by_link = client.page(f"{visit_link_path(settings, facts_of(moved))}/{days}")
    signed_in = cast.browser(cast.patient).page(f"/visits/{moved.id}/{days}")
    for page in (by_link, signed_in):
        assert at(0) not in values(page)
        assert at(1) in values(page)
    assert "another visit" not in by_link.text
    assert "Thursday 26 November, 10:30" not in by_link.text
    assert "because you have another visit: Thursday 26 November, 10:30 to 11:00" in signed_in.text


def test_at_the_desk_as_well(clinic: Clinic, cast: Cast, db: Session) -> None:
    make_appointment(db, clinic, cast.patient_person, practitioner=clinic.rui)
    home = f"/desk/lisbon/book/{cast.patient_person.id}/massage"
    page = cast.browser(cast.receptionist).page(f"{home}?from={THURSDAY.date()}&practitioner={clinic.ines.id}")
    assert at(0) not in values(page)
    assert "because the patient has another visit" in page.text


@pytest.fixture
def cache(app: Flask, db: Session, settings: Settings) -> VersionedCache:
    """The cache as in production."""
    found = VersionedCache(settings.redis_url, is_on=True)
    found.changed(FREE_TIMES)
    db.info[SESSION_KEY] = found
    factory = app.extensions["sqlalchemy"].session.session_factory
    factory.configure(info={**factory.kw["info"], SESSION_KEY: found})
    return found


@pytest.mark.usefixtures("cache")
def test_what_is_kept_for_all_stays_what_all_see(client: PortalClient, clinic: Clinic, cast: Cast, db: Session) -> None:
    """Whoever comes first: nobody's own page is kept, and one who has nothing on these days gets what is kept."""
    make_appointment(db, clinic, cast.patient_person, practitioner=clinic.rui)
    make_appointment(db, clinic, cast.stranger_person, practitioner=clinic.rui, at=THURSDAY + timedelta(days=20))
    mine = cast.browser(cast.patient)
    assert at(0) not in values(mine.page(path(clinic, cast.patient_person)))
    for _ in range(2):
        assert at(0) in values(client.page(path(clinic, None)))
        assert at(0) in values(cast.browser(cast.stranger).page(path(clinic, cast.stranger_person)))
        assert at(0) not in values(mine.page(path(clinic, cast.patient_person)))
    with statements(db) as seen:
        cast.browser(cast.stranger).page(path(clinic, cast.stranger_person))
    asked = [statement for statement in seen if "FROM appointment" in statement]
    assert len(asked) == 1, "what the patient has already, and nothing else"
