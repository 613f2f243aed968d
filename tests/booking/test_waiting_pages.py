"""The pages of the waiting list: asking, looking, stopping; and the offer's link."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.links import offer_link_path
from clinic_portal.booking.models import Appointment, WaitingEntry, WaitingOffer
from clinic_portal.booking.rules import AppointmentState, EntryState, OfferState
from clinic_portal.booking.use_cases.accept_offer import accept_offer
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.ids import OfferId
from clinic_portal.core.settings import Settings
from clinic_portal.dependents.models import Relationship
from clinic_portal.dependents.rules import RelationshipKind
from clinic_portal.practitioners.models import Absence
from tests.booking.factory import THURSDAY, make_appointment
from tests.booking.waiting import TUESDAY, first_come, free_a_time, join, offer_all, offers, somebody
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.page import PortalClient
from tests.support.statements import statements


@pytest.fixture
def patient(cast: Cast) -> PortalClient:
    return cast.browser(cast.patient)


def path_of(settings: Settings, offer: WaitingOffer) -> str:
    return offer_link_path(settings, offer.reference)


def offered(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings, visit: Appointment | None = None
) -> str:  # fmt: skip
    """Have a time offered to the patient, who waits with a visit or without one; return the path of the offer."""
    join(db, clock, clinic, cast.patient, cast.patient_person, visit=visit)
    offer_all(db, clock, free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person))
    return path_of(settings, offers(db)[0])


def form_of(client: PortalClient, path: str) -> dict[str, str]:
    """The fields of the page's long form."""
    page = client.page(path)
    return page.fields()


def test_the_visit_says_that_an_earlier_time_is_waited_for_and_shows_the_one_that_came_free(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings, patient: PortalClient
) -> None:
    visit = make_appointment(db, clinic, cast.patient_person, practitioner=clinic.rui)
    asking, home = "Tell me when an earlier time comes free", f"/visits/{visit.id}"
    assert asking in patient.page(home).text
    path = offered(db, clock, clinic, cast, settings, visit)
    entry = db.scalars(select(WaitingEntry)).one()
    page = patient.page(home)
    assert asking not in page.text
    assert "You are waiting for an earlier time." in page.text
    assert {f"/waiting-list/{entry.id}", path} <= set(page.links())
    assert page.text.index("A time came free for you") < page.text.index("Reference")
    patient.page(f"/waiting-list/{entry.id}/end", method="POST", data=page.fields(0))
    assert asking in patient.page(home).text


def test_a_visitor_signs_in_and_comes_back_with_what_was_chosen(client: PortalClient, clinic: Clinic) -> None:
    times = client.page("/book/massage/times?practitioner=any&facility=lisbon&part=morning")
    (link,) = [one.get("href") or "" for one in times.all("a") if "waiting-list" in (one.get("href") or "")]
    answer = client.get(link)
    assert answer.status_code == 303
    assert "next=/book/massage/waiting-list" in answer.headers["Location"].replace("%2F", "/")
    for kept in ("facility%3Dlisbon", "part%3Dmorning"):
        assert kept in answer.headers["Location"]


def test_what_was_chosen_on_the_way_stands_in_the_form(patient: PortalClient, clinic: Clinic) -> None:
    page = patient.page(f"/book/massage/waiting-list?practitioner={clinic.ines.id}&facility=lisbon&part=morning")
    fields = page.fields()
    assert (fields["practitioner"], fields["facility"]) == (str(clinic.ines.id), "lisbon")
    assert (fields["from_day"], fields["until_day"]) == ("2026-11-23", "2027-02-21")
    ticked = {box.get("value") for box in page.all("input") if box.get("checked") is not None}
    assert ticked == {"morning"}


def test_somebody_asks_sees_it_below_the_visits_and_stops(
    patient: PortalClient, db: Session, clinic: Clinic, cast: Cast
) -> None:
    path = "/book/massage/waiting-list"
    token = patient.page(path).fields()["csrf_token"]
    sent = {
        "csrf_token": token, "weekdays": ["0", "2"], "parts": ["afternoon"], "from_day": "24/11/2026",
        "until_day": "2026-12-18", "practitioner": str(clinic.rui.id), "facility": "lisbon", "notice": "2",
    }  # fmt: skip
    page = patient.page(path, method="POST", data=sent)
    assert page.h1 == "You are on the waiting list"
    entry = db.scalars(select(WaitingEntry)).one()
    assert (entry.weekdays, entry.parts, entry.practitioner_id) == ([0, 2], ["afternoon"], clinic.rui.id)
    assert (entry.from_day.isoformat(), entry.until_day.isoformat()) == ("2026-11-24", "2026-12-18")
    assert entry.notice_days == 2
    assert patient.page(path).fields()["notice"] == "2"
    for words in (
        "Monday and Wednesday; Afternoon; notice: 2 days",
        "Dr. Rui Meireles",
        "Lisbon",
        "Friday 18 December",
    ):
        assert words in page.text
    listed = patient.page("/visits")
    assert "My waiting list" in listed.text
    patient.page(f"/waiting-list/{entry.id}/end", method="POST", data={"csrf_token": token})
    assert db.get_one(WaitingEntry, entry.id, populate_existing=True).state is EntryState.ENDED
    assert "My waiting list" not in patient.page("/visits").text
    assert patient.page(f"/waiting-list/{entry.id}").h1 == "You are no longer on this waiting list"


def test_a_family_that_waits_costs_as_many_statements_as_a_child(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    """Each of them has a visit, and waits for an earlier one with somebody, somewhere."""
    parent, asked = cast.browser(cast.guardian), {"practitioner_id": clinic.ines.id, "facility_id": clinic.lisbon.id}
    counts = []
    for number in range(4):
        child = somebody(db, clock, phone=None)
        db.add(Relationship(account_id=cast.guardian.id, patient_id=child.id, kind=RelationshipKind.PARENT))
        visit = make_appointment(db, clinic, child, at=THURSDAY + number * timedelta(minutes=30))
        join(db, clock, clinic, cast.guardian, child, visit=visit, **asked)
        with statements(db) as seen:
            listed = parent.page("/visits")
        assert listed.text.count("Beatriz Fontes") == 2 * (number + 1)
        counts.append(len(seen))
    assert counts[0] == counts[3] > 0


def test_a_visit_leads_to_the_list_and_shows_what_was_asked_before(
    patient: PortalClient, db: Session, clinic: Clinic, cast: Cast
) -> None:
    visit = make_appointment(db, clinic, cast.patient_person)
    page = patient.page(f"/visits/{visit.id}")
    path = f"/visits/{visit.id}/earlier"
    assert path in [one.get("href") for one in page.all("a")]
    form = patient.page(path)
    assert form.h1 == "Tell me when an earlier time comes free"
    assert form.fields()["until_day"] == "2026-11-26"
    assert form.fields()["facility"] == "lisbon", "the other place is a flight away"
    assert f"/visits/{visit.id}/move" in form.links(), "there may be an earlier time already"
    sent = form.fields() | {"weekdays": "1", "facility": "any"}
    assert patient.page(path, method="POST", data=sent).h1 == "You are on the waiting list"
    again = patient.page(path)
    assert {box.get("value") for box in again.all("input") if box.get("checked") is not None} == {"1"}
    assert again.fields()["facility"] == "any", "as they said"
    assert db.scalars(select(WaitingEntry)).one().appointment_id == visit.id


def test_who_has_a_visit_brings_it_forward_and_does_not_book_another(
    client: PortalClient, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings
) -> None:
    visit = make_appointment(db, clinic, cast.patient_person, practitioner=clinic.rui)
    path = offered(db, clock, clinic, cast, settings, visit)
    token = {"csrf_token": client.page(path).fields()["csrf_token"]}
    refused = client.page(f"{path}/decline", method="POST", data=token)
    moves = [link for link in refused.links() if re.fullmatch(r"/v/\w{18}/move", link)]
    assert (moves != [], "/book/massage/with" in refused.links()) == (True, False)
    assert client.page(moves[0]).h1 == "Choose a new time"
    # Once it is too late for that, another visit is all that can be booked here.
    clinic.massage.change_cutoff_minutes = 7 * 1440
    db.commit()
    late = client.page(path).links()
    assert (moves[0] in late, "/book/massage/with" in late) == (False, True)


def test_a_visit_that_is_cancelled_is_not_brought_forward(
    patient: PortalClient, db: Session, clinic: Clinic, cast: Cast
) -> None:
    visit = make_appointment(db, clinic, cast.patient_person, state=AppointmentState.CANCELLED)
    answer = patient.get(f"/visits/{visit.id}/earlier")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/visits/{visit.id}")


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"until_day": "31/2/2027"}, "Write the day like 24/12/2026"),
        ({"until_day": "1/11/2026", "from_day": "1/10/2026"}, "Choose a day that is still to come"),
        ({"until_day": "24/11/2026", "from_day": "25/11/2026"}, "The last day is before the first"),
        ({"until_day": "25/11/2026", "notice": "3"}, "With so much notice no day is left."),
        ({"notice": "4"}, "Choose from the list"),
    ],
)
def test_days_that_make_no_sense_are_said_beside_the_field(
    patient: PortalClient, db: Session, clinic: Clinic, sent: dict[str, str], words: str
) -> None:
    fields = form_of(patient, "/book/massage/waiting-list")
    page = patient.page("/book/massage/waiting-list", method="POST", status=422, data=fields | sent)
    assert page.text.count(words) == 2
    assert db.scalars(select(WaitingEntry)).all() == []


def test_nobody_waits_for_what_cannot_come(patient: PortalClient, db: Session, clinic: Clinic, cast: Cast) -> None:
    path = "/book/massage/waiting-list"
    fields = form_of(patient, path) | {"practitioner": str(clinic.sofia.id), "facility": "lisbon"}
    page = patient.page(path, method="POST", status=422, data=fields)
    assert page.text.count("This person does not offer the service there.") == 2
    visit = make_appointment(db, clinic, cast.patient_person)
    path = f"/visits/{visit.id}/earlier"
    fields = form_of(patient, path) | {"from_day": "27/11/2026", "until_day": "30/11/2026"}
    page = patient.page(path, method="POST", status=422, data=fields)
    assert page.text.count("Your visit is before that day") == 2
    # The visit is on Thursday.
    fields = form_of(patient, path) | {"until_day": "30/12/2026", "notice": "7"}
    page = patient.page(path, method="POST", status=422, data=fields)
    assert page.text.count("With so much notice no day is left.") == 2
    assert db.scalars(select(WaitingEntry)).all() == []


def test_the_link_shows_the_time_and_changes_nothing_until_a_button_is_pressed(
    client: PortalClient, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings
) -> None:
    visit = make_appointment(db, clinic, cast.patient_person, practitioner=clinic.rui)
    path = offered(db, clock, clinic, cast, settings, visit)
    for _ in range(2):
        page = client.page(path)
        assert page.h1 == "A time came free for you"
    for words in ("Tuesday 24 November, 09:00", "Inês Carvalho", "until 10:42", "Thursday 26 November, 10:30"):
        assert words in page.text
    assert "Marta" not in page.text
    assert page.response.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert offers(db)[0].state is OfferState.OPEN
    taken = client.page(f"{path}/take", method="POST", data={"csrf_token": page.fields()["csrf_token"]})
    assert taken.h1 == "The time is yours"
    assert db.get_one(Appointment, visit.id, populate_existing=True).starts_at == TUESDAY
    assert re.search(r'href="/v/\w{18}"', taken.response.get_data(as_text=True))
    # Pressing again, or going back, shows the same.
    again = client.page(f"{path}/take", method="POST", data={"csrf_token": page.fields()["csrf_token"]})
    assert again.h1 == "The time is yours"


def test_until_when_is_said_of_a_time_and_of_a_day_as_portuguese_says_it(
    client: PortalClient, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings
) -> None:
    path = offered(db, clock, clinic, cast, settings)
    client.set_cookie("clinic_language", "pt_PT")
    assert "para si até às 10:42 (hora local: Lisboa)." in client.page(path).text
    offers(db)[0].ends_at = TUESDAY
    db.commit()
    text = client.page(path).text.replace("\N{NO-BREAK SPACE}", " ")
    assert "para si até terça-feira, 24 de novembro, 09:00 (hora local: Lisboa)." in text


def test_who_is_told_first_is_said_as_the_clinic_offers(
    patient: PortalClient, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    entry = join(db, clock, clinic, cast.patient, cast.patient_person)
    path, in_turn = f"/waiting-list/{entry.id}", "Whoever asked first is offered it first."
    at_once = "We may write to several people at once. The first to take it has it."
    assert in_turn in patient.page(path).text
    first_come(db, clinic)
    page = patient.page(path)
    assert "At some of our clinics whoever asked first is offered it first. At others we may write" in page.text
    for place, said, unsaid in ((clinic.lisbon, at_once, in_turn), (clinic.azores, in_turn, at_once)):
        entry.facility_id = place.id
        db.commit()
        text = patient.page(path).text
        assert (said in text, unsaid in text) == (True, False)


def test_saying_no_keeps_the_visit_and_the_place(
    client: PortalClient, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings
) -> None:
    visit = make_appointment(db, clinic, cast.patient_person, practitioner=clinic.rui)
    path = offered(db, clock, clinic, cast, settings, visit)
    token = client.page(path).fields()["csrf_token"]
    page = client.page(f"{path}/decline", method="POST", data={"csrf_token": token})
    assert page.h1 == "You said no to this time"
    assert "You are still on the waiting list" in page.text
    assert db.get_one(Appointment, visit.id, populate_existing=True).starts_at == THURSDAY


def test_the_slower_one_reads_that_somebody_was_faster(
    client: PortalClient, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings
) -> None:
    first_come(db, clinic)
    join(db, clock, clinic, cast.patient, cast.patient_person)
    join(db, clock, clinic, cast.guardian, cast.child)
    offer_all(db, clock, free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person))
    slow = path_of(settings, offers(db)[1])
    token = client.page(slow).fields()["csrf_token"]
    accept_offer(db, clock, offer_id=OfferId(offers(db)[0].id))
    page = client.page(f"{slow}/take", method="POST", status=409, data={"csrf_token": token})
    assert page.h1 == "Somebody was faster"
    assert "Nothing was booked." in page.text
    assert "You are still on the waiting list" in page.text


def test_an_offer_that_ran_out_says_so(
    client: PortalClient, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings
) -> None:
    path = offered(db, clock, clinic, cast, settings)
    token = client.page(path).fields()["csrf_token"]
    clock.at = offers(db)[0].ends_at
    assert client.page(path).h1 == "This offer is over"
    assert client.page(f"{path}/take", method="POST", status=409, data={"csrf_token": token}).h1 == "This offer is over"


def test_an_offer_of_somebody_who_gave_the_visit_back_promises_nothing(
    client: PortalClient, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings
) -> None:
    visit = make_appointment(db, clinic, cast.patient_person, practitioner=clinic.rui)
    path = offered(db, clock, clinic, cast, settings, visit)
    token = client.page(path).fields()["csrf_token"]
    visit.state = AppointmentState.CANCELLED
    db.flush()
    for page in (
        client.page(path),  # Before the sweep comes round, and a press on a page that was open.
        client.page(f"{path}/take", method="POST", status=409, data={"csrf_token": token}),
    ):
        assert page.h1 == "This offer is over"
        assert "Nothing was booked." in page.text
        assert "Your visit is as it was" not in page.text
        assert "You are still on the waiting list" not in page.text


def test_an_offer_whose_visit_was_given_back_or_moved_leads_to_the_visit(
    client: PortalClient, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings
) -> None:
    path = offered(db, clock, clinic, cast, settings)
    (offer,) = offers(db)
    taken = db.get_one(Appointment, accept_offer(db, clock, offer_id=OfferId(offer.id)).id)
    assert client.page(path).h1 == "The time is yours"
    taken.state, taken.cancelled_at = AppointmentState.CANCELLED, clock.now()
    db.flush()
    assert "This visit is cancelled" in client.page(path).text
    taken.state, taken.cancelled_at = AppointmentState.BOOKED, None
    taken.starts_at = taken.busy_from = THURSDAY
    taken.ends_at = taken.busy_until = THURSDAY + timedelta(minutes=30)
    db.flush()
    page = client.page(path)
    assert "Thursday 26 November" in page.h1
    assert "The time is yours" not in page.text


def test_a_time_that_the_clinic_took_back_went_to_nobody(
    client: PortalClient, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings
) -> None:
    path = offered(db, clock, clinic, cast, settings)
    token = client.page(path).fields()["csrf_token"]
    hold = db.get_one(Appointment, offers(db)[0].hold_id)
    hold.state, hold.held_until = AppointmentState.CANCELLED, None
    away = Absence(practitioner_id=clinic.ines.id, starts_at=TUESDAY, ends_at=TUESDAY + timedelta(hours=8), reason="")
    db.add(away)
    db.flush()
    page = client.page(f"{path}/take", method="POST", status=409, data={"csrf_token": token})
    assert page.h1 == "This time is no longer free"
    assert "It is no longer free. Nothing was booked." in page.text
    assert "You are still on the waiting list" in page.text
