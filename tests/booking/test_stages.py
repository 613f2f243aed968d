"""The step line: each page of a booking is one step after the page before, and the last one is the last."""

import re

from sqlalchemy.orm import Session

from clinic_portal.dependents.queries import people_of
from tests.booking.test_hold_pages import press
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.page import Page, PortalClient


def step(page: Page) -> tuple[int, int]:
    found = re.search(r"Book a visit · step (\d) of (\d)", page.text)
    assert found, page.h1
    return int(found[1]), int(found[2])


def walk(client: PortalClient, who: str, where: str, patient: str = "") -> list[tuple[int, int]]:
    """Walk from the services to the free times and press one; the steps of the pages on the way."""
    query = f"{patient and f'patient={patient}&'}practitioner={who}"
    pages = [client.page("/book")]
    if patient:
        pages.append(client.page("/book/massage/for"))
    pages.append(client.page(f"/book/massage/with?{patient and f'patient={patient}'}"))
    if where:
        pages.append(client.page(f"/book/massage/where?{query}"))
        query = f"{query}&facility={where}"
    pages.append(client.page(f"/book/massage/times?{query}"))
    pages.append(client.page(press(client, pages[-1])))
    return [step(page) for page in pages]


def test_a_visitor_takes_six_steps_and_signs_in_before_the_last(cast: Cast, clinic: Clinic) -> None:
    assert walk(cast.browser(None), "any", "lisbon") == [(1, 6), (2, 6), (3, 6), (4, 6), (5, 6)]


def test_where_there_is_no_choice_of_a_place_nobody_counts_it(cast: Cast, clinic: Clinic) -> None:
    assert walk(cast.browser(None), str(clinic.ines.id), "")[-2:] == [(3, 5), (4, 5)]


def test_a_patient_says_first_whom_it_is_for(cast: Cast, clinic: Clinic) -> None:
    patient = str(cast.patient_person.id)
    assert walk(cast.browser(cast.patient), "any", "lisbon", patient) == [
        (1, 6), (2, 6), (3, 6), (4, 6), (5, 6), (6, 6),
    ]  # fmt: skip


def test_whoever_signs_in_on_the_way_says_whom_it_is_for_before_the_last_step(cast: Cast, clinic: Clinic) -> None:
    client = cast.browser(cast.guardian)
    times = client.page("/book/massage/times?practitioner=any&facility=lisbon")
    person = client.page(press(client, times))
    assert person.h1 == "Who is the visit for?"
    assert (step(times), step(person)) == ((4, 6), (5, 6))
    sent = client.post(person.response.request.path, data=person.fields(-2))
    assert step(client.page(sent.location)) == (6, 6)


def test_who_books_for_nobody_else_misses_no_step_wherever_they_enter(cast: Cast, clinic: Clinic) -> None:
    assert len(people_of(cast.db, cast.clock, actor=cast.stranger.actor())) == 1
    walked = walk(cast.browser(cast.stranger), "any", "lisbon")
    assert walked == [(1, 6), (3, 6), (4, 6), (5, 6), (6, 6)]  # The second asks whom it is for, and was passed by.


def test_several_sessions_have_a_step_for_the_plan(cast: Cast, clinic: Clinic, db: Session) -> None:
    client = cast.browser(None)
    ask = "facility=lisbon&count=2&per_week=1&at=any&first=2026-11-23"
    pages = [
        client.page("/book/massage/times?practitioner=any&facility=lisbon"),
        client.page("/book/massage/series?practitioner=any&facility=lisbon"),
        client.page(f"/book/massage/series/plan?practitioner=any&{ask}"),
        client.page(f"/book/massage/series/check?practitioner={clinic.ines.id}&{ask}&time=2026-11-27T10:30Z"),
    ]
    assert [step(page) for page in pages] == [(4, 6), (4, 6), (5, 6), (6, 6)]
