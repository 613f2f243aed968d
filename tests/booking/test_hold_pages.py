"""The pages around a held time: lost races, changes, expiry, back and reload. Nothing typed is lost."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.core.clock import FixedClock
from clinic_portal.facilities.models import Closure
from clinic_portal.practitioners.models import Absence
from tests.booking.factory import THURSDAY, make_appointment
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.page import Page, PortalClient

TIMES = "/book/massage/times?practitioner=any&facility=lisbon"
SLOT = "2026-11-26T10:30Z"


def press(client: PortalClient, page: Page, slot: str = SLOT) -> str:
    response = client.post(page.all("form")[-1].get("action"), data=page.fields() | {"slot": slot})
    assert response.status_code == 303, response.get_data(as_text=True)[:2000]
    return str(response.location)


def send(client: PortalClient, path: str, *, status: int = 303, **form: str) -> Page:
    token = str(client.page("/privacy").one("meta", name="csrf-token").get("content"))
    return client.page(path, method="POST", data={"csrf_token": token, **form}, status=status)


def slots(page: Page) -> list[str]:
    return [button.get("value", "") for button in page.all("button", name="slot")]


def post(client: PortalClient, path: str, **form: str) -> str:
    token = str(client.page("/privacy").one("meta", name="csrf-token").get("content"))
    response = client.post(path, data={"csrf_token": token, **form})
    assert response.status_code == 303, response.get_data(as_text=True)[:3000]
    return str(response.location)


def test_a_visitor_who_holds_a_time_is_led_to_an_account_first(client: PortalClient, clinic: Clinic) -> None:
    """Most visitors have none; who has one finds it beside. Until when the time is held, and what it is, stand above."""
    path = press(client, client.page(TIMES))
    page = client.page(path)
    words = page.text.replace("\N{NO-BREAK SPACE}", " ")
    (main,) = page.all("a", **{"class": "nhsuk-button"})
    (other,) = page.all("a", **{"class": "nhsuk-button nhsuk-button--secondary"})
    assert (main.get("href"), other.get("href")) == (f"/register?next={path}", f"/sign-in?next={path}")
    said = (
        "This time is held for you until 10:22", "Thursday 26 November, 10:30", "Massage with", "Rua das Flores 12",
        "30 minutes · €30.00", "New here?",
    )  # fmt: skip
    assert sorted(said, key=words.index) == list(said)


def test_the_loser_sees_at_once_that_it_was_taken_and_the_three_nearest_times(
    cast: Cast, clinic: Clinic, db: Session
) -> None:
    path = f"/book/massage/times?practitioner={clinic.ines.id}&facility=lisbon&part=morning"
    first, second = cast.browser(None), cast.browser(None)
    pages = first.page(path), second.page(path)
    press(first, pages[0])
    page = send(second, path, slot=SLOT, status=409)
    assert "Someone else has just taken this time" in page.text
    assert "Thursday 26 November, 10:30 is no longer free" in page.text
    nearest = [button.get("value") for button in page.all("form")[-2].iter("button")]
    assert nearest == ["2026-11-26T09:30Z", "2026-11-26T10:00Z", "2026-11-26T11:00Z"]
    assert SLOT not in slots(page)
    assert press(second, page, "2026-11-26T11:00Z").endswith("/check")
    assert len(db.scalars(select(Appointment)).all()) == 2


def test_a_person_with_a_visit_then_is_told_so(cast: Cast, clinic: Clinic, db: Session) -> None:
    make_appointment(db, clinic, cast.patient_person, practitioner=clinic.rui)
    path = f"/book/massage/times?practitioner={clinic.ines.id}&patient={cast.patient_person.id}"
    page = send(cast.browser(cast.patient), path, slot=SLOT, status=409)
    assert "There is already a visit at this time" in page.text
    assert "Marta has another visit that overlaps" in page.text


@pytest.mark.parametrize("slot", ["", "now", "2026-11-26", "0001-01-01T00:00Z", "9999-12-31T23:59Z", "\x00", "é" * 500])
def test_a_time_that_is_none_is_asked_for_again(client: PortalClient, clinic: Clinic, slot: str) -> None:
    assert "Choose one of the times below" in send(client, TIMES, slot=slot, status=422).text


def test_reload_and_double_press_keep_one_hold(cast: Cast, db: Session) -> None:
    client = cast.browser(None)
    page = client.page(TIMES)
    assert press(client, page) == press(client, page)
    assert len(db.scalars(select(Appointment)).all()) == 1
    # Back from the held page: the own time is still offered, for it is ours.
    assert SLOT in slots(client.page(TIMES))


def test_each_answer_can_be_changed_and_the_note_survives(cast: Cast, clinic: Clinic, db: Session) -> None:
    client = cast.browser(cast.guardian)
    check = press(client, client.page(f"{TIMES}&patient={cast.child.id}"))
    page = client.page(check)
    assert "You are acting for Tomás Araújo" in page.text
    changes = [button.get("value") for button in page.all("button", name="change")]
    assert changes == ["person", "time", "service", "practitioner", "place"]
    leads_to = {what: post(client, check, change=what, patient_note="His left knee") for what in changes if what}
    assert leads_to["service"] == f"/book?patient={cast.child.id}&instead={check.split('/')[3]}"
    assert leads_to["practitioner"].startswith("/book/massage/with?")
    assert leads_to["place"].startswith("/book/massage/where?")
    assert leads_to["person"].endswith("/for")
    second = press(client, client.page(leads_to["time"]), "2026-11-26T15:00Z")
    page = client.page(second)
    assert "Thursday 26 November, 15:00" in page.text
    assert "Tomás Araújo" in page.text
    assert page.fields(-2)["patient_note"] == "His left knee"
    states = [row.state for row in db.scalars(select(Appointment).order_by(Appointment.id))]
    assert states == [AppointmentState.CANCELLED, AppointmentState.PROPOSED]


def test_another_service_keeps_whom_it_is_for(cast: Cast) -> None:
    client = cast.browser(cast.guardian)
    check = press(client, client.page(f"{TIMES}&patient={cast.child.id}"))
    services = client.page(post(client, check, change="service", patient_note="knee"))
    (link,) = [link for link in services.links() if link.startswith("/book/evaluation/for")]
    page = client.page(link)
    assert page.one("input", type="radio", checked="").get("value") == str(cast.child.id)
    (field,) = page.all("input", name="instead")
    assert field.get("value") == check.split("/")[3]


def test_a_visitor_signs_in_and_is_asked_for_whom(cast: Cast, db: Session) -> None:
    client = cast.browser(cast.guardian)
    check = press(client, client.page(TIMES))
    response = client.get(check)
    assert response.status_code == 303
    page = client.page(response.location)
    assert page.h1 == "Who is the visit for?"
    assert "This time is held for you until 10:22" in page.text
    assert client.page(post(client, str(response.location), patient=str(cast.child.id))).h1 == "Check your answers"
    assert db.scalars(select(Appointment.patient_id)).all() == [cast.child.id]


def test_somebody_alone_is_not_asked_for_whom(cast: Cast) -> None:
    client = cast.browser(cast.stranger)
    check = press(client, client.page(TIMES))
    assert "Duarte Nogueira" in client.page(check).text
    assert post(client, check, patient_note="").endswith("/booked")


def test_choosing_a_person_who_is_busy_then_says_so(cast: Cast, clinic: Clinic, db: Session) -> None:
    client = cast.browser(cast.guardian)
    check = press(client, client.page(f"/book/massage/times?practitioner={clinic.ines.id}&facility=lisbon"))
    make_appointment(db, clinic, cast.child, practitioner=clinic.rui)
    page = send(client, check.replace("/check", "/for"), patient=str(cast.child.id), status=409)
    assert "There is already a visit at this time" in page.text
    assert page.one("input", type="radio", checked="").get("value") == str(cast.child.id)


def test_the_note_survives_when_who_it_is_for_has_another_visit_then(cast: Cast, clinic: Clinic, db: Session) -> None:
    client = cast.browser(cast.stranger)
    # Held before signing in: the time is nobody's yet.
    check = post(client, f"/book/massage/times?practitioner={clinic.ines.id}&facility=lisbon", slot=SLOT)
    make_appointment(db, clinic, cast.stranger_person, practitioner=clinic.rui)
    page = send(client, check, patient_note="The left knee", status=409)
    assert "There is already a visit at this time" in page.text
    assert client.page(check).fields(-2)["patient_note"] == "The left knee"


def test_an_expired_hold_says_so_and_is_held_again_with_the_note(cast: Cast, clock: FixedClock, db: Session) -> None:
    client = cast.browser(cast.patient)
    check = press(client, client.page(f"{TIMES}&patient={cast.patient_person.id}"))
    clock.advance(timedelta(minutes=11))
    page = send(client, check, patient_note="Since October", status=409)
    assert page.h1 == "The time is no longer held for you"
    assert "The time is still free" in page.text
    assert client.page(check, status=409).h1 == page.h1
    again = post(client, check.replace("/check", "/again"), slot=SLOT)
    assert again != check
    page = client.page(again)
    assert page.fields(-2)["patient_note"] == "Since October"
    assert "This time is held for you until 10:33" in page.text
    assert post(client, again, patient_note="Since October").endswith("/booked")


def test_an_expired_hold_that_somebody_took_offers_the_nearest(cast: Cast, clinic: Clinic, clock: FixedClock) -> None:
    path = f"/book/massage/times?practitioner={clinic.ines.id}&facility=lisbon"
    slow, fast = cast.browser(cast.patient), cast.browser(None)
    check = press(slow, slow.page(path))
    clock.advance(timedelta(minutes=10))
    press(fast, fast.page(path))
    page = send(slow, check.replace("/check", "/again"), slot=SLOT, status=409)
    assert page.h1 == "Someone else has just taken this time"
    assert slots(page) == ["2026-11-26T09:30Z", "2026-11-26T10:00Z", "2026-11-26T11:00Z"]


def test_back_after_booking_shows_the_visit_instead_of_booking_twice(cast: Cast, db: Session) -> None:
    client = cast.browser(cast.patient)
    check = press(client, client.page(TIMES))
    booked = post(client, check, patient_note="")
    visit = booked.removesuffix("/booked")
    assert client.get(check).location == visit
    assert client.get(check.replace("/check", "/for")).location == visit
    assert post(client, check, patient_note="again") == booked
    assert client.page(booked).h1 == client.page(booked).h1 == "Your visit is booked"
    assert db.scalars(select(Appointment.patient_note)).all() == [""]


def test_a_long_note_is_refused_and_kept(cast: Cast) -> None:
    client = cast.browser(cast.patient)
    check = press(client, client.page(TIMES))
    page = send(client, check, patient_note="x" * 501, status=422)
    assert "Write at most 500 characters" in page.text
    assert page.fields(-2)["patient_note"] == "x" * 501


def test_a_given_up_time_is_free_at_once(cast: Cast, db: Session) -> None:
    client = cast.browser(None)
    check = press(client, client.page(TIMES))
    assert post(client, check.replace("/check", "/release")) == "/book"
    assert db.scalars(select(Appointment.state)).all() == [AppointmentState.CANCELLED]
    assert client.page(check, status=409).h1 == "The time is no longer held for you"


def test_a_fragment_is_the_block_of_the_page(client: PortalClient, clinic: Clinic) -> None:
    def without_token(html: str) -> str:
        return re.sub(r'value="[^"]{40,}"', "", html)

    for path in (TIMES, f"{TIMES}&part=morning&days=14"):
        fragment = without_token(client.fragment(path).html.strip())
        assert fragment.startswith('<div id="times">')
        assert fragment in without_token(client.page(path).html)


def test_later_days_are_added_below_and_the_place_is_kept(client: PortalClient, clinic: Clinic) -> None:
    page = client.page(TIMES)
    (later,) = [link for link in page.links() if "days=14" in link]
    anchor = later.partition("#")[2]
    more = client.page(later)
    days = [section.get("id") for section in page.all("section", class_="day")]
    assert [section.get("id") for section in more.all("section", class_="day")][: len(days)] == days
    assert anchor == days[-1]
    assert len(more.all("section", class_="day")) > len(days)


def test_each_day_says_how_many_times_it_has(client: PortalClient, clinic: Clinic, cast: Cast, db: Session) -> None:
    """Also in Portuguese, and of a day that has one, or none."""
    day = THURSDAY.replace(hour=9, minute=0)
    db.add(Absence(practitioner_id=clinic.ines.id, starts_at=day, ends_at=day + timedelta(hours=2), reason="course"))
    friday = day + timedelta(days=1, minutes=30)
    db.add(Absence(practitioner_id=clinic.ines.id, starts_at=friday, ends_at=day + timedelta(days=2), reason="course"))
    monday = day + timedelta(days=4)
    db.add(Absence(practitioner_id=clinic.ines.id, starts_at=monday, ends_at=monday + timedelta(days=1), reason="ill"))
    db.commit()
    path = f"/book/massage/times?practitioner={clinic.ines.id}&facility=lisbon&from={day.date()}"
    said = [" ".join("".join(one.itertext()).split()) for one in client.page(path).all("h2") if one.get("id")]
    days = [one for one in said if "November" in one or "December" in one]
    assert days[:4] == [
        "Thursday 26 November 12 times", "Friday 27 November 1 time", "Monday 30 November no times",
        "Tuesday 1 December 16 times",
    ]  # fmt: skip
    client.set_cookie("clinic_language", "pt_PT")
    headings = ["".join(one.itertext()) for one in client.page(path).all("h2") if one.get("id")]
    assert [" ".join(one.split()[-2:]) for one in headings[:2]] == ["12 vagas", "1 vaga"]


def test_the_next_free_date_is_shown_at_once(client: PortalClient, clinic: Clinic, db: Session) -> None:
    db.add(
        Absence(
            practitioner_id=clinic.ines.id, starts_at=THURSDAY - timedelta(days=5), reason="leave",
            ends_at=THURSDAY.replace(month=12, day=14, hour=13),
        )
    )  # fmt: skip
    db.commit()
    page = client.page(f"/book/massage/times?practitioner={clinic.ines.id}")
    assert "The first free time is on Monday 14 December." in page.text
    assert slots(page)[0] == "2026-12-14T14:00Z"


def test_nothing_free_is_no_dead_end(client: PortalClient, clinic: Clinic, db: Session) -> None:
    for days in range(100):
        day = (THURSDAY - timedelta(days=4) + timedelta(days=days)).date()
        db.add(Closure(facility_id=clinic.lisbon.id, day=day, reason="works"))
    db.commit()
    page = client.page(f"/book/massage/times?practitioner={clinic.ines.id}&part=morning")
    # 90 days from Monday 23 November on.
    assert "There is no free time until Sunday 21 February" in page.text
    ways = [link for link in page.links() if link.startswith(("/book/massage/times", "tel:+351210000001"))]
    assert any("facility=ponta-delgada" in way for way in ways)
    assert any("practitioner=any" in way for way in ways)
    assert any(way.startswith("tel:") for way in ways)
    (waiting,) = [link for link in page.links() if "/waiting-list" in link]
    assert waiting.startswith("/book/massage/waiting-list?")
    assert {"part=morning", f"practitioner={clinic.ines.id}"} <= set(waiting.partition("?")[2].split("&"))


@pytest.mark.parametrize(
    "query",
    [
        "practitioner=nobody", "practitioner=%00", "facility=atlantis&practitioner=any", "part=midnight", "from=yesterday",
        "from=9999-12-31", "from=0001-01-01", "days=-5", "days=99999999999", "days=١", "patient=1", "instead=%F0%9F%92%A9",
    ],
)  # fmt: skip
def test_hostile_addresses_are_read_as_not_chosen(client: PortalClient, clinic: Clinic, query: str) -> None:
    response = client.get(f"/book/massage/times?{query}")
    assert response.status_code in {200, 303}
    client.page(f"{TIMES}&{query}")


def test_the_azores_show_their_own_time(client: PortalClient, clinic: Clinic) -> None:
    page = client.page("/book/massage/times?practitioner=any&facility=ponta-delgada")
    first = page.all("button", name="slot")[0]
    assert (first.get("value"), (first.text or "").strip()) == ("2026-11-23T11:30Z", "10:30")


def test_a_deadline_says_on_whose_clock_it_is_where_there_are_several(
    client: PortalClient, clinic: Clinic, db: Session
) -> None:
    """It is met wherever the patient is: in Lisbon "until 09:22" would be over already."""
    page = client.page("/book/massage/times?practitioner=any&facility=ponta-delgada")
    slot = str(page.all("button", name="slot")[0].get("value"))
    path = press(client, page, slot)
    assert "This time is held for you until 09:22 (Azores time)." in client.page(path).text
    clinic.azores.tz = "Europe/Lisbon"
    db.commit()
    assert "This time is held for you until 10:22." in client.page(path).text


def test_a_patient_of_the_home_page_is_preselected(cast: Cast) -> None:
    client = cast.browser(cast.guardian)
    (link,) = [link for link in client.page("/").links() if f"patient={cast.child.id}" in link]
    (link,) = [link for link in client.page(link).links() if link.startswith("/book/massage/for")]
    page = client.page(link)
    assert page.one("input", type="radio", checked="").get("value") == str(cast.child.id)
    assert "ask at the front desk" in page.text


def test_the_home_page_shows_the_next_visit_and_whose_it_is(cast: Cast, clinic: Clinic, db: Session) -> None:
    row = make_appointment(db, clinic, cast.child)
    page = cast.browser(cast.guardian).page("/")
    assert "Thursday 26 November, 10:30" in page.text
    assert "For Tomás" in page.text
    assert f"/visits/{row.id}" in page.links()


@pytest.mark.parametrize(
    ("cutoff_minutes", "words"),
    [
        (0, ""),
        (240, "You can move or cancel it here until"),
        (7 * 1440, "once it is booked, you cannot move or cancel it here"),
    ],
)
def test_until_when_it_can_be_changed_is_said_before_booking(
    db: Session, cast: Cast, clinic: Clinic, cutoff_minutes: int, words: str
) -> None:
    clinic.massage.change_cutoff_minutes = cutoff_minutes
    db.commit()
    client = cast.browser(cast.patient)
    page = client.page(press(client, client.page(TIMES)))
    assert page.h1 == "Check your answers"
    assert ("cancel it here" in page.text) == bool(words)
    assert words in page.text
