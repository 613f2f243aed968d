"""The ladder: who may open and do what, on every page of booking."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.core.clock import FixedClock
from tests.booking.factory import THURSDAY, make_appointment
from tests.booking.holding import end_right
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.page import PortalClient

VISIT_PAGES = ["", "/booked", "/cancel", "/calendar.ics"]
PUBLIC_PAGES = [
    "/",
    "/book",
    "/book/massage/for",
    "/book/massage/with",
    "/book/massage/where",
    "/book/massage/times?facility=lisbon",
]
HOLD_POSTS = ["check", "for", "again", "release"]


@dataclass
class Ladder:
    db: Session
    cast: Cast
    clinic: Clinic
    visit: Appointment

    def status(self, who: str, page: str, method: str = "GET") -> int:
        account = getattr(self.cast, who) if who != "visitor" else None
        return self.cast.browser(account).open(f"/visits/{self.visit.id}{page}", method=method).status_code

    def state(self) -> AppointmentState:
        self.db.expire_all()
        return self.db.scalars(select(Appointment.state).where(Appointment.id == self.visit.id)).one()


@pytest.fixture
def ladder(db: Session, clinic: Clinic, cast: Cast) -> Ladder:
    return Ladder(db, cast, clinic, make_appointment(db, clinic, cast.child))


@pytest.mark.parametrize("page", VISIT_PAGES)
def test_a_visit_opens_for_who_may_book_and_for_nobody_else(ladder: Ladder, page: str, clock: FixedClock) -> None:
    assert ladder.status("guardian", page) == 200
    assert ladder.status("stranger", page) == 404
    assert ladder.status("patient", page) == 404
    assert ladder.status("receptionist", page) == 403
    assert ladder.status("doctor", page) == 403
    assert ladder.status("visitor", page) == 303
    end_right(ladder.db, ladder.cast, clock)
    assert ladder.status("guardian", page) == 403


@pytest.mark.parametrize("page", VISIT_PAGES)
@pytest.mark.parametrize("id_", ["01936e1a-0000-7000-8000-000000000000", "1", "0" * 36, "%00"])
def test_bad_ids_are_not_found(cast: Cast, page: str, id_: str) -> None:
    assert cast.browser(cast.guardian).get(f"/visits/{id_}{page}").status_code == 404


@pytest.mark.parametrize("who", ["stranger", "patient", "receptionist", "visitor"])
def test_nobody_else_cancels(ladder: Ladder, who: str) -> None:
    client = ladder.cast.browser(getattr(ladder.cast, who) if who != "visitor" else None)
    token = client.page("/privacy").one("meta", name="csrf-token").get("content")
    response = client.post(f"/visits/{ladder.visit.id}/cancel", data={"csrf_token": token, "reason": "patient.other"})
    assert response.status_code == {"receptionist": 403, "visitor": 303}.get(who, 404)
    assert ladder.state() is AppointmentState.BOOKED


def test_without_the_form_token_nothing_happens(ladder: Ladder) -> None:
    client = ladder.cast.browser(ladder.cast.guardian)
    posts = [f"/visits/{ladder.visit.id}/cancel", "/book/massage/times?facility=lisbon"]
    posts += [f"/book/hold/{ladder.visit.id}/{what}" for what in HOLD_POSTS]
    for path in posts:
        assert client.post(path, data={"reason": "patient.other", "slot": "2026-11-26T10:30Z"}).status_code == 400, path
    assert ladder.state() is AppointmentState.BOOKED
    assert len(ladder.db.scalars(select(Appointment)).all()) == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/book"), ("POST", "/visits"), ("PUT", "/book/massage/times"), ("DELETE", "/visits/{id}"),
        ("POST", "/visits/{id}/booked"), ("GET", "/book/hold/{id}/release"), ("GET", "/book/hold/{id}/again"),
    ],
)  # fmt: skip
def test_wrong_methods_are_refused(ladder: Ladder, method: str, path: str) -> None:
    client = ladder.cast.browser(ladder.cast.guardian)
    token = client.page("/privacy").one("meta", name="csrf-token").get("content")
    response = client.open(path.format(id=ladder.visit.id), method=method, headers={"X-CSRFToken": str(token)})
    assert response.status_code == 405


@pytest.mark.parametrize("path", PUBLIC_PAGES)
@pytest.mark.parametrize("who", ["visitor", "patient", "guardian", "receptionist"])
def test_everybody_may_look_for_a_time(cast: Cast, path: str, who: str) -> None:
    client = cast.browser(getattr(cast, who) if who != "visitor" else None)
    response = client.get(path)
    skips_a_page = path == "/book/massage/for" and who in {"visitor", "receptionist"}
    assert response.status_code == (303 if skips_a_page else 200)


@pytest.mark.parametrize("page", ["with", "where", "times"])
def test_nobody_books_on_behalf_of_a_strangers_child(cast: Cast, page: str, clock: FixedClock, db: Session) -> None:
    path = f"/book/massage/{page}?patient={cast.child.id}&facility=lisbon"
    assert cast.browser(cast.stranger).get(path).status_code == 404
    assert cast.browser(cast.guardian).get(path).status_code == 200
    end_right(db, cast, clock)
    assert cast.browser(cast.guardian).get(path).status_code == 403


@pytest.mark.parametrize("slug", ["nothing", "%00", "massage%20", "x" * 3000, "..", "%F0%9F%92%A9"])
def test_an_unknown_service_is_not_found(client: PortalClient, clinic: Clinic, slug: str) -> None:
    for page in ("for", "with", "where", "times"):
        assert client.get(f"/book/{slug}/{page}").status_code in {404, 308}


def hold(client: PortalClient, at: str = "2026-11-26T10:30Z") -> str:
    page = client.page("/book/massage/times?practitioner=any&facility=lisbon")
    response = client.post(page.all("form")[-1].get("action"), data=page.fields() | {"slot": at})
    assert response.status_code == 303
    return str(response.location).removesuffix("/check")


@pytest.fixture
def act(db: Session) -> Callable[..., int]:
    """Send a form of a hold from some browser."""

    def send(client: PortalClient, path: str, **form: str) -> int:
        token = client.page("/privacy").one("meta", name="csrf-token").get("content")
        return client.post(path, data={"csrf_token": str(token), **form}).status_code

    return send


def test_a_hold_belongs_to_one_browser(cast: Cast, act: Callable[..., int], db: Session) -> None:
    holder, other = cast.browser(cast.guardian), cast.browser(cast.guardian)
    base = hold(holder)
    for page in ("check", "for"):
        assert other.get(f"{base}/{page}").status_code == 404
        assert holder.get(f"{base}/{page}").status_code in {200, 303}
    for what in HOLD_POSTS:
        assert act(other, f"{base}/{what}", patient=str(cast.child.id)) == 404, what
    assert db.scalars(select(Appointment.state)).all() == [AppointmentState.PROPOSED]


def test_a_visitor_holds_but_does_not_book(cast: Cast, act: Callable[..., int], db: Session) -> None:
    visitor = cast.browser(None)
    base = hold(visitor)
    page = visitor.page(f"{base}/check")
    assert page.h1 == "Your time is held"
    assert f"/sign-in?next={base}/check" in page.links()
    assert act(visitor, f"{base}/check") == 303
    assert act(visitor, f"{base}/for", patient=str(cast.child.id)) == 303
    assert db.scalars(select(Appointment.state)).all() == [AppointmentState.PROPOSED]


def test_nobody_is_booked_for_who_is_not_theirs(cast: Cast, act: Callable[..., int], db: Session) -> None:
    client = cast.browser(cast.stranger)
    base = hold(client)
    assert act(client, f"{base}/for", patient=str(cast.child.id)) == 404
    assert act(client, f"{base}/for", patient="nonsense") == 422
    # Who has only themselves to book for holds for themselves.
    assert db.scalars(select(Appointment.patient_id)).all() == [cast.stranger_person.id]


def test_staff_do_not_book_as_patients(cast: Cast, act: Callable[..., int]) -> None:
    client = cast.browser(cast.receptionist)
    base = hold(client)
    assert act(client, f"{base}/check") == 403
    assert act(client, f"{base}/release") == 303


def test_my_visits_shows_mine_and_my_childs_only(db: Session, cast: Cast, clinic: Clinic, clock: FixedClock) -> None:
    child = make_appointment(db, clinic, cast.child, booked_by_account_id=cast.guardian.id)
    own = make_appointment(db, clinic, cast.guardian_person, practitioner=clinic.rui, at=THURSDAY.replace(hour=15))
    theirs = make_appointment(db, clinic, cast.stranger_person, at=THURSDAY.replace(hour=16))
    page = cast.browser(cast.guardian).page("/visits")
    assert [f"/visits/{row.id}" in page.links() for row in (child, own, theirs)] == [True, True, False]
    assert "For Tomás Araújo" in page.text
    end_right(db, cast, clock)
    page = cast.browser(cast.guardian).page("/visits")
    assert [f"/visits/{row.id}" in page.links() for row in (child, own)] == [False, True]
