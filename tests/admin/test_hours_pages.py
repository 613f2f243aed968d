"""The pages of hours, closed days and rules: by an administrator, by a practitioner, by others not at all."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.core.ids import FacilityId
from clinic_portal.core.modes import Mode
from clinic_portal.facilities.models import Room, Service
from clinic_portal.facilities.queries import closed_days_of
from clinic_portal.patients.models import Patient
from clinic_portal.practitioners.models import Absence, ExtraHours, WeeklyHours
from tests.booking.factory import THURSDAY, make_appointment
from tests.booking.hours import DAY, row_id
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.page import Page, PortalClient


@pytest.fixture
def office(cast: Cast) -> PortalClient:
    return cast.browser(cast.administrator)


def send(client: PortalClient, path: str, page: Page | None = None, *, status: int = 200, **typed: str) -> Page:
    """Fill in the last form of a page and send it."""
    page = page or client.page(path)
    shown = {"shown": [one.get("value", "") for one in page.all("input", name="shown")]}
    return client.page(path, method="POST", status=status, data=page.fields() | typed | shown)


def room(clinic: Clinic, name: str) -> str:
    return f"{clinic.lisbon.id}:{getattr(clinic, name).id}"


def test_from_the_list_to_new_hours(office: PortalClient, clinic: Clinic, db: Session) -> None:
    people = office.page("/admin/hours")
    assert "Inês Carvalho" in people.text
    assert "40 h" in people.text
    path = f"/hours/{clinic.ines.id}"
    assert path in people.links()
    page = send(
        office, f"{path}/weekly/add", weekday="5", starts="9", ends="12.30", where=room(clinic, "room_1"),
        valid_from="2026-11-28", valid_until="",
    )  # fmt: skip
    assert page.h1 == "Hours of Inês Carvalho"
    assert "Saved: Saturday 09:00–12:30" in page.text
    row = db.scalars(select(WeeklyHours).where(WeeklyHours.weekday == 5)).one()
    assert (row.starts_minute, row.ends_minute, row.valid_from.isoformat()) == (540, 750, "2026-11-28")
    late = {"day": "2026-12-06", "starts": "21", "ends": "24:00", "where": room(clinic, "room_1")}
    assert "21:00–24:00" in send(office, f"{path}/extra/add", **late).text, "until the day ends"


def test_hours_in_any_free_room(office: PortalClient, clinic: Clinic, db: Session) -> None:
    path = f"/hours/{clinic.ines.id}"
    page = office.page(f"{path}/weekly/add")
    places = [option.text for option in page.all("option") if "Lisbon" in option.text]
    assert places == ["Lisbon, room 1", "Lisbon, room 2", "Lisbon, any free room", "Lisbon, online"]
    for weekday, where in (("5", "any"), ("6", "online")):
        typed = {"weekday": weekday, "starts": "9", "ends": "12", "where": f"{clinic.lisbon.id}:{where}"}
        page = send(office, f"{path}/weekly/add", valid_from="2026-11-28", **typed)
    rows = db.execute(
        select(WeeklyHours.mode, WeeklyHours.room_id).where(WeeklyHours.weekday >= 5).order_by(WeeklyHours.weekday)
    )
    assert list(rows) == [(Mode.IN_PERSON, None), (Mode.ONLINE, None)]
    assert page.text.count("Lisbon, any free room") == 1
    change = f"{path}/weekly/{row_id(db, clinic.ines, weekday=5)}"
    assert office.page(change).fields()["where"] == f"{clinic.lisbon.id}:any"
    extra = {"day": "2026-12-05", "starts": "14", "ends": "15", "where": f"{clinic.lisbon.id}:any"}
    page = send(office, f"{path}/extra/add", **extra)
    assert page.text.count("Lisbon, any free room") == 2
    assert db.execute(select(ExtraHours.mode, ExtraHours.room_id)).one() == (Mode.IN_PERSON, None)


def test_a_place_without_rooms_has_no_free_one(office: PortalClient, clinic: Clinic, db: Session) -> None:
    db.execute(delete(WeeklyHours).where(WeeklyHours.facility_id == clinic.azores.id))
    db.execute(delete(Room).where(Room.facility_id == clinic.azores.id))
    db.commit()
    page = office.page(f"/hours/{clinic.ines.id}/weekly/add")
    places = [option.text for option in page.all("option") if "Ponta Delgada" in option.text]
    assert places == ["Ponta Delgada, online"]
    where = f"{clinic.azores.id}:any"
    typed = {"weekday": "5", "starts": "9", "ends": "12", "where": where, "valid_from": "2026-11-28"}
    assert send(office, f"/hours/{clinic.ines.id}/weekly/add", status=422, **typed).title.startswith("Error: ")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"starts": "25:00"}, "Enter a time of day, for example 14:00"),
        ({"starts": ""}, "Enter when the work begins"),
        ({"starts": "18:00", "ends": "17:00"}, "The end must be after the start"),
        ({"valid_until": "2026-11-24"}, "The last day must not be before the first"),
        ({"valid_from": "2026-11-22"}, "This day is over"),
        ({"valid_from": "24 December"}, "Write the day like 24/12/2026"),
        ({"starts": "12:00", "ends": "14:30"}, "There are other hours at this time: Monday 09:00–13:00"),
        ({"where": "room_2"}, "Dr. Rui Meireles has this room then: Monday 09:00–13:00"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field(
    office: PortalClient, clinic: Clinic, db: Session, typed: dict[str, str], said: str
) -> None:
    if "where" in typed:
        typed = {"where": room(clinic, "room_2")}
        db.execute(WeeklyHours.__table__.delete().where(WeeklyHours.practitioner_id == clinic.ines.id))
        db.commit()
    right = {
        "weekday": "0",
        "starts": "12:00",
        "ends": "13:30",
        "where": room(clinic, "room_1"),
        "valid_from": "2026-11-30",
    }
    page = send(office, f"/hours/{clinic.ines.id}/weekly/add", status=422, **right | typed)
    assert page.title.startswith("Error: ")
    assert page.text.count(said) == 2
    assert {name: page.fields()[name] for name in typed} == typed


def test_a_change_shows_the_visits_and_makes_nothing_until_all_are_answered(
    office: PortalClient, clinic: Clinic, cast: Cast, db: Session
) -> None:
    booked = make_appointment(db, clinic, cast.patient_person)
    other = make_appointment(db, clinic, cast.stranger_person, at=THURSDAY + timedelta(minutes=30))
    path = f"/hours/{clinic.ines.id}/weekly/{row_id(db, clinic.ines)}"
    page = send(office, path, starts="9:00", ends="10:00", valid_from=DAY.isoformat())
    assert page.h1 == "2 booked visits are in the way"
    for words in ("Thursday 26 November, 10:30", "Marta Araújo", "+351 912 345 601", "Massage"):
        assert words in page.text
    page = send(office, path, page, status=422, **{f"answer-{booked.id}@20261126T1030": "cancel"})
    assert page.text.count("Choose what becomes of this visit") == 2
    page = send(office, path, page, for_all="move")
    assert page.h1 == "Visits outside the hours"
    assert "1 visit cancelled; the patient gets a message" in page.text
    assert "1 visit is to be moved" in page.text
    db.expire_all()
    states = [db.get_one(Appointment, row.id).state for row in (booked, other)]
    assert states == [AppointmentState.CANCELLED, AppointmentState.BOOKED]
    ends = db.scalars(
        select(WeeklyHours.ends_minute).where(
            WeeklyHours.practitioner_id == clinic.ines.id, WeeklyHours.weekday == 3, WeeklyHours.starts_minute == 540
        )
    )
    assert sorted(ends) == [600, 780]


def test_it_does_not_promise_a_message_to_who_has_no_address(
    office: PortalClient, clinic: Clinic, cast: Cast, db: Session
) -> None:
    db.add(nobody := Patient(given_name="Ó", family_name="Lam", birth_date=DAY, language="en", created_at=THURSDAY))
    db.flush()
    make_appointment(db, clinic, cast.patient_person)
    make_appointment(db, clinic, nobody, at=THURSDAY + timedelta(minutes=30))
    path = f"/hours/{clinic.ines.id}/absences/add"
    page = send(office, path, first_day=DAY.isoformat(), reason="ill")
    page = send(office, path, page, for_all="cancel")
    assert "1 visit cancelled; the patient gets a message" in page.text
    assert "1 visit of a patient without phone or e-mail is cancelled" in page.text
    assert "Ó Lam" in cast.browser(cast.receptionist).page("/desk/lisbon").text


def test_hours_that_end_already_do_not_go_on_by_being_ended(office: PortalClient, clinic: Clinic, db: Session) -> None:
    db.get_one(WeeklyHours, row_id(db, clinic.ines)).valid_until = DAY
    db.commit()
    path = f"/hours/{clinic.ines.id}/weekly/{row_id(db, clinic.ines)}/end"
    page = send(office, path, status=422, last_day="2026-12-31")
    assert page.text.count("These hours end on Thursday 26 November already") == 2
    assert send(office, path, page, last_day=DAY.isoformat()).h1 == "Hours of Inês Carvalho"


def test_a_visit_that_was_booked_meanwhile_is_shown(
    office: PortalClient, clinic: Clinic, cast: Cast, db: Session
) -> None:
    make_appointment(db, clinic, cast.patient_person)
    path = f"/hours/{clinic.ines.id}/absences/add"
    page = send(office, path, first_day=DAY.isoformat(), reason="holiday")
    make_appointment(db, clinic, cast.stranger_person, at=THURSDAY + timedelta(minutes=30))
    page = send(office, path, page, status=409, **{f"answer-{name}": "cancel" for name in [page.fields()["shown"]]})
    assert "The list has changed in the meantime" in page.text
    assert "Duarte Nogueira" in page.text
    assert not list(db.scalars(select(Absence)))
    page = send(office, path, page, for_all="keep")
    assert "1 visit cancelled; the patient gets a message" in page.text
    assert "1 visit stays although it is outside the hours" in page.text


def test_a_visit_is_moved_from_the_list(office: PortalClient, clinic: Clinic, cast: Cast, db: Session) -> None:
    row = make_appointment(db, clinic, cast.patient_person)
    db.add(
        Absence(practitioner_id=clinic.ines.id, starts_at=THURSDAY, ends_at=THURSDAY + timedelta(hours=1), reason="x")
    )
    db.commit()
    path = f"/hours/outside/{row.id}@20261126T1030/move"
    page = office.page("/hours/outside")
    assert path in page.links()
    page = office.page(path)
    slots = [button.get("value", "") for button in page.all("button") if button.get("name") == "slot"]
    assert len(slots) >= 8
    days = [slot[:10] for slot in slots]
    nearest = ["2026-11-25", "2026-11-26", "2026-11-27"]
    assert days[:6] == sorted([*nearest, *nearest]), "who cannot come on that day finds another one"
    places = [slot.split("|")[1] for slot in slots]
    assert places == sorted(places, key=str(clinic.azores.id).__eq__), "what may be a flight away comes last"
    assert str(clinic.azores.id) in places
    assert f"/desk/lisbon/visits/{row.id}/move" in page.links()
    assert send(office, path, page, status=404, slot="2026-11-26T10:00Z").status == 404
    page = send(office, path, page, slot=slots[0])
    assert "Marta Araújo gets a message" in page.text
    assert "No visit is left outside the hours" in page.text
    db.expire_all()
    assert db.get_one(Appointment, row.id).starts_at != THURSDAY
    assert office.get(path).status_code == 404


def test_visits_stay_at_their_time_in_the_room_of_the_new_hours(
    office: PortalClient, clinic: Clinic, cast: Cast, db: Session
) -> None:
    rows = [
        make_appointment(db, clinic, person, at=THURSDAY + timedelta(minutes=30 * number))
        for number, person in enumerate((cast.patient_person, cast.stranger_person))
    ]
    db.execute(delete(WeeklyHours).where(WeeklyHours.practitioner_id == clinic.rui.id))
    db.commit()
    path = f"/hours/{clinic.ines.id}/weekly/{row_id(db, clinic.ines)}"
    page = send(office, path, where=room(clinic, "room_2"), valid_from=DAY.isoformat())
    assert page.text.count("Same time, in room 2") == 2
    assert "Same time, in the new room" in page.text
    rival = make_appointment(db, clinic, cast.child, practitioner=clinic.rui, at=THURSDAY + timedelta(minutes=30))
    page = send(office, path, page, status=422, for_all="room")
    assert page.text.count("Choose what becomes of this visit") == 2  # In the summary, and at the one without a room.
    rival.state, rival.cancelled_at = AppointmentState.CANCELLED, THURSDAY
    db.commit()
    page = send(office, path, page, for_all="room", **{f"answer-{rows[1].id}@20261126T1100": "room"})
    assert "2 visits stay at their times, in another room" in page.text
    db.expire_all()
    assert {db.get_one(Appointment, row.id).room_id for row in rows} == {clinic.room_2.id}
    story = cast.browser(cast.receptionist).page(f"/desk/lisbon/visits/{rows[0].id}")
    assert "Another room at the same time" in story.text


def test_a_visit_of_the_list_gets_another_room_at_its_time(
    office: PortalClient, clinic: Clinic, cast: Cast, db: Session
) -> None:
    row = make_appointment(db, clinic, cast.patient_person)
    db.execute(delete(WeeklyHours).where(WeeklyHours.practitioner_id == clinic.rui.id))
    db.execute(
        update(WeeklyHours).where(WeeklyHours.practitioner_id == clinic.ines.id).values(room_id=clinic.room_2.id)
    )
    db.commit()
    path = f"/hours/outside/{row.id}@20261126T1030/move"
    page = office.page(path)
    assert "At the same time" in page.text
    typed = {"room": str(clinic.room_2.id), "csrf_token": page.fields()["csrf_token"]}
    rival = make_appointment(db, clinic, cast.stranger_person, practitioner=clinic.rui)
    page = office.page(path, method="POST", status=409, data=typed)
    assert "Someone else has just taken" in page.text
    rival.state, rival.cancelled_at = AppointmentState.CANCELLED, THURSDAY
    db.commit()
    page = office.page(path, method="POST", data=typed)
    assert "1 visit stays at its time, in another room" in page.text
    assert "No visit is left outside the hours" in page.text


def test_absences_and_extra_hours_come_and_go(office: PortalClient, clinic: Clinic, db: Session) -> None:
    path = f"/hours/{clinic.ines.id}"
    page = send(office, f"{path}/absences/add", first_day="2026-12-24", last_day="2026-12-31", reason="holiday")
    assert "Saved: Away (Thursday 24 December – Thursday 31 December)" in page.text
    assert page.text.count("Thursday 24 December – Thursday 31 December") == 2  # In what was done, and in the list.
    page = send(office, f"{path}/absences/add", first_day="03/12/2026", starts="14", ends="15:30", reason="dentist")
    assert "Saved: Away (Thursday 3 December, 14:00–15:30)" in page.text
    page = send(
        office, f"{path}/extra/add", day="2026-12-05", starts="10:00", ends="12:00", where=room(clinic, "room_1")
    )
    assert "Saturday 5 December, 10:00–12:00" in page.text
    for table, what in ((Absence, "absences"), (ExtraHours, "extra")):
        for row_id_ in list(db.scalars(select(table.id))):
            page = send(office, f"{path}/{what}/{row_id_}/remove", page)
        assert not list(db.scalars(select(table)))


def test_a_time_that_is_over_is_refused(office: PortalClient, clinic: Clinic) -> None:
    page = send(office, f"/hours/{clinic.ines.id}/absences/add", status=422, first_day="2026-11-20", reason="ill")
    assert page.text.count("This time is over") == 2


def test_holidays_closed_days_and_their_visits(office: PortalClient, clinic: Clinic, cast: Cast, db: Session) -> None:
    path = "/admin/closed-days/lisbon"
    page = office.page("/admin/closed-days")
    assert "Restoration of Independence Day" in page.text
    page = office.page(
        f"{path}/holidays", method="POST", data={"keep": "yes", "csrf_token": page.fields()["csrf_token"]}
    )
    assert "This facility is closed on public holidays" in page.text
    token = {"csrf_token": page.fields()["csrf_token"]}
    for no_day in ("9999-12-31", "1999-12-31", "2026-11-31", ""):
        office.page(f"{path}/open", method="POST", status=404, data={"day": no_day, **token})
    page = office.page(f"{path}/open", method="POST", data={"day": "2026-12-01", **token})
    assert "Lisbon open on Tuesday 1 December" in page.text
    make_appointment(db, clinic, cast.patient_person, at=datetime(2026, 12, 1, 10, 0, tzinfo=UTC))
    page = office.page(f"{path}/close", method="POST", data={"day": "2026-12-01", **token})
    assert page.h1 == "1 booked visit is in the way"
    page = send(office, f"{path}/close", page, **{f"answer-{page.fields()['shown']}": "keep"})
    assert "1 visit stays although it is outside the hours" in page.text
    page = office.page(path, method="POST", data={"day": "2026-12-02", "reason": "building works", **token})
    assert "building works" in page.text
    closed = closed_days_of(db, FacilityId(clinic.lisbon.id), from_day=DAY, to_day=DAY + timedelta(days=7))
    assert sorted(day.day for day in closed) == [1, 2]
    page = office.page(path, method="POST", status=422, data={"day": "", "reason": "", **token})
    assert page.text.count("Enter the day") == 2
    portuguese = office.page(f"{path}?year=2027", headers={"Cookie": "clinic_language=pt_PT"})
    assert portuguese is not None


def test_in_the_middle_of_a_sentence_portuguese_writes_the_weekday_small(office: PortalClient, clinic: Clinic) -> None:
    office.set_cookie("clinic_language", "pt_PT")
    path = f"/hours/{clinic.ines.id}/absences/add"
    away = send(office, path, first_day="2026-12-24", reason="férias").text
    closing = office.page("/admin/closed-days/lisbon").fields()["csrf_token"]
    data = {"day": "2026-12-10", "reason": "obras", "csrf_token": closing}
    closed = office.page("/admin/closed-days/lisbon", method="POST", data=data).text
    for words, said in (
        ("Ausência (quinta-feira, 24 de dezembro)", away),
        ("quinta-feira, 10 de dezembro", closed),
    ):
        assert words in said.replace("\N{NO-BREAK SPACE}", " ")


def test_rules_of_a_service(office: PortalClient, clinic: Clinic, db: Session) -> None:
    page = send(
        office, "/admin/services/massage", before="5", after="10", notice="2", notice_unit="hours", horizon="30",
        cutoff="4", cutoff_unit="hours", per_day="1", series="6",
    )  # fmt: skip
    assert "Saved: the booking rules of Massage" in page.text
    assert "changed until 4 hours before" in page.text
    assert "up to 6 sessions at once" in page.text
    db.expire_all()
    row = db.get_one(Service, clinic.massage.id)
    found = (row.buffer_before_minutes, row.buffer_after_minutes, row.notice_minutes, row.horizon_days)
    assert (*found, row.change_cutoff_minutes, row.visits_per_day, row.series_max) == (5, 10, 120, 30, 240, 1, 6)
    page = send(
        office, "/admin/services/massage", status=422, before="121", notice="15", notice_unit="days", cutoff="x"
    )
    assert page.text.count("Enter a number of minutes from 0 to 120") == 2
    assert page.fields()["cutoff"] == "x"
    page = send(office, "/admin/services/massage", status=422, notice="15", notice_unit="days")
    assert page.text.count("The notice can be 14 days at most") == 2


def test_series_are_offered_when_a_service_says_so(
    office: PortalClient, clinic: Clinic, client: PortalClient, db: Session
) -> None:
    path = "/admin/services/massage"
    series = "/book/massage/series"
    for typed in ("1", "21", "ten"):
        page = send(office, path, status=422, series=typed)
        assert page.text.count("Enter a number from 2 to 20, or leave it empty") == 2
        assert page.fields()["series"] == typed
    assert office.page(path).fields()["series"] == "12"
    assert client.get(series).status_code == 200
    assert "sessions at once" not in send(office, path, series="").text
    db.expire_all()
    assert db.get_one(Service, clinic.massage.id).series_max is None
    assert client.get(series).status_code == 404


def test_a_practitioner_sees_and_changes_their_own_hours_only(cast: Cast, clinic: Clinic, db: Session) -> None:
    doctor = cast.browser(cast.doctor)
    page = doctor.page("/own/hours")
    assert page.h1 == "Hours of Inês Carvalho"
    assert "/admin" not in page.links()
    page = send(doctor, f"/hours/{clinic.ines.id}/absences/add", first_day="2026-12-24", reason="holiday")
    assert db.scalars(select(Absence.practitioner_id)).one() == clinic.ines.id
    for path in ("", "/weekly/add", "/absences/add", "/extra/add"):
        assert doctor.get(f"/hours/{clinic.rui.id}{path}").status_code == 404
    for path in ("/admin/hours", "/admin/closed-days", "/admin/services"):
        assert doctor.get(path).status_code == 403
    assert "/own/hours" in doctor.page("/").links()


def test_others_have_no_such_pages(cast: Cast, clinic: Clinic) -> None:
    for account in (cast.receptionist, cast.patient):
        browser = cast.browser(account)
        for path in ("/own/hours", f"/hours/{clinic.ines.id}", "/hours/outside", "/admin/hours"):
            assert browser.get(path).status_code == 403
