"""Who waits, as the desk sees it."""

from sqlalchemy.orm import Session

from clinic_portal.core.clock import FixedClock
from tests.booking.factory import make_appointment
from tests.booking.waiting import free_a_time, join, offer_all
from tests.support.cast import Cast
from tests.support.clinic import Clinic


def test_an_empty_list_says_so(cast: Cast) -> None:
    page = cast.browser(cast.receptionist).page("/desk/lisbon/waiting-list")
    assert page.h1 == "Waiting list"
    assert "Nobody is waiting for a time" in page.text
    assert "No visit was cancelled or moved." in page.text


def test_the_desk_sees_who_waits_and_to_whom_a_cancelled_time_was_offered(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    visit = make_appointment(db, clinic, cast.patient_person, practitioner=clinic.rui)
    join(db, clock, clinic, cast.patient, cast.patient_person, visit=visit)
    offer_all(db, clock, free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person))
    page = cast.browser(cast.receptionist).page("/desk/lisbon/waiting-list")
    rows = [" ".join("".join(row.itertext()).split()) for row in page.all("tr")]
    (waiting,) = [row for row in rows if "Thursday 26 November, 10:30" in row]
    assert "Marta Araújo" in waiting
    assert "Open Tuesday 24 November, 09:00" in waiting
    (freed,) = [row for row in rows if row.startswith("Tuesday 24 November, 09:00")]
    assert "Open Marta Araújo, until 10:42" in freed


def test_other_facilities_see_only_who_would_come_to_them(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    visit = make_appointment(db, clinic, cast.patient_person, practitioner=clinic.rui)
    join(db, clock, clinic, cast.patient, cast.patient_person, visit=visit)
    join(db, clock, clinic, cast.stranger, cast.stranger_person, facility_id=clinic.lisbon.id)
    join(db, clock, clinic, cast.guardian, cast.child)
    far = cast.browser(cast.far_receptionist).page("/desk/ponta-delgada/waiting-list").text
    assert cast.child.full_name in far
    assert cast.patient_person.full_name not in far
    assert cast.stranger_person.full_name not in far
