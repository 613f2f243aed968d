"""Who waits, as the desk sees it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import insert, inspect, select, update
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment, WaitingEntry, WaitingOffer
from clinic_portal.booking.rules import AppointmentState, EntryState, OfferState
from clinic_portal.core.audit import AuditEntry
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.modes import Mode, Modes
from clinic_portal.notifications.models import Message
from clinic_portal.patients.models import Patient
from tests.booking.factory import THURSDAY, make_appointment
from tests.booking.online import work_online
from tests.booking.waiting import TUESDAY, by_phone, free_a_time, join, offer_all, offers, somebody
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.page import Page, PortalClient
from tests.support.statements import statements


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
    (waiting,) = [row for row in rows if "Thu 26 Nov, 10:30" in row]
    assert "Marta Araújo" in waiting
    assert "Open Tue 24 Nov, 09:00" in waiting
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


@pytest.fixture
def desk(cast: Cast) -> PortalClient:
    return cast.browser(cast.receptionist)


def press(client: PortalClient, page: Page, path: str, status: int = 200) -> Page:
    token = page.one("meta", name="csrf-token").get("content")
    return client.page(path, method="POST", status=status, data={"csrf_token": token})


def test_somebody_who_phones_is_put_on_the_list_from_the_times_that_do_not_suit(
    db: Session, clinic: Clinic, cast: Cast, desk: PortalClient
) -> None:
    make_appointment(db, clinic, cast.stranger_person, at=THURSDAY - timedelta(days=30))
    home = f"/desk/lisbon/book/{cast.stranger_person.id}/massage"
    times = desk.page(f"{home}?practitioner={clinic.ines.id}&part=afternoon")
    (path,) = [link for link in times.links() if link.startswith(f"{home}/waiting-list")]
    form = desk.page(path)
    assert form.h1 == "What do they wait for?"
    assert form.fields()["practitioner"] == str(clinic.ines.id)
    assert {box.get("value") for box in form.all("input") if box.get("checked") is not None} == {"afternoon"}
    assert [one.get("value") for one in form.one("select", name="facility").iter("option")] == ["any", "lisbon"]
    entry = desk.page(path, method="POST", data=form.fields() | {"weekdays": "1"})
    assert entry.h1 == "Duarte Nogueira"
    for words in ("On the waiting list since", "Tuesday; Afternoon", "Inês Carvalho", "We write to them"):
        assert words in entry.text
    row = db.scalars(select(WaitingEntry)).one()
    assert (row.patient_id, row.facility_id, row.account_id) == (cast.stranger_person.id, clinic.lisbon.id, None)
    listed = desk.page("/desk/lisbon/waiting-list")
    assert f"/desk/lisbon/waiting-list/{row.id}" in listed.links()
    again = desk.page(next(link for link in entry.links() if link.endswith("/massage/waiting-list")))
    assert "They are on the list already" in again.text
    assert {box.get("value") for box in again.all("input") if box.get("checked") is not None} == {"1", "afternoon"}
    over = press(desk, entry, f"/desk/lisbon/waiting-list/{row.id}/end")
    assert "Is no longer on the waiting list." in over.text
    assert "Take off the list" not in over.text
    # The patient sees it too, having an account.
    assert db.get_one(WaitingEntry, row.id, populate_existing=True).state is EntryState.ENDED


def test_a_visit_at_the_desk_leads_to_the_list(
    db: Session, clinic: Clinic, cast: Cast, desk: PortalClient
) -> None:  # fmt: skip
    visit = make_appointment(db, clinic, cast.stranger_person)
    home = f"/desk/lisbon/visits/{visit.id}"
    assert f"{home}/earlier" in desk.page(home).links()
    assert f"{home}/earlier" in desk.page(f"{home}/move").links()
    form = desk.page(f"{home}/earlier")
    assert form.fields()["until_day"] == "2026-11-26"
    entry = desk.page(f"{home}/earlier", method="POST", data=form.fields())
    assert "Thursday 26 November, 10:30" in entry.text
    assert home in entry.links()
    assert f"{home}/earlier" in entry.links()
    page = desk.page(home)
    assert "They are waiting for an earlier time." in page.text
    assert f"/desk/lisbon/waiting-list/{db.scalars(select(WaitingEntry.id)).one()}" in page.links()
    assert "They are on the list already" in desk.page(f"{home}/earlier").text
    visit.state = AppointmentState.CANCELLED
    db.flush()
    answer = desk.get(f"{home}/earlier")
    assert (answer.status_code, answer.headers["Location"]) == (303, home)


def test_what_was_asked_for_stays_when_the_visit_changed_meanwhile(
    db: Session, clinic: Clinic, cast: Cast, desk: PortalClient
) -> None:
    visit = make_appointment(db, clinic, cast.stranger_person)
    path = f"/desk/lisbon/visits/{visit.id}/earlier"
    wished = {"weekdays": ["1", "3"], "parts": ["morning"], "until_day": "25/11/2026", "notice": "2"}
    form = desk.page(path)
    visit.state = AppointmentState.ARRIVED
    db.commit()
    refused = desk.page(path, method="POST", status=409, data=form.fields() | wished)
    assert refused.h1 == "What do they wait for?"
    assert "This visit can no longer be changed here" in "".join(refused.one("div", id="refusal").itertext())
    ticked = {box.get("value") for box in refused.all("input") if box.get("checked") is not None}
    assert ticked == {"1", "3", "morning"}
    assert (refused.fields()["until_day"], refused.fields()["notice"]) == ("25/11/2026", "2")
    assert not db.scalars(select(WaitingEntry)).all()


def test_days_that_make_no_sense_are_said_beside_the_field(
    db: Session, clinic: Clinic, cast: Cast, desk: PortalClient
) -> None:
    visit = make_appointment(db, clinic, cast.stranger_person)
    path = f"/desk/lisbon/visits/{visit.id}/earlier"
    fields = desk.page(path).fields() | {"until_day": "31/2/2027"}
    page = desk.page(path, method="POST", status=422, data=fields)
    assert page.text.count("Write the day like 24/12/2026") == 2
    assert page.fields()["until_day"] == "31/2/2027"


def offered_to(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, patient: Patient) -> WaitingOffer:
    """A time in Lisbon is offered to a patient whom the desk put on the list."""
    by_phone(db, clock, clinic, cast, patient)
    offer_all(db, clock, free_a_time(db, clock, clinic, cast.guardian, cast.guardian_person))
    return offers(db)[0]


def test_whom_no_message_reaches_is_phoned_and_the_desk_takes_the_time_for_them(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, desk: PortalClient
) -> None:
    offer = offered_to(db, clock, clinic, cast, somebody(db, clock, phone=None))
    path = f"/desk/lisbon/waiting-list/{offer.entry_id}"
    for page in (desk.page("/desk/lisbon"), desk.page("/desk/lisbon/waiting-list")):
        assert "A time is offered to them, and no message reaches them." in page.text
        assert path in page.links()
    entry = desk.page(path)
    for words in (
        "Please phone Beatriz Fontes now", "Tuesday 24 November, 09:00", "Held for them until 10:42",
        "You phone them, no message reaches them.", "The clinic knows no number either",
    ):  # fmt: skip
        assert words in entry.text
    taken = press(desk, entry, f"/desk/lisbon/offers/{offer.id}/take")
    assert "Took a time that came free" in taken.text
    visit = db.scalars(select(Appointment).where(Appointment.starts_at == TUESDAY, Appointment.state == "booked")).one()
    assert visit.booked_by_account_id is None
    assert "Paula Reis" in desk.page(f"/desk/lisbon/visits/{visit.id}").text
    assert "A time is offered to them" not in desk.page("/desk/lisbon").text
    # Pressed once more, by the colleague beside: the same answer.
    assert "Took a time that came free" in press(desk, entry, f"/desk/lisbon/offers/{offer.id}/take").text


def test_the_desk_says_no_for_them_and_reads_when_it_is_too_late(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, desk: PortalClient
) -> None:
    offer = offered_to(db, clock, clinic, cast, somebody(db, clock, phone=None))
    entry = desk.page(f"/desk/lisbon/waiting-list/{offer.entry_id}")
    said_no = press(desk, entry, f"/desk/lisbon/offers/{offer.id}/decline")
    assert "Declined" in said_no.text
    written = db.scalars(select(AuditEntry).where(AuditEntry.action == "waiting.declined_by_staff")).one()
    assert (written.account_id, written.subject_id) == (cast.receptionist.id, offer.id)
    assert "On the waiting list since" in said_no.text
    late = press(desk, entry, f"/desk/lisbon/offers/{offer.id}/take", status=409)
    assert "This offer is over" in late.text
    assert offers(db)[0].state is OfferState.DECLINED


def test_a_message_that_does_not_arrive_is_a_call_after_five_minutes(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, desk: PortalClient
) -> None:
    offer = offered_to(db, clock, clinic, cast, somebody(db, clock))
    entry = desk.page(f"/desk/lisbon/waiting-list/{offer.entry_id}")
    assert "A time is offered to Beatriz Fontes" in entry.text
    assert "They were written to." in entry.text
    clock.advance(timedelta(minutes=5))
    assert "Please phone: a time came free" in desk.page("/desk/lisbon").text
    page = desk.page(f"/desk/lisbon/waiting-list/{offer.entry_id}")
    assert "tel:+351912345677" in page.links()
    db.execute(update(Message).where(Message.subject_id == offer.id, Message.channel == "sms").values(state="sent"))
    assert "Please phone: a time came free" not in desk.page("/desk/lisbon").text


def test_a_phone_that_was_never_confirmed_is_still_one_to_call(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, desk: PortalClient
) -> None:
    """No SMS goes to the number of the account, and the e-mail came back: who answers says whether it is right."""
    cast.patient.phone_confirmed_at, cast.patient_person.phone = None, None
    join(db, clock, clinic, cast.patient, cast.patient_person)
    offer_all(db, clock, free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person))
    (offer,) = offers(db)
    db.execute(update(Message).where(Message.subject_id == offer.id).values(state="bounced"))
    page = desk.page(f"/desk/lisbon/waiting-list/{offer.entry_id}")
    assert "Please phone Marta Araújo now" in page.text
    assert f"tel:{cast.patient.phone}" in page.links()


def test_the_desk_goes_on_with_somebody_whom_it_knows_from_its_list_alone(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, desk: PortalClient
) -> None:
    beatriz = somebody(db, clock)
    path = f"/desk/lisbon/book/{beatriz.id}/massage/waiting-list"
    assert desk.get(path).status_code == 404
    entry = by_phone(db, clock, clinic, cast, beatriz)
    assert desk.page(path).h1 == "What do they wait for?"
    far = cast.browser(cast.far_receptionist)
    for other in (
        f"/desk/ponta-delgada/waiting-list/{entry.id}",
        f"/desk/lisbon/waiting-list/{entry.id}",
        f"/desk/ponta-delgada/book/{beatriz.id}/massage/waiting-list",
    ):
        assert far.get(other).status_code == 404


def test_an_offer_elsewhere_is_answered_by_the_desk_whose_time_it_is(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, desk: PortalClient
) -> None:
    offer = offered_to(db, clock, clinic, cast, somebody(db, clock, phone=None))
    far = cast.browser(cast.far_receptionist)
    page = far.page("/desk/ponta-delgada")
    for verb in ("take", "decline"):
        for slug in ("ponta-delgada", "lisbon"):
            token = {"csrf_token": page.one("meta", name="csrf-token").get("content")}
            assert far.post(f"/desk/{slug}/offers/{offer.id}/{verb}", data=token).status_code == 404
    assert offers(db)[0].state is OfferState.OPEN


def visit_far_away(db: Session, clinic: Clinic, patient: Patient) -> Appointment:
    """A visit in the Azores, on Thursday at nine there: ten in Lisbon."""
    return make_appointment(
        db, clinic, patient, at=datetime(2026, 11, 26, 10, 0, tzinfo=UTC), practitioner=clinic.sofia,
        facility_id=clinic.azores.id, room_id=clinic.room_a.id,
    )  # fmt: skip


def test_what_is_elsewhere_is_told_on_the_clock_there(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, desk: PortalClient
) -> None:
    visit = visit_far_away(db, clinic, cast.patient_person)
    join(db, clock, clinic, cast.patient, cast.patient_person, visit=visit, facility_id=clinic.lisbon.id)
    assert "Thu 26 Nov, 09:00 (Ponta Delgada)" in desk.page("/desk/lisbon/waiting-list").text
    entry = join(db, clock, clinic, cast.stranger, cast.stranger_person)
    there = {"practitioner": clinic.sofia, "facility_id": clinic.azores.id, "room_id": clinic.room_a.id}
    ten = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)
    offer_all(db, clock, free_a_time(db, clock, clinic, cast.guardian, cast.guardian_person, at=ten, **there))
    assert offers(db)[0].entry_id == entry.id
    for path, day in (("", "Tue 24 Nov"), (f"/{entry.id}", "Tuesday 24 November")):
        assert f"{day}, 10:00 (Ponta Delgada)" in desk.page(f"/desk/lisbon/waiting-list{path}").text
    far = cast.browser(cast.far_receptionist).page("/desk/ponta-delgada/waiting-list").text
    assert "Tuesday 24 November, 10:00" in far
    assert "(Ponta Delgada)" not in far


def test_wishes_for_a_time_here_are_changed_here_wherever_the_visit_is(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, desk: PortalClient
) -> None:
    visit = visit_far_away(db, clinic, cast.patient_person)
    entry = join(db, clock, clinic, cast.patient, cast.patient_person, visit=visit, facility_id=clinic.lisbon.id)
    (change,) = [
        one
        for one in desk.page(f"/desk/lisbon/waiting-list/{entry.id}").links()
        if one.endswith("/massage/waiting-list")
    ]
    form = desk.page(change)
    assert "They are on the list already" in form.text
    saved = desk.page(change, method="POST", data=form.fields() | {"weekdays": "1"})
    assert "Tuesday; any time of day" in saved.text
    form = desk.page(change)
    # Who would come anywhere stands where the visit is.
    away = desk.page(change, method="POST", data=form.fields() | {"facility": "any"})
    assert away.h1 == "Waiting list"
    assert "Saved. They stand in the list of the clinic where their visit is." in away.text
    row = db.get_one(WaitingEntry, entry.id, populate_existing=True)
    assert (row.facility_id, row.appointment_id) == (None, visit.id)


def test_a_desk_takes_nobody_off_the_list_of_another(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, desk: PortalClient
) -> None:
    visit = visit_far_away(db, clinic, cast.patient_person)
    entry = join(db, clock, clinic, cast.patient, cast.patient_person, visit=visit)
    offer_all(db, clock, free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person))
    (offer,) = offers(db)
    path = f"/desk/lisbon/waiting-list/{entry.id}"
    # Who is on the phone about a time of this desk's may say that they wait no longer.
    page = desk.page(path)
    assert "Take off the list" in page.text
    assert "Change what they are waiting for" not in page.text
    declined = press(desk, page, f"/desk/lisbon/offers/{offer.id}/decline")
    assert "Take off the list" not in declined.text
    press(desk, page, f"{path}/end", status=404)
    assert db.get_one(WaitingEntry, entry.id, populate_existing=True).state is EntryState.WAITING
    far = cast.browser(cast.far_receptionist)
    path = f"/desk/ponta-delgada/waiting-list/{entry.id}"
    assert "Is no longer on the waiting list." in press(far, far.page(path), f"{path}/end").text


@pytest.mark.parametrize("modes", [Modes.IN_PERSON, Modes.ONLINE])
def test_who_waits_for_what_is_no_longer_given_can_wait_for_what_is(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, desk: PortalClient, modes: Modes
) -> None:
    work_online(db, clinic)
    was, becomes = (Mode.ONLINE, Mode.IN_PERSON) if modes is Modes.IN_PERSON else (Mode.IN_PERSON, Mode.ONLINE)
    entry = join(db, clock, clinic, cast.patient, cast.patient_person, mode=was)
    clinic.massage.modes = modes
    db.commit()
    home = f"/desk/lisbon/book/{cast.patient_person.id}/massage/waiting-list"
    for browser, path in ((cast.browser(cast.patient), "/book/massage/waiting-list"), (desk, home)):
        db.execute(update(WaitingEntry).values(mode=was))
        browser.page(path, method="POST", data=browser.page(path).fields())
        assert db.get_one(WaitingEntry, entry.id, populate_existing=True).mode is becomes


def test_the_list_asks_the_database_no_more_for_many(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, desk: PortalClient
) -> None:
    def asked(*numbers: int) -> int:
        for number in numbers:
            patient = somebody(db, clock, phone=f"+35191234567{number}")
            visit = make_appointment(db, clinic, patient, at=THURSDAY + number * timedelta(minutes=30))
            by_phone(db, clock, clinic, cast, patient, visit=visit)
        with statements(db) as seen:
            desk.page("/desk/lisbon/waiting-list")
        return len(seen)

    assert asked(0) == asked(1, 2, 3) > 0


def test_the_list_shows_the_open_offer_and_the_last_and_leads_to_the_others(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, desk: PortalClient
) -> None:
    visit = make_appointment(db, clinic, cast.patient_person, practitioner=clinic.rui)
    join(db, clock, clinic, cast.patient, cast.patient_person, visit=visit)
    offer_all(db, clock, free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person))
    (first,) = offers(db)
    values = {one.key: getattr(first, one.key) for one in inspect(WaitingOffer).column_attrs}
    for number in range(1, 5):
        before = {"id": UUID(int=first.id.int - number), "reference": f"{number:08}"}
        over = {"state": OfferState.DECLINED, "ended_at": first.made_at, "appointment_id": None, "hold_id": None}
        db.execute(insert(WaitingOffer).values(values | before | over))
    db.commit()
    assert cast.browser(cast.patient).page("/").text.count("A time came free for you") == 1, "not once for each of them"
    page = desk.page("/desk/lisbon/waiting-list")
    (waiting,) = [row for row in page.all("tr") if "Thu 26 Nov, 10:30" in "".join(row.itertext())]
    words = " ".join("".join(waiting.itertext()).split())
    assert (words.count("Open"), words.count("Declined")) == (1, 0)
    assert "4 earlier offers" in words
    (freed,) = [row for row in page.all("tr") if "08:45" not in "".join(row.itertext()) and row.findall("*/details")]
    (before,) = freed.iter("details")
    in_sight, others = (" ".join("".join(one.itertext()).split()) for one in (freed.find("td/ul"), before))
    assert (in_sight.count("Marta Araújo"), others.count("Declined Marta Araújo")) == (1, 4)
    assert in_sight.startswith("Open")
    assert others.startswith("4 earlier offers")
    entry = f"/desk/lisbon/waiting-list/{first.entry_id}"
    assert f"{entry}#offers-title" in page.links()
    assert desk.page(entry).text.count("Declined") == 4
    first.state, first.ended_at = OfferState.EXPIRED, first.ends_at
    first.starts_at -= timedelta(minutes=15)
    db.commit()
    again = " ".join(desk.page("/desk/lisbon/waiting-list").text.split())
    assert "No answer Tue 24 Nov, 08:45" in again
    assert "No answer Marta Araújo (08:45)" in again, "another start than the freed time's stands beside the name"
