"""A series of which a session takes place at another facility: listed, moved and cancelled there, on its own clock."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.rules import AppointmentState, ClinicReason
from clinic_portal.booking.series_messages import series_moved_facts
from clinic_portal.booking.use_cases.cancel_sessions_by_clinic import cancel_sessions_by_clinic
from clinic_portal.booking.use_cases.move_later_sessions import move_later_sessions
from clinic_portal.booking.use_cases.move_sessions_by_clinic import move_sessions_by_clinic
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import Conflict
from clinic_portal.core.ids import AppointmentId, FacilityId
from clinic_portal.core.settings import Settings
from clinic_portal.facilities.models import FacilityStaff
from clinic_portal.notifications.rendering import render_email
from clinic_portal.practitioners.models import Absence
from tests.booking.factory import make_appointment
from tests.booking.series import A_DAY, A_WEEK, RunningClock, chosen, make_series, selects, take_elsewhere
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.page import Page, PortalClient

#: Ten in the morning on Tuesdays: an hour later in the Azores.
TUESDAYS = ["2026-12-01T10:00Z", "2026-12-08T11:00Z", "2026-12-15T10:00Z"]
WISH = "weekday=1&at=10:00&first=2026-11-30"


@pytest.fixture
def rows(app: object, db: Session, clinic: Clinic, cast: Cast) -> list[Appointment]:
    """Four Thursdays with Inês in Lisbon; the third is with Sofia in the Azores."""
    _, rows = make_series(db, clinic, cast.patient_person)
    take_elsewhere(db, clinic, rows[2])
    return rows


@pytest.fixture
def works_at_both(db: Session, clinic: Clinic, cast: Cast) -> None:
    db.add(FacilityStaff(facility_id=clinic.azores.id, account_id=cast.receptionist.id))
    db.commit()


def stands(db: Session, rows: list[Appointment]) -> list[tuple[str, object, object, object]]:
    db.expire_all()
    return [(f"{row.starts_at:%Y-%m-%dT%H:%MZ}", row.facility_id, row.practitioner_id, row.room_id) for row in rows]


def press(client: PortalClient, page: Page, path: str, *times: str, status: int = 303) -> Page:
    fields = {name: page.fields()[name] for name in ("csrf_token", "seen")}
    ids = [str(one.get("value")) for one in page.all("input", name="session")]
    data = fields | {"session": ids, "time": list(times)}
    return client.page(path, method="POST", data=data, status=status, follow_redirects=status != 303)


def test_a_patient_sees_where_each_session_is_and_moves_each_there(
    db: Session, clinic: Clinic, cast: Cast, rows: list[Appointment]
) -> None:
    client = cast.browser(cast.patient)
    listed = client.page(f"/visits/series/{rows[0].series_id}")
    assert "Thursday 10 December, 09:30" in listed.text
    assert "Session 3 of 4 · Sofia Pinto · Ponta Delgada" in listed.text
    ask = client.page(f"/visits/{rows[1].id}/move-later")
    assert "Thursday 10 December, 09:30, Ponta Delgada" in ask.text
    path = f"/visits/{rows[1].id}/plan-later?{WISH}"
    page = client.page(path)
    assert chosen(page) == TUESDAYS
    assert "Now: Thursday 10 December, 09:30" in page.text
    assert "Ponta Delgada, with Sofia Pinto" in page.text
    assert [option.text for option in selects(page)[1] if "selected" in option.attrib] == ["Tue 8 Dec, 10:00"]
    before = stands(db, rows)
    press(client, page, path, *TUESDAYS)
    assert stands(db, rows) == [
        before[0], *((time, *old[1:]) for time, old in zip(TUESDAYS, before[1:], strict=True)),
    ]  # fmt: skip
    cancel = client.page(f"/visits/{rows[1].id}/cancel-later")
    assert "Tuesday 8 December, 10:00, Ponta Delgada" in cancel.text
    # On a clock that is said, also when it was given back.
    rows[2].state = AppointmentState.CANCELLED
    db.commit()
    assert "Sofia Pinto · Ponta Delgada" in client.page(f"/visits/series/{rows[0].series_id}").text


def test_a_press_that_changes_the_order_is_understood_twice(
    db: Session, clinic: Clinic, cast: Cast, rows: list[Appointment]
) -> None:
    """The session of the page itself then comes after the one elsewhere."""
    client = cast.browser(cast.patient)
    path = f"/visits/{rows[1].id}/plan-later?{WISH}"
    page = client.page(path)
    times = ["2026-12-09T10:00Z", "2026-12-08T11:00Z", "2026-12-15T10:00Z"]
    for said in ("3 sessions moved", "The sessions are booked as you see below"):
        press(client, page, path, *times)
        assert said in client.page(f"/visits/series/{rows[0].series_id}").text
    assert [time for time, *_ in stands(db, rows)][1:] == times
    # Another one of the same form is not.
    press(client, page, path, *TUESDAYS, status=409)


def test_a_time_that_was_lost_there_is_marked_and_has_the_nearest_one_there(
    db: Session, clinic: Clinic, cast: Cast, rows: list[Appointment]
) -> None:
    client = cast.browser(cast.patient)
    path = f"/visits/{rows[1].id}/plan-later?{WISH}"
    page = client.page(path)
    taken = datetime(2026, 12, 8, 11, 0, tzinfo=UTC)
    make_appointment(
        db, clinic, cast.stranger_person, at=taken, practitioner=clinic.sofia, facility_id=clinic.azores.id,
        room_id=clinic.room_a.id,
    )  # fmt: skip
    before = stands(db, rows)
    again = press(client, page, path, *TUESDAYS, status=409)
    assert "Tuesday 8 December, 10:00 has just been taken." in again.text
    assert chosen(again) == [TUESDAYS[0], "2026-12-08T10:30Z", TUESDAYS[2]]
    assert stands(db, rows) == before


def test_a_time_that_is_chosen_twice_stays_with_the_first(
    db: Session, clinic: Clinic, cast: Cast, rows: list[Appointment]
) -> None:
    client = cast.browser(cast.patient)
    path = f"/visits/{rows[1].id}/plan-later?{WISH}"
    again = press(client, client.page(path), path, TUESDAYS[0], "2026-12-01T10:00Z", TUESDAYS[2], status=409)
    assert (chosen(again)[0], chosen(again)[2]) == (TUESDAYS[0], TUESDAYS[2])
    assert chosen(again)[1] == "2026-11-30T10:00Z"
    assert again.text.count("There is already a visit on Tuesday 1 December, 09:00.") == 1
    assert [time for time, *_ in stands(db, rows)] == [f"{row.starts_at:%Y-%m-%dT%H:%MZ}" for row in rows]


def test_where_nothing_is_free_one_stays_and_the_others_move(
    db: Session, clinic: Clinic, cast: Cast, rows: list[Appointment]
) -> None:
    start = rows[0].starts_at - A_DAY
    db.add(Absence(practitioner_id=clinic.sofia.id, starts_at=start, ends_at=start + 20 * A_WEEK, reason="leave"))
    db.commit()
    client = cast.browser(cast.patient)
    page = client.page(f"/visits/{rows[1].id}/plan-later?{WISH}")
    assert chosen(page) == [TUESDAYS[0], f"{rows[2].starts_at:%Y-%m-%dT%H:%MZ}", "2026-12-08T10:00Z"]
    assert "For one session nothing else is free: it stays as it is." in page.text


def test_the_message_says_of_each_where_it_is(
    db: Session, clinic: Clinic, cast: Cast, settings: Settings, rows: list[Appointment]
) -> None:
    clock, starts = RunningClock(), tuple(row.starts_at + A_DAY for row in rows)
    move_later_sessions(
        db, clock, appointment_id=AppointmentId(rows[0].id), actor=cast.patient.actor(), starts=starts
    )  # fmt: skip
    facts = series_moved_facts(db, clock, settings, rows[0].series_id)
    assert facts is not None
    email = render_email(settings, "series_moved", facts)
    assert "3. Friday 11 December, 09:30, Ponta Delgada\n4. Friday 18 December, 10:30, Lisbon\n" in email.text
    assert "With: Inês Carvalho, Sofia Pinto" in email.text
    for body in (email.text, email.html or ""):
        for words in ("Where", "Second floor", "Room"):  # Of one of the places.
            assert words not in body
        assert "Friday 11 December, 09:30" in body


def test_sessions_on_one_day_at_two_places_are_not_moved_onto_each_other(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, rows: list[Appointment]
) -> None:
    at = datetime(2026, 12, 8, 11, 0, tzinfo=UTC)
    starts = (at, at + timedelta(minutes=15), rows[3].starts_at)
    with pytest.raises(Conflict) as refused:
        move_later_sessions(
            db, clock, appointment_id=AppointmentId(rows[1].id), actor=cast.patient.actor(), starts=starts
        )  # fmt: skip
    assert refused.value.values["lost"] == {starts[1]: "appointment.patient_overlap"}


def test_the_series_own_therapist_moves_a_session_that_a_colleague_covers(
    app: object, db: Session, clinic: Clinic, cast: Cast
) -> None:
    _, rows = make_series(db, clinic, cast.patient_person)
    rows[1].practitioner_id, rows[1].room_id = clinic.rui.id, clinic.room_2.id
    db.commit()
    client = cast.browser(cast.patient)
    path = f"/visits/{rows[1].id}/plan-later?{WISH}"
    page = client.page(path)
    assert "Massage with Inês Carvalho, Lisbon" in page.text
    assert page.text.count("Now: Thursday 3 December, 10:30 · Dr. Rui Meireles") == 1
    press(client, page, path, *chosen(page))
    assert {who for _, _, who, _ in stands(db, rows)} == {clinic.ines.id}


def test_staff_of_one_facility_move_their_own_and_read_who_changes_the_other(
    db: Session, clinic: Clinic, cast: Cast, rows: list[Appointment]
) -> None:
    desk, home = cast.browser(cast.receptionist), f"/desk/lisbon/visits/{rows[1].id}"
    visit = desk.page(home)
    assert "Thursday 10 December, 09:30" in visit.text
    assert "Sofia Pinto · Ponta Delgada" in visit.text
    assert "The front desk there changes it ( +351 296 000 001 )." in visit.text
    assert not [link for link in visit.links() if str(rows[2].id) in link]
    for page in ("move-later", "cancel"):
        assert "Thursday 10 December, 09:30, Ponta Delgada" in desk.page(f"{home}/{page}").text
    assert desk.page(f"{home}/move-later").h1 == "Move 2 sessions"
    path = f"{home}/plan-later?{WISH}"
    page = desk.page(path)
    assert chosen(page) == [TUESDAYS[0], "2026-12-08T10:00Z"]
    assert "Stays as it is: the front desk there changes it ( +351 296 000 001 )." in page.text
    before = stands(db, rows)
    assert "2 sessions moved" in press(desk, page, path, *chosen(page), status=200).text
    assert stands(db, rows)[2] == before[2]


def test_staff_of_both_move_and_cancel_them_where_they_are(
    db: Session, clinic: Clinic, cast: Cast, rows: list[Appointment], works_at_both: None
) -> None:
    desk, home = cast.browser(cast.receptionist), f"/desk/lisbon/visits/{rows[1].id}"
    visit = desk.page(home)
    assert f"/desk/ponta-delgada/visits/{rows[2].id}" in visit.links()
    assert "The front desk there" not in visit.text
    path = f"{home}/plan-later?{WISH}"
    page = desk.page(path)
    assert chosen(page) == TUESDAYS
    press(desk, page, path, *TUESDAYS)
    assert [time for time, *_ in stands(db, rows)][1:] == TUESDAYS
    assert rows[2].facility_id == clinic.azores.id
    assert "Tuesday 8 December, 10:00 (Ponta Delgada)" in desk.page(f"{home}/cancel").text


@pytest.mark.parametrize("is_at_both", [False, True])
def test_what_staff_do_goes_as_far_as_they_work(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, rows: list[Appointment], is_at_both: bool
) -> None:
    actor, lisbon = (cast.administrator if is_at_both else cast.receptionist).actor(), FacilityId(clinic.lisbon.id)
    ours = [row for row in rows[1:] if is_at_both or row is not rows[2]]
    starts = tuple(row.starts_at + A_DAY for row in ours)
    moved = move_sessions_by_clinic(
        db, clock, appointment_id=AppointmentId(rows[1].id), facility_id=lisbon, actor=actor, starts=starts
    )  # fmt: skip
    assert moved == [row.id for row in ours]
    cancelled = cancel_sessions_by_clinic(
        db, clock, appointment_id=AppointmentId(rows[1].id), facility_id=lisbon, actor=actor, reason=ClinicReason.OTHER
    )  # fmt: skip
    assert cancelled == [row.id for row in ours]
    left = set(db.scalars(select(Appointment.id).where(Appointment.state == "booked")))
    assert left == {rows[0].id} | ({rows[2].id} - {row.id for row in ours})
