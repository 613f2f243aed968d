"""Who missed visits too often books by phone; staff alone see how often it was."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from clinic_portal.accounts.models import Account
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
from tests.support.cast import PASSWORD, Cast
from tests.support.clinic import Clinic
from tests.support.page import PortalClient
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


EVERYBODY_BY_PHONE = "Some visits were missed lately, so we arrange the next one with you by phone: +351 210 000 000"


@pytest.mark.parametrize("path", ["/", "/book"])
def test_who_books_by_phone_only_is_told_before_they_choose(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, path: str
) -> None:
    miss(db, clock, clinic, cast, 1, 2)
    for number, told in ((None, False), (3, False), (2, True)):
        limit(db, clock, cast, number)
        page = cast.browser(cast.patient).page(path)
        assert (EVERYBODY_BY_PHONE in page.text) is told, number
    assert EVERYBODY_BY_PHONE not in cast.browser(None).page(path).text
    # Of three people one: two are booked for as ever.
    assert EVERYBODY_BY_PHONE not in cast.browser(cast.guardian).page(path).text
    for patient in (cast.guardian_person, cast.child):
        at = clock.now() - timedelta(days=3)
        for hours in (0, 2):
            make_appointment(db, clinic, patient, at=at + timedelta(hours=hours), state=AppointmentState.NOSHOW)
    page = cast.browser(cast.guardian).page(path)
    assert EVERYBODY_BY_PHONE in page.text
    if path == "/":
        assert "Book for" not in page.text
        (button,) = page.all("a", **{"class": "nhsuk-button nhsuk-button--amber"})
        assert button.get("href") == "tel:+351210000000"


@pytest.mark.parametrize(("path", "asked", "asked_of_who_missed"), [("/", 0, 1), ("/book", 1, 1)])
def test_a_visitors_page_does_not_ask_who_missed_visits(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, path: str, asked: int, asked_of_who_missed: int
) -> None:
    """The home page has read the past visits anyway: it asks only where one was missed, or there are more of them."""

    def questions(client: PortalClient) -> int:
        with statements(db) as seen:
            client.page(path)
        return sum("visit_policy" in one for one in seen)

    limit(db, clock, cast, 2)
    assert (questions(cast.browser(None)), questions(cast.browser(cast.patient))) == (0, asked)
    miss(db, clock, clinic, cast, 1)
    assert questions(cast.browser(cast.patient)) == asked_of_who_missed


def test_what_was_missed_before_many_other_visits_is_found(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    miss(db, clock, clinic, cast, 80)
    for days in range(1, 52):
        at = clock.now() - timedelta(days=days)
        make_appointment(db, clinic, cast.patient_person, at=at, state=AppointmentState.FULFILLED)
    limit(db, clock, cast, 1)
    assert EVERYBODY_BY_PHONE in cast.browser(cast.patient).page("/").text


def hold_and_sign_in(cast: Cast, account: Account) -> tuple[PortalClient, str]:
    """A visitor takes a time, then says who they are."""
    client = cast.browser(None)
    times = client.page("/book/massage/times?practitioner=any&facility=lisbon")
    slot = next(button.get("value", "") for button in times.all("button") if button.get("name") == "slot")
    held = client.post(times.all("form")[-1].get("action"), data=times.fields() | {"slot": slot}).location
    page = client.page(f"/sign-in?next={held}")
    form = page.fields() | {"email": account.email, "password": PASSWORD}
    assert client.post(f"/sign-in?next={held}", data=form).status_code == 303
    return client, str(held)


def test_who_signs_in_with_a_held_time_is_told_before_the_last_press(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    told = "Some visits of Marta Araújo were missed lately, so we arrange the next one with you by phone: +351"
    limit(db, clock, cast, 1)
    client, check = hold_and_sign_in(cast, cast.patient)
    page = client.page(check)
    assert told not in page.text
    assert "Book this visit" in page.text
    miss(db, clock, clinic, cast, 1)
    page = client.page(check)
    assert told in page.text
    assert "Book this visit" not in page.text
    assert "tel:+351210000000" in [link.get("href") for link in page.all("a", **{"class": "nhsuk-button"})]
    assert "I do not want this time any more" in page.text
    assert not page.all("button", name="change"), "no other time helps"


def test_who_signs_in_with_a_held_time_cannot_choose_whom_the_phone_is_for(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    limit(db, clock, cast, 1)
    miss(db, clock, clinic, cast, 1)
    client, check = hold_and_sign_in(cast, cast.guardian)
    page = client.page(check.replace("/check", "/for"))
    assert "Some visits of Marta Araújo were missed lately" in page.text
    boxes = {one.get("value"): one for one in page.all("input", name="patient")}
    assert [id_ for id_, one in boxes.items() if one.get("disabled") is not None] == [str(cast.patient_person.id)]
    assert [id_ for id_, one in boxes.items() if one.get("checked") is not None] == [str(cast.guardian_person.id)]
    assert "Continue" in page.text
    for patient in (cast.guardian_person, cast.child):
        at = clock.now() - timedelta(days=3)
        make_appointment(db, clinic, patient, at=at, state=AppointmentState.NOSHOW, practitioner=clinic.rui)
        clock.advance(timedelta(minutes=1))
        page = client.page(check.replace("/check", "/for"))
        assert ("Continue" in page.text) is (patient is cast.guardian_person)
    assert not [one for one in page.all("input", name="patient") if one.get("checked") is not None]
    assert page.text.count("missed lately") == 1
    assert EVERYBODY_BY_PHONE in page.text
