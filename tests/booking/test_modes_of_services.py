"""A service says whether it is given at the clinic, online, or both; whoever looks for another way finds nothing."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from clinic_portal.booking.models import WaitingEntry
from clinic_portal.booking.queries import Wish, free_times
from clinic_portal.booking.queries.openings import read_openings
from clinic_portal.booking.steps import NewTime
from clinic_portal.booking.use_cases.book_by_phone import PhoneBooking, book_by_phone
from clinic_portal.booking.use_cases.hold_time import hold_time
from clinic_portal.booking.use_cases.move_appointment import move_appointment
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import Conflict
from clinic_portal.core.ids import AppointmentId, FacilityId, PatientId, PractitionerId, ServiceId
from clinic_portal.core.modes import Mode, Modes
from clinic_portal.practitioners.queries import places_of_service
from tests.booking.factory import THURSDAY, make_appointment
from tests.booking.holding import choose
from tests.booking.online import give, work_online
from tests.booking.waiting import free_a_time, join, offer_all
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.page import PortalClient

SEVEN = THURSDAY.replace(hour=19, minute=0)
START = {Mode.IN_PERSON: THURSDAY, Mode.ONLINE: SEVEN}
ONLINE = {"mode": Mode.ONLINE, "room_id": None}

every = pytest.mark.parametrize(
    ("modes", "mode"), [(modes, mode) for modes in Modes for mode in Mode], ids=lambda one: one.value
)

every_visit = pytest.mark.parametrize(("at", "how"), [(THURSDAY, {}), (SEVEN, ONLINE)], ids=["in_person", "online"])


@pytest.fixture(autouse=True)
def online_hours(db: Session, clinic: Clinic) -> None:
    work_online(db, clinic)


@every
def test_times_are_offered_and_held_only_as_it_is_given(
    db: Session, clock: FixedClock, clinic: Clinic, modes: Modes, mode: Mode
) -> None:
    give(db, clinic, modes)
    is_given, massage = modes.allow(mode), ServiceId(clinic.massage.id)
    assert is_given == (modes in (Modes.BOTH, Modes(mode.value)))
    assert (mode in {place.mode for place in places_of_service(db, massage, from_day=clock.now().date())}) == is_given
    wish = Wish(massage, PractitionerId(clinic.ines.id), FacilityId(clinic.lisbon.id), mode=mode)
    days = free_times(db, clock, wish, from_day=THURSDAY.date(), days=1).days
    assert (START[mode] in {time.start for day in days for time in day.times}) == is_given
    series = read_openings(db, clock, wish, from_day=THURSDAY.date(), to_day=THURSDAY.date())
    assert (START[mode] in series.starts.get(PractitionerId(clinic.ines.id), ())) == is_given
    choice = replace(choose(clinic, START[mode], clinic.ines), mode=mode)
    if is_given:
        assert hold_time(db, clock, choice=choice, hold_key="a", actor=None).mode is mode
    else:
        with pytest.raises(Conflict) as refusal:
            hold_time(db, clock, choice=choice, hold_key="a", actor=None)
        assert refusal.value.code == "appointment.slot_taken"


@every
def test_a_booking_by_phone(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, modes: Modes, mode: Mode
) -> None:
    give(db, clinic, modes)
    to = NewTime(FacilityId(clinic.lisbon.id), START[mode], PractitionerId(clinic.ines.id))
    booking = PhoneBooking(PatientId(cast.patient_person.id), ServiceId(clinic.massage.id), to, mode=mode)
    if modes.allow(mode):
        assert book_by_phone(db, clock, booking=booking, actor=cast.receptionist.actor()).mode is mode
    else:
        with pytest.raises(Conflict) as refusal:
            book_by_phone(db, clock, booking=booking, actor=cast.receptionist.actor())
        assert refusal.value.code == "appointment.slot_taken"


@every
def test_the_waiting_list(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, modes: Modes, mode: Mode) -> None:
    """Nobody waits for what cannot come; who waits already, is offered nothing of it any more."""
    join(db, clock, clinic, cast.patient, cast.patient_person, mode=mode)
    give(db, clinic, modes)
    where = ONLINE if mode is Mode.ONLINE else {}
    freed = free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person, at=START[mode], **where)
    assert offer_all(db, clock, freed) == modes.allow(mode)
    if not modes.allow(mode):
        with pytest.raises(Conflict) as refusal:
            join(db, clock, clinic, cast.guardian, cast.guardian_person, mode=mode)
        assert refusal.value.code == "waiting.not_given_so"


def test_a_visit_that_there_is_stays_what_it_is_and_can_be_moved(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    visit = make_appointment(db, clinic, cast.patient_person, at=SEVEN, **ONLINE)
    give(db, clinic, Modes.IN_PERSON)
    to = NewTime(FacilityId(clinic.lisbon.id), SEVEN + timedelta(minutes=30), PractitionerId(clinic.ines.id))
    moved = move_appointment(
        db, clock, appointment_id=AppointmentId(visit.id), to=to, actor=cast.patient.actor()
    )  # fmt: skip
    assert (moved.starts_at, moved.mode, moved.room_id) == (to.starts_at, Mode.ONLINE, None)


@pytest.mark.parametrize("is_desk", [False, True])
@pytest.mark.parametrize("modes", list(Modes), ids=lambda one: one.value)
@every_visit
def test_who_has_a_visit_waits_for_an_earlier_time_of_it(
    db: Session, clinic: Clinic, cast: Cast, at: datetime, how: dict[str, object], modes: Modes, is_desk: bool
) -> None:
    """However the service is given by now: a visit that there is stays what it is."""
    visit = make_appointment(db, clinic, cast.patient_person, at=at, **how)  # type: ignore[arg-type]  # columns by name
    give(db, clinic, modes)
    client = cast.browser(cast.receptionist if is_desk else cast.patient)
    path = f"/desk/lisbon/visits/{visit.id}/earlier" if is_desk else f"/visits/{visit.id}/earlier"
    client.page(path, method="POST", data=client.page(path).fields())
    entry = db.scalars(select(WaitingEntry)).one()
    assert (entry.appointment_id, entry.mode) == (visit.id, visit.mode)


def test_the_pages_offer_only_how_it_is_given(db: Session, client: PortalClient, clinic: Clinic) -> None:
    where, times = "/book/massage/where?practitioner=any", "/book/massage/times?practitioner=any&facility=lisbon"
    assert [link for link in client.page(where).links() if "mode=online" in link]
    give(db, clinic, Modes.IN_PERSON)
    assert not [link for link in client.page(where).links() if "mode=online" in link]
    assert not [link for link in client.page(times).links() if "mode=online" in link]
    typed = client.get("/book/massage/times?practitioner=any&mode=online", follow_redirects=True)
    assert typed.status_code == 200
    assert 'name="slot"' not in typed.get_data(as_text=True)
    give(db, clinic, Modes.ONLINE)
    page = client.page("/book/massage/times?practitioner=any&mode=online")
    assert "This service is online only." in page.text
    assert page.all("button", name="slot")


@pytest.mark.parametrize("typed", ["hybrid", "", None])
def test_the_database_knows_no_other_way(db: Session, clinic: Clinic, typed: str | None) -> None:
    with pytest.raises(IntegrityError), db.begin_nested():
        db.execute(text("UPDATE service SET modes = :typed"), {"typed": typed})


def test_the_administrator_chooses(db: Session, cast: Cast, clinic: Clinic) -> None:
    client = cast.browser(cast.administrator)
    page = client.page("/admin/services/massage")
    fields = page.fields()
    assert fields["modes"] == "both"
    for wrong in ("hybrid", ""):
        again = client.page("/admin/services/massage", method="POST", status=422, data={**fields, "modes": wrong})
        assert again.h1 == page.h1
    for chosen, words in (("in_person", "At the clinic only"), ("online", "Online only"), ("both", None)):
        answer = client.post("/admin/services/massage", data={**fields, "modes": chosen})
        assert answer.status_code == 303
        shown = client.page("/admin/services").text
        assert [said for said in ("At the clinic only", "Online only") if said in shown] == ([words] if words else [])
        db.expire_all()
        assert clinic.massage.modes is Modes(chosen)
