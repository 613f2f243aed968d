"""Every page that may leave booked visits outside the hours lists them and does what was chosen, for whoever may use it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.queries.stranded import token_of
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.core.db import Base
from clinic_portal.core.ids import AppointmentId
from clinic_portal.facilities.models import Closure, Facility, OpenHoliday
from clinic_portal.notifications.models import Message
from clinic_portal.practitioners.models import Absence, ExtraHours, WeeklyHours
from tests.admin.test_hours_pages import room, send
from tests.booking.factory import THURSDAY, make_appointment
from tests.booking.hours import row_id
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.page import Page, PortalClient

SUNDAY = date(2026, 11, 29)
#: A Tuesday, and a public holiday.
HOLIDAY = date(2026, 12, 1)


@dataclass
class Office:
    """Somebody's browser, and the clinic whose hours they change."""

    client: PortalClient
    db: Session
    clinic: Clinic
    cast: Cast

    @property
    def hours(self) -> str:
        return f"/hours/{self.clinic.ines.id}"

    def press(self, path: str, **form: str) -> Page:
        """Send a small form of a page."""
        token = str(self.client.page("/privacy").one("meta", name="csrf-token").get("content"))
        return self.client.page(path, method="POST", data={"csrf_token": token, **form})

    def book(self, day: date) -> list[Appointment]:
        """Three visits with Inês that morning."""
        people = (self.cast.patient_person, self.cast.stranger_person, self.cast.guardian_person)
        first = THURSDAY + (day - THURSDAY.date())
        return [
            make_appointment(self.db, self.clinic, person, at=first + timedelta(minutes=30 * number))
            for number, person in enumerate(people)
        ]

    def rows(self, table: type[Base]) -> list[tuple[object, ...]]:
        """The keys of all rows."""
        return [tuple(key) for key in self.db.execute(select(*table.__table__.primary_key.columns))]


#: Books visits and asks for the change. Returns them, the page that asks, its address, and where the change is seen.
Change = Callable[[Office], tuple[list[Appointment], Page, str, Callable[[], object]]]


def shorter_hours(office: Office) -> tuple[list[Appointment], Page, str, Callable[[], object]]:
    visits, path = office.book(THURSDAY.date()), f"{office.hours}/weekly/{row_id(office.db, office.clinic.ines)}"
    typed = {"starts": "9:00", "ends": "10:00", "valid_from": "2026-11-26"}
    return visits, send(office.client, path, **typed), path, lambda: office.rows(WeeklyHours)


def hours_that_end(office: Office) -> tuple[list[Appointment], Page, str, Callable[[], object]]:
    visits, row = office.book(THURSDAY.date()), row_id(office.db, office.clinic.ines)
    path = f"{office.hours}/weekly/{row}/end"
    page = send(office.client, path, last_day="2026-11-25")
    return visits, page, path, lambda: office.db.get_one(WeeklyHours, row).valid_until


def hours_in_another_room(office: Office) -> tuple[list[Appointment], Page, str, Callable[[], object]]:
    visits, row = office.book(THURSDAY.date()), row_id(office.db, office.clinic.ines)
    theirs = select(WeeklyHours).where(WeeklyHours.practitioner_id == office.clinic.rui.id)
    for other in office.db.scalars(theirs):
        office.db.delete(other)
    office.db.commit()
    path = f"{office.hours}/weekly/{row}"
    typed = {"where": room(office.clinic, "room_2"), "valid_from": "2026-11-26"}
    return visits, send(office.client, path, **typed), path, lambda: office.rows(WeeklyHours)


def an_absence(office: Office) -> tuple[list[Appointment], Page, str, Callable[[], object]]:
    visits, path = office.book(THURSDAY.date()), f"{office.hours}/absences/add"
    page = send(office.client, path, first_day="2026-11-26", starts="10", ends="13", reason="course")
    return visits, page, path, lambda: office.rows(Absence)


def no_extra_hours(office: Office) -> tuple[list[Appointment], Page, str, Callable[[], object]]:
    where = room(office.clinic, "room_1")
    send(office.client, f"{office.hours}/extra/add", day=str(SUNDAY), starts="10", ends="13", where=where)
    visits, ((row,),) = office.book(SUNDAY), office.rows(ExtraHours)
    path = f"{office.hours}/extra/{row}/remove"
    return visits, office.press(path), path, lambda: office.rows(ExtraHours)


def a_closed_day(office: Office) -> tuple[list[Appointment], Page, str, Callable[[], object]]:
    visits, path = office.book(THURSDAY.date()), "/admin/closed-days/lisbon"
    page = office.press(path, day="2026-11-26", reason="building works")
    return visits, page, path, lambda: office.rows(Closure)


def holidays_that_count(office: Office) -> tuple[list[Appointment], Page, str, Callable[[], object]]:
    visits, path, id_ = office.book(HOLIDAY), "/admin/closed-days/lisbon/holidays", office.clinic.lisbon.id
    page = office.press(path, keep="yes")
    return visits, page, path, lambda: office.db.get_one(Facility, id_).observes_holidays


def a_holiday_that_counts_again(office: Office) -> tuple[list[Appointment], Page, str, Callable[[], object]]:
    home = "/admin/closed-days/lisbon"
    office.press(f"{home}/holidays", keep="yes")
    office.press(f"{home}/open", day=str(HOLIDAY))
    visits, path = office.book(HOLIDAY), f"{home}/close"
    return visits, office.press(path, day=str(HOLIDAY)), path, lambda: office.rows(OpenHoliday)


OWN = [shorter_hours, hours_that_end, hours_in_another_room, an_absence, no_extra_hours]
CLINICS = [a_closed_day, holidays_that_count, a_holiday_that_counts_again]
CASES = [("administrator", change) for change in (*OWN, *CLINICS)] + [("doctor", change) for change in OWN]


def token(row: Appointment) -> str:
    return token_of(AppointmentId(row.id), row.starts_at)


def answers(visits: list[Appointment], *chosen: str) -> Mapping[str, str]:
    return {f"answer-{token(row)}": answer for row, answer in zip(visits, chosen, strict=True)}


def told(db: Session) -> set[tuple[str, object]]:
    """Of what whoever was written to, but for reminders."""
    rows = db.execute(select(Message.kind, Message.subject_id).where(Message.kind.startswith("appointment")))
    return {(kind, subject_id) for kind, subject_id in rows}


@pytest.mark.parametrize(("who", "change"), CASES, ids=lambda one: getattr(one, "__name__", one))
def test_visits_are_listed_and_kept_moved_or_cancelled(
    db: Session, clinic: Clinic, cast: Cast, who: str, change: Change
) -> None:
    office = Office(cast.browser(getattr(cast, who)), db, clinic, cast)
    visits, page, path, seen = change(office)
    kept, moved, cancelled = visits
    before = seen()
    assert page.h1 == "3 booked visits are in the way"
    for name in ("Marta Araújo", "Duarte Nogueira", cast.guardian_person.full_name):
        assert name in page.text
    page = send(office.client, path, page, status=422, **answers([kept], "keep"))
    db.expire_all()
    assert seen() == before, "nothing is changed before all are answered for"
    assert {row.state for row in visits} == {AppointmentState.BOOKED}
    assert told(db) == set()

    page = send(office.client, path, page, **answers(visits, "keep", "move", "cancel"))
    db.expire_all()
    assert seen() != before
    assert page.h1 == "Visits outside the hours"
    assert [row.state.value for row in visits] == ["booked", "booked", "cancelled"]
    assert told(db) == {("appointment_cancelled_by_clinic", cancelled.id)}
    assert "1 visit kept on purpose" in page.text

    # To another time from the list, and another mind about the one that was kept.
    (link,) = [one for one in page.links() if one == f"/hours/outside/{token(moved)}/move"]
    times = office.client.page(link)
    slot = next(one.get("value", "") for one in times.all("button", name="slot"))
    page = send(office.client, link, times, slot=slot)
    assert "No visit is left outside the hours" in page.text
    form = {"shown": token(kept), **answers([kept], "cancel")}
    assert "1 visit cancelled; the patient gets a message" in office.press("/hours/outside", **form).text
    db.expire_all()
    assert [row.state.value for row in visits] == ["cancelled", "booked", "cancelled"]
    assert moved.sequence == 1
    assert told(db) == {
        ("appointment_moved", moved.id), *(("appointment_cancelled_by_clinic", row.id) for row in (kept, cancelled)),
    }  # fmt: skip
