"""Finding a time at any of the clinics, and online: what is offered where, on whose clock, and what the press holds."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment
from clinic_portal.core.modes import Mode
from clinic_portal.practitioners.models import Absence
from tests.booking.factory import THURSDAY, make_appointment
from tests.booking.online import only_online, work_online
from tests.booking.test_hold_pages import press, send, slots
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.page import Page, PortalClient

ANY = "/book/massage/times?practitioner=any&facility=any"
ONLINE = "/book/massage/times?practitioner=any&mode=online"
WHERE = "/book/massage/where?practitioner=any"


def words(page: Page) -> list[str]:
    return [" ".join(button.itertext()) for button in page.all("button", name="slot")]


def others_of(page: Page, path: str) -> list[str]:
    """Addresses of other times, without those of this page's parts of the day."""
    times = path.partition("?")[0]
    return [link for link in page.links() if link.startswith(f"{times}?") and "part=" not in link and link != path]


def held(db: Session) -> Appointment:
    return db.scalars(select(Appointment)).one()


def test_any_of_our_clinics_is_the_first_choice(client: PortalClient, clinic: Clinic) -> None:
    page = client.page(WHERE)
    choices = [link for link in page.links() if link.startswith("/book/massage/times")]
    assert choices == [
        ANY,
        ANY.replace("any&facility=any", "any&facility=lisbon"),
        ANY.replace("facility=any", "facility=ponta-delgada"),
    ]
    assert "Online" not in page.text


def test_online_is_a_choice_where_somebody_gives_it_so(client: PortalClient, clinic: Clinic, db: Session) -> None:
    work_online(db, clinic)
    page = client.page(WHERE)
    assert "nobody can examine or treat you by hand" in page.text
    (link,) = [link for link in page.links() if "mode=online" in link]
    assert client.page(link).h1 == "When would you like to meet?"
    # Rui does not, and works at one clinic: there is no question.
    assert client.get(f"/book/massage/where?practitioner={clinic.rui.id}").location.endswith("&facility=lisbon")


def test_each_time_says_where_and_on_whose_clock(client: PortalClient, clinic: Clinic) -> None:
    page = client.page(f"{ANY}&from=2026-11-26")
    assert "The clocks of our clinics differ." in page.text
    first = dict(zip(slots(page), words(page), strict=True))
    # One instant, two clinics, two clocks.
    assert first["2026-11-26T10:00Z@lisbon"] == "10:00  Lisbon time Lisbon Inês C."
    assert first["2026-11-26T10:00Z@ponta-delgada"] == "09:00  Azores time Ponta Delgada Sofia P."
    instants = [value.partition("@")[0] for value in slots(page) if value.startswith("2026-11-26")]
    assert instants == sorted(instants)


def test_clinics_with_one_clock_need_not_name_it(client: PortalClient, clinic: Clinic, db: Session) -> None:
    clinic.azores.tz = "Europe/Lisbon"
    db.commit()
    page = client.page(f"{ANY}&from=2026-11-26")
    assert "clocks of our clinics" not in page.text
    assert words(page)[0] == "09:00 Lisbon Inês C."


def test_the_press_holds_the_time_of_that_clinic(client: PortalClient, clinic: Clinic, db: Session) -> None:
    page = client.page(ANY)
    location = press(client, page, "2026-11-26T10:00Z@ponta-delgada")
    row = held(db)
    assert (row.facility_id, row.practitioner_id, row.any_facility) == (clinic.azores.id, clinic.sofia.id, True)
    assert "Thursday 26 November, 09:00" in client.page(location).text


def test_the_way_stays_any_after_the_press(cast: Cast, clinic: Clinic) -> None:
    client = cast.browser(cast.patient)
    check = client.page(
        press(client, client.page(f"{ANY}&patient={cast.patient_person.id}"), "2026-11-26T10:00Z@lisbon")
    )
    (back,) = [link for link in check.links() if link.startswith("/book/massage/times")]
    assert "facility=any" in back
    again = client.page(back)
    # The own hold counts as free: it may be chosen again.
    assert "2026-11-26T10:00Z@lisbon" in slots(again)


@pytest.mark.parametrize(
    "slot", ["2026-11-26T10:00Z", "2026-11-26T10:00Z@", "2026-11-26T10:00Z@atlantis", "@lisbon", "@"]
)
def test_a_time_without_its_clinic_is_asked_for_again(client: PortalClient, clinic: Clinic, slot: str) -> None:
    assert "Choose one of the times below" in send(client, ANY, slot=slot, status=422).text


def test_a_clinic_that_was_not_chosen_is_no_way_in(client: PortalClient, clinic: Clinic, db: Session) -> None:
    path = ANY.replace("facility=any", "facility=lisbon")
    send(client, path, slot="2026-11-26T10:00Z@ponta-delgada", status=422)
    assert not db.scalars(select(Appointment)).all()


def test_a_time_that_the_clinic_does_not_have_is_judged_again(
    client: PortalClient, clinic: Clinic, db: Session
) -> None:
    # 15:00 is offered in Lisbon, and Sofia works in the mornings only.
    page = send(client, ANY, slot="2026-11-26T15:00Z@ponta-delgada", status=409)
    assert "Thursday 26 November, 14:00 is no longer free" in page.text
    nearest = [button.get("value", "") for button in page.all("form")[-2].iter("button")]
    assert "2026-11-26T15:00Z@lisbon" in nearest
    assert not db.scalars(select(Appointment)).all()


def test_only_who_asked_for_it_is_offered_online_hours(client: PortalClient, clinic: Clinic, db: Session) -> None:
    work_online(db, clinic)
    at_seven = "2026-11-26T19:00Z"
    for path in (ANY, ANY.replace("facility=any", "facility=lisbon")):
        assert not [slot for slot in slots(client.page(f"{path}&from=2026-11-26")) if slot.startswith(at_seven)]
        send(client, path, slot=f"{at_seven}@lisbon" if path == ANY else at_seven, status=409)
    assert slots(client.page(ONLINE))[0] == at_seven


def test_an_online_visit_is_held_without_a_room(client: PortalClient, clinic: Clinic, db: Session) -> None:
    work_online(db, clinic)
    page = client.page(ONLINE)
    assert "Online, by video or phone" in page.text
    assert "All times are Lisbon time." in page.text
    press(client, page, "2026-11-26T19:00Z")
    assert (held(db).mode, held(db).room_id) == (Mode.ONLINE, None)


def test_online_times_of_several_clocks_name_theirs(client: PortalClient, clinic: Clinic, db: Session) -> None:
    work_online(db, clinic)
    work_online(db, clinic, who=clinic.sofia, place=clinic.azores)
    page = client.page(f"{ONLINE}&from=2026-11-26")
    assert words(page)[:2] == ["19:00  Lisbon time Inês C.", "19:30  Lisbon time Inês C."]
    assert words(page)[2] == "19:00  Azores time Sofia P."
    press(client, page, "2026-11-26T20:00Z@ponta-delgada")
    assert (held(db).facility_id, held(db).mode) == (clinic.azores.id, Mode.ONLINE)


def test_a_service_that_is_only_given_online_skips_the_question(
    client: PortalClient, clinic: Clinic, db: Session
) -> None:
    only_online(db)
    response = client.get(WHERE)
    assert (response.status_code, response.location) == (303, f"{ANY}&mode=online")
    assert "This service is online only." in client.page(ONLINE).text
    # Who asks for a clinic is told, not booked online.
    assert client.get(ANY).location.startswith("/book/massage/where")


@pytest.mark.parametrize(
    "query",
    [
        "facility=any&mode=online", "mode=hologram", "mode=ONLINE", "mode=", "mode=%00", "facility=any&facility=lisbon",
        "facility=any&mode=online&practitioner=nobody", "facility=any&from=9999-12-31", "mode=online&mode=in_person",
    ],
)  # fmt: skip
def test_hostile_addresses_never_lead_online_unasked(
    client: PortalClient, clinic: Clinic, db: Session, query: str
) -> None:
    work_online(db, clinic)
    page = client.page(f"/book/massage/times?{query}&practitioner=any&facility=lisbon")
    online = "mode=online" in query
    assert ("Online, by video or phone" in page.text) == online
    assert any(slot.startswith("2026-11-26T19:00Z") for slot in slots(page)) == online


def test_online_where_nobody_gives_it_offers_to_come(client: PortalClient, clinic: Clinic) -> None:
    page = client.page(ONLINE)
    assert "There is no free time until" in page.text
    (link,) = [link for link in page.links() if link.startswith("/book/massage/times") and "mode=online" not in link]
    assert "Come to one of our clinics" in page.text
    assert slots(client.page(link))


def test_nothing_free_leads_only_to_where_something_is(client: PortalClient, clinic: Clinic, db: Session) -> None:
    work_online(db, clinic, who=clinic.rui)
    path = f"/book/shock-waves/times?practitioner={clinic.ines.id}&facility=lisbon"
    for_long = {"starts_at": THURSDAY.replace(day=1), "ends_at": THURSDAY.replace(year=2028), "reason": "leave"}
    db.add(Absence(practitioner_id=clinic.ines.id, **for_long))
    db.commit()
    # Inês alone gives shock waves: only the waiting list and the phone are left.
    page = client.page(path)
    assert others_of(page, path) == []
    assert "But you can do this:" in page.text
    page = client.page(path.replace("shock-waves", "massage"))
    assert others_of(page, path.replace("shock-waves", "massage")) == [
        "/book/massage/times?practitioner=any&facility=lisbon",
        "/book/massage/times?practitioner=any&facility=ponta-delgada",
        "/book/massage/times?practitioner=any&facility=lisbon&mode=online",
    ]
    assert "First free time: Monday 23 November" in page.text
    assert "First free time: Thursday 26 November" in page.text
    db.add(Absence(practitioner_id=clinic.rui.id, **for_long))
    db.commit()
    page = client.page(path.replace("shock-waves", "massage"))
    assert others_of(page, path.replace("shock-waves", "massage")) == [
        "/book/massage/times?practitioner=any&facility=ponta-delgada"
    ]


def test_a_move_may_go_to_any_clinic_and_stays_in_person(cast: Cast, clinic: Clinic, db: Session) -> None:
    work_online(db, clinic)
    row = make_appointment(db, clinic, cast.patient_person, any_practitioner=True)
    client, path = cast.browser(cast.patient), f"/visits/{row.id}/move?practitioner=any&facility=any&mode=online"
    page = client.page(path)
    assert not [slot for slot in slots(page) if slot.startswith("2026-11-26T19:00Z")]
    check = press(client, page, "2026-11-27T10:00Z@ponta-delgada")
    assert "Friday 27 November, 09:00" in client.page(check).text
    assert client.post(check, data=client.page(check).fields()).status_code == 303
    db.refresh(row)
    assert (row.facility_id, row.room_id, row.mode) == (clinic.azores.id, clinic.room_a.id, Mode.IN_PERSON)


def test_a_moved_online_visit_stays_online(cast: Cast, clinic: Clinic, db: Session) -> None:
    work_online(db, clinic)
    at = THURSDAY.replace(hour=19, minute=0)
    row = make_appointment(db, clinic, cast.patient_person, at=at, mode=Mode.ONLINE, room_id=None)
    client, path = cast.browser(cast.patient), f"/visits/{row.id}/move"
    page = client.page(path)
    assert all("T19:" in slot for slot in slots(page))
    check = press(client, page, "2026-12-03T19:30Z")
    assert client.post(check, data=client.page(check).fields()).status_code == 303
    db.refresh(row)
    assert (row.mode, row.room_id, row.starts_at.day) == (Mode.ONLINE, None, 3)


def test_no_part_of_a_kept_page_is_another_places(client: PortalClient, cast: Cast, clinic: Clinic) -> None:
    other = cast.browser(None)
    pages = [client.page(path).text for path in (ANY, ANY.replace("facility=any", "facility=lisbon"))]
    assert pages == [other.page(path).text for path in (ANY, ANY.replace("facility=any", "facility=lisbon"))]
    assert pages[0] != pages[1]
