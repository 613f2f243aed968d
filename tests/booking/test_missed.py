"""Who missed visits too often books by phone; staff alone see how often it was."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from clinic_portal.booking.queries.missed import MissedRule, missed_counts, missed_rule, missed_under_rule, phoning_only
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.booking.rules.missed import judge_missed
from clinic_portal.booking.use_cases.book_appointment import Answers, book_appointment
from clinic_portal.booking.use_cases.change_missed_rule import change_missed_rule
from clinic_portal.booking.use_cases.choose_patient import choose_patient
from clinic_portal.booking.use_cases.hold_time import Choice, hold_time
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import Conflict, Forbidden
from clinic_portal.core.ids import FacilityId, PatientId, ServiceId
from tests.booking.factory import THURSDAY, make_appointment
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.statements import statements

REFUSED = r"appointment\.missed_too_often"


def miss(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, *days_ago: int) -> None:
    for days in days_ago:
        at = clock.now() - timedelta(days=days)
        make_appointment(db, clinic, cast.patient_person, at=at, state=AppointmentState.NOSHOW)


def limit(db: Session, clock: FixedClock, cast: Cast, number: int | None, days: int = 90) -> None:
    change_missed_rule(db, clock, actor=cast.administrator.actor(), rule=MissedRule(number, days))


def choice(clinic: Clinic, cast: Cast | None = None) -> Choice:
    return Choice(
        ServiceId(clinic.massage.id), FacilityId(clinic.lisbon.id), THURSDAY,
        patient_id=PatientId(cast.patient_person.id) if cast else None,
    )  # fmt: skip


@pytest.mark.parametrize(("missed", "number", "allowed"), [(0, 1, True), (1, 1, False), (99, None, True), (2, 3, True)])
def test_the_rule(missed: int, number: int | None, allowed: bool) -> None:
    assert judge_missed(missed, MissedRule(number)).allowed is allowed


def test_off_unless_the_clinic_wants_it(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    miss(db, clock, clinic, cast, 1, 2, 3, 4)
    assert missed_rule(db) == MissedRule(None, 180)
    assert missed_under_rule(db, clock, PatientId(cast.patient_person.id)) == (0, MissedRule(None, 180))
    assert hold_time(db, clock, choice=choice(clinic, cast), hold_key="k", actor=cast.patient.actor())


def test_holding_choosing_and_booking_are_refused(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    miss(db, clock, clinic, cast, 1, 89, 91)
    limit(db, clock, cast, 2)
    actor, patient_id = cast.patient.actor(), PatientId(cast.patient_person.id)
    with pytest.raises(Conflict, match=REFUSED):
        hold_time(db, clock, choice=choice(clinic, cast), hold_key="k", actor=actor)
    held = hold_time(db, clock, choice=choice(clinic), hold_key="k", actor=None)
    with pytest.raises(Conflict, match=REFUSED):
        choose_patient(db, clock, appointment_id=held.id, hold_key="k", patient_id=patient_id, actor=actor)
    with pytest.raises(Conflict, match=REFUSED):
        book_appointment(db, clock, appointment_id=held.id, hold_key="k", actor=actor, answers=Answers(patient_id))
    limit(db, clock, cast, 3)
    assert book_appointment(
        db, clock, appointment_id=held.id, hold_key="k", actor=actor, answers=Answers(patient_id)
    ).booked_at


def test_the_page_gives_the_phone_number(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    miss(db, clock, clinic, cast, 1)
    limit(db, clock, cast, 1)
    browser = cast.browser(cast.patient)
    times = browser.page(f"/book/massage/times?practitioner=any&facility=lisbon&patient={cast.patient_person.id}")
    slot = next(button.get("value", "") for button in times.all("button") if button.get("name") == "slot")
    page = browser.page(
        f"/book/massage/times?practitioner=any&facility=lisbon&patient={cast.patient_person.id}",
        method="POST", status=409, data={"slot": slot, "csrf_token": times.fields()["csrf_token"]},
    )  # fmt: skip
    assert page.h1 == "Please call us to book"
    assert "by phone: +351 210 000 000" in page.text
    ways = [link.get("href") for link in page.all("a", **{"class": "row"})]
    assert ways == ["tel:+351210000000", "/visits", "/"], "no other time helps"


def test_staff_alone_see_the_count(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    miss(db, clock, clinic, cast, 1, 2)
    row = make_appointment(db, clinic, cast.patient_person, at=clock.now() + timedelta(hours=3))
    assert "Missed visits 2" in cast.browser(cast.receptionist).page(f"/desk/lisbon/visits/{row.id}").text
    assert "missed 2 visits" in cast.browser(cast.receptionist).page("/desk/lisbon").text
    with pytest.raises(Forbidden):
        missed_counts(db, clock, [PatientId(cast.patient_person.id)], actor=cast.patient.actor())
    assert "missed 2" not in cast.browser(cast.patient).page("/visits").text


def test_who_books_by_phone_is_told_where_it_is_asked_who_it_is_for(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    address = f"/book/massage/for?patient={cast.patient_person.id}"
    client = cast.browser(cast.patient)
    with statements(db) as before:
        allowed = client.page(address)
    miss(db, clock, clinic, cast, 1, 89)
    told = "Some visits of Marta Araújo were missed lately, so we arrange the next one with you by phone: +351"
    for number in (None, 3):
        limit(db, clock, cast, number)
        page = client.page(address)
        assert told not in page.text
        assert not [one for one in page.all("input") if one.get("disabled") is not None]
    limit(db, clock, cast, 2)
    with statements(db) as after:
        page = client.page(address)
    assert told in page.text
    assert [one.get("value") for one in page.all("input") if one.get("disabled") is not None] == [
        str(cast.patient_person.id)
    ]
    assert any(link.startswith("tel:") for link in page.links())
    assert "Continue" in allowed.text
    assert "Continue" not in page.text, "there is nobody else to book for"
    assert len(after) == len(before), "it is one statement, whoever is limited"


def test_who_books_for_somebody_else_still_can(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    at = clock.now() - timedelta(days=1)
    make_appointment(db, clinic, cast.guardian_person, at=at, state=AppointmentState.NOSHOW)
    limit(db, clock, cast, 1)
    page = cast.browser(cast.guardian).page("/book/massage/for")
    (checked,) = [one.get("value") for one in page.all("input") if one.get("checked") is not None]
    assert checked in {str(cast.child.id), str(cast.patient_person.id)}
    assert "Continue" in page.text
    assert phoning_only(db, clock, [PatientId(cast.guardian_person.id)], actor=cast.receptionist.actor()) == frozenset()
