"""The way through the pages: home → service → who → where → time → held → booked → visits → cancelled."""

from sqlalchemy.orm import Session

from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.page import PortalClient


def test_a_visitor_walks_from_the_home_page_to_a_held_time(client: PortalClient, clinic: Clinic) -> None:
    assert "/book" in client.page("/").links()
    assert "/book/massage/for" in client.page("/book").links()
    page = client.page("/book/massage/with")
    assert page.h1 == "Who would you like to see?"
    page = client.page("/book/massage/where?practitioner=any")
    assert "/book/massage/times?practitioner=any&facility=lisbon" in page.links()
    page = client.page("/book/massage/times?practitioner=any&facility=lisbon")
    response = client.post(page.all("form")[-1].get("action"), data=page.fields() | {"slot": "2026-11-26T10:30Z"})
    assert response.status_code == 303
    held = client.page(response.location)
    assert held.h1 == "Your time is held"


def test_a_patient_books_and_cancels(cast: Cast, db: Session, clinic: Clinic) -> None:
    client = cast.browser(cast.patient)
    page = client.page("/book/massage/for")
    person = page.fields()["patient"]
    page = client.page(f"/book/massage/times?patient={person}&practitioner={clinic.ines.id}")
    response = client.post(page.all("form")[-1].get("action"), data=page.fields() | {"slot": "2026-11-26T10:30Z"})
    check = client.page(response.location)
    assert check.h1 == "Check your answers"
    response = client.post(response.location, data=check.fields(-2) | {"patient_note": "My left knee"})
    assert response.status_code == 303, response.get_data(as_text=True)
    booked = client.page(response.location)
    assert booked.h1 == "Your visit is booked"
    visits = client.page("/visits")
    assert "Thursday 26 November, 10:30" in visits.text
    path = response.location.removesuffix("/booked")
    assert "My left knee" in client.page(path).text
    assert client.get(f"{path}/calendar.ics").status_code == 200
    cancel = client.page(f"{path}/cancel")
    response = client.post(f"{path}/cancel", data=cancel.fields() | {"reason": "patient.unwell"})
    assert response.status_code == 303
    assert "This visit is cancelled" in client.page(path).text
    assert client.page("/").h1 == "Hello, Marta"
