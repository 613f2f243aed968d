"""Moving a session and all later ones: all or none, one message, the old times stay until the new ones are certain."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.events import AppointmentBooked
from clinic_portal.booking.models import Appointment, AppointmentHistory
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.booking.series_messages import series_moved_facts
from clinic_portal.booking.steps.reminders import remind_of_booked
from clinic_portal.booking.use_cases.move_later_sessions import move_later_sessions
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import AppointmentId, FacilityId
from clinic_portal.core.settings import Settings
from clinic_portal.notifications.models import Message
from clinic_portal.notifications.rendering import render_email
from clinic_portal.notifications.rules import MessageState
from clinic_portal.practitioners.models import Absence
from tests.booking.factory import make_appointment
from tests.booking.series import (
    A_DAY,
    A_WEEK,
    RunningClock,
    chosen,
    late_for_the_first,
    make_series,
    selects,
    times,
    told,
)
from tests.support.cast import Cast
from tests.support.clinic import Clinic


def move(db: Session, clock: FixedClock, cast: Cast, row: Appointment, *starts: datetime) -> None:
    move_later_sessions(db, clock, appointment_id=AppointmentId(row.id), actor=cast.patient.actor(), starts=starts)


def test_all_later_ones_move_with_one_message(
    app: object, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    _, rows = make_series(db, clinic, cast.patient_person, confirmed_at=clock.now())
    before = times(db, rows)
    # Each takes the old time of the one after it: none is in the way of another.
    wanted = [row.starts_at + A_WEEK for row in rows[1:]]
    move(db, clock, cast, rows[1], *wanted)
    assert times(db, rows) == [before[0], *wanted]
    assert [row.sequence for row in rows] == [0, 1, 1, 1]
    # "I'm coming" was said of the old times.
    assert [row.confirmed_at is not None for row in rows] == [True, False, False, False]
    assert {row.state.value for row in rows} == {"booked"}
    assert told(db) == ["series_moved"] * 2
    assert db.scalars(select(AppointmentHistory.reason)).all() == ["moved"] * 3
    assert len(db.scalars(select(Appointment.id)).all()) == 4, "the claims are gone"
    # Pressed again.
    move(db, clock, cast, rows[1], *wanted)
    assert told(db) == ["series_moved"] * 2


def test_reminders_of_the_old_times_are_void(
    app: object, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    _, rows = make_series(db, clinic, cast.patient_person)
    with transaction(db):
        for row in rows:
            remind_of_booked(
                db, clock, AppointmentBooked(AppointmentId(row.id), FacilityId(row.facility_id), row.starts_at)
            )
    move(db, clock, cast, rows[1], *(row.starts_at + A_DAY for row in rows[1:]))
    for row, sequence in zip(rows, (0, 1, 1, 1), strict=True):
        theirs = select(Message).where(Message.subject_id == row.id, Message.state == MessageState.QUEUED)
        keys = {message.dedupe_key.rpartition(":")[2] for message in db.scalars(theirs)}
        assert keys == {str(sequence)}, "each is reminded of the time that it has, and of no other"


def test_the_message_counts_those_that_moved_and_says_that_the_others_stay(
    app: object, db: Session, clinic: Clinic, cast: Cast, settings: Settings
) -> None:
    series, rows = make_series(db, clinic, cast.patient_person)
    wanted = [rows[1].starts_at, rows[2].starts_at + A_DAY, rows[3].starts_at + A_DAY]
    move(db, clock := RunningClock(), cast, rows[1], *wanted)
    facts = series_moved_facts(db, clock, settings, series.id)
    assert facts is not None
    assert facts.context["starts"] == wanted[1:]
    email = render_email(settings, "series_moved", facts)
    assert email.subject.startswith("2 sessions have new times, the next on Fri 11 Dec")
    assert "2 other sessions stay as they are." in email.text
    assert email.attachments[0].content.count(b"BEGIN:VEVENT") == 2
    # What was told is not told again; a session of its own is told of by itself.
    for message in db.scalars(select(Message)):
        message.state = MessageState.DELIVERED
    db.commit()
    clock.advance(timedelta(minutes=1))
    move(db, clock, cast, rows[3], rows[3].starts_at)
    assert series_moved_facts(db, clock, settings, series.id) is None
    move(db, clock, cast, rows[3], wanted[2] - 2 * A_DAY)
    again = series_moved_facts(db, clock, settings, series.id)
    assert again is not None
    assert render_email(settings, "series_moved", again).subject.startswith("1 session has a new time: Wed 16 Dec")


def test_one_lost_time_moves_nothing(app: object, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    _, rows = make_series(db, clinic, cast.patient_person)
    before = times(db, rows)
    make_appointment(db, clinic, cast.stranger_person, at=rows[2].starts_at + A_DAY)
    with pytest.raises(Conflict) as refused:
        move(db, clock, cast, rows[0], *(row.starts_at + A_DAY for row in rows))
    assert refused.value.values["lost"] == {rows[2].starts_at + A_DAY: "appointment.slot_taken"}
    assert times(db, rows) == before
    assert told(db) == []


def test_too_late_for_one_moves_nothing_unless_it_stays(
    app: object, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    rows = late_for_the_first(db, clock, clinic, cast.patient_person)
    with pytest.raises(Conflict, match=r"appointment\.too_late_to_change"):
        move(db, clock, cast, rows[0], rows[0].starts_at + A_DAY, rows[1].starts_at + A_DAY)
    stays, moves = rows[0].starts_at, rows[1].starts_at + A_DAY
    move(db, clock, cast, rows[0], stays, moves)
    assert times(db, rows) == [stays, moves]


def test_only_the_patients_own_series_and_all_of_it(
    app: object, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    _, theirs = make_series(db, clinic, cast.stranger_person)
    with pytest.raises(NotFound):
        move(db, clock, cast, theirs[0], *(row.starts_at + A_DAY for row in theirs))
    _, rows = make_series(db, clinic, cast.patient_person, at=theirs[0].starts_at + timedelta(hours=4))
    with pytest.raises(Conflict, match=r"series\.changed"):
        move(db, clock, cast, rows[0], rows[0].starts_at + A_DAY)


def test_the_pages_propose_and_move(cast: Cast, clinic: Clinic, db: Session) -> None:
    series, rows = make_series(db, clinic, cast.patient_person)
    client = cast.browser(cast.patient)
    ask = f"/visits/{rows[1].id}/move-later"
    assert ask in client.page(f"/visits/{rows[1].id}").links()
    assert client.page(ask).h1 == "Move 3 sessions"
    path = f"/visits/{rows[1].id}/plan-later?weekday=1&at=15:00&first=2026-11-30"
    page = client.page(path)
    tuesdays = ["2026-12-01T15:00Z", "2026-12-08T15:00Z", "2026-12-15T15:00Z"]
    assert chosen(page) == tuesdays
    assert "Now: Thursday 3 December, 10:30" in page.text
    keep = [list(select)[-1].get("value", "") for select in selects(page)]
    assert keep == ["2026-12-03T10:30Z", "2026-12-10T10:30Z", "2026-12-17T10:30Z"]
    make_appointment(db, clinic, cast.stranger_person, at=rows[2].starts_at.replace(day=8, hour=15, minute=0))
    data = {"csrf_token": page.fields()["csrf_token"], "time": tuesdays}
    again = client.page(path, method="POST", data=data, status=409)
    assert "Tuesday 8 December, 15:00 has just been taken." in again.text
    kept = chosen(again)
    assert (kept[0], kept[2]) == (tuesdays[0], tuesdays[2])
    twice = client.page(path, method="POST", data=data | {"time": [keep[1], keep[1], keep[2]]}, status=409)
    assert "One of the times is no longer free" in twice.text
    assert "There is already a visit on Thursday 10 December, 10:30." in twice.text
    for said in ("2 sessions moved", "The sessions are booked as you see below"):  # Pressed twice.
        response = client.post(
            path, data=data | {"time": [tuesdays[0], keep[1], tuesdays[2]], "seen": page.fields()["seen"]}
        )
        assert response.location == f"/visits/series/{series.id}"
        assert said in client.page(f"/visits/series/{series.id}").text
    assert [f"{time:%Y-%m-%dT%H:%MZ}" for time in times(db, rows)] == [
        "2026-11-26T10:30Z", tuesdays[0], keep[1], tuesdays[2],
    ]  # fmt: skip


def test_what_was_moved_meanwhile_is_not_moved_back(cast: Cast, clinic: Clinic, db: Session, clock: FixedClock) -> None:
    _, rows = make_series(db, clinic, cast.patient_person)
    client = cast.browser(cast.patient)
    path = f"/visits/{rows[1].id}/plan-later?weekday=1&at=15:00&first=2026-11-30"
    page = client.page(path)
    keep = [f"{row.starts_at:%Y-%m-%dT%H:%MZ}" for row in rows[1:]]
    fields = {name: page.fields()[name] for name in ("csrf_token", "seen")}
    sessions = {name: [box.get("value") for box in page.all("input", name=name)] for name in ("session", "was")}
    move(db, clock, cast, rows[2], rows[2].starts_at + A_DAY, rows[3].starts_at)
    moved = times(db, rows)
    sent = fields | sessions | {"time": ["2026-12-01T15:00Z", *keep[1:]]}
    page = client.page(path, method="POST", data=sent, status=409)
    assert "These sessions have changed in the meantime" in page.text
    assert times(db, rows) == moved
    now = [f"{time:%Y-%m-%dT%H:%MZ}" for time in moved[1:]]
    assert chosen(page) == ["2026-12-01T15:00Z", *now[1:]], "what was chosen stays, and nobody's change is undone"
    for row in rows:
        row.state = AppointmentState.CANCELLED
    db.commit()
    assert client.post(path, data=sent).status_code == 409


def test_later_sessions_do_not_overtake_those_before_them(cast: Cast, clinic: Clinic, db: Session) -> None:
    _, rows = make_series(db, clinic, cast.patient_person)
    client = cast.browser(cast.patient)
    page = client.page(f"/visits/{rows[2].id}/plan-later?at=any&first=2026-11-23")
    assert min(chosen(page)) > f"{rows[1].starts_at:%Y-%m-%dT%H:%MZ}"
    # What is asked at first is the week of the session itself.
    assert client.page(f"/visits/{rows[2].id}/move-later").fields()["first"] == "2026-12-07"


def test_a_therapist_who_is_away_for_good_is_no_dead_end(cast: Cast, clinic: Clinic, db: Session) -> None:
    _, rows = make_series(db, clinic, cast.patient_person)
    away = rows[0].starts_at
    db.add(Absence(practitioner_id=clinic.ines.id, starts_at=away, ends_at=away + 60 * A_WEEK, reason="leave"))
    db.commit()
    for who, home in ((cast.patient, "/visits"), (cast.receptionist, "/desk/lisbon/visits")):
        page = cast.browser(who).page(f"{home}/{rows[0].id}/plan-later?at=any&first=2026-11-30")
        assert "Nothing is free from that day on" in page.text
        assert "move the sessions one by one" in page.text
        assert f"{home}/{rows[0].id}/move-later" in page.links()
        assert not selects(page)
    # Each by itself, with somebody else.
    (link,) = {
        link for link in cast.browser(cast.patient).page(f"/visits/{rows[0].id}").links() if link.endswith("/move")
    }
    assert "practitioner=any" in "".join(cast.browser(cast.patient).page(link).links())


def test_the_first_day_is_asked_for_within_the_calendar(
    cast: Cast, clinic: Clinic, db: Session, clock: FixedClock
) -> None:
    _, rows = make_series(db, clinic, cast.patient_person, sessions=10)
    client = cast.browser(cast.patient)
    # The week of a session that is further away than six weeks.
    ask = client.page(f"/visits/{rows[8].id}/move-later")
    assert ask.fields()["first"] == "2027-01-18"
    path = f"/visits/{rows[8].id}/plan-later?at=15:00&weekday=1&first="
    assert chosen(client.page(f"{path}2027-02-08")) == ["2027-02-09T15:00Z", "2027-02-16T15:00Z"]
    page = client.page(f"{path}2027-02-22", status=422)
    assert "The calendar is open until Sunday 21 February 2027. Choose a day until then" in page.text
    # A session of this week whose Monday is over.
    clock.advance(A_DAY)
    assert client.page(f"/visits/{rows[0].id}/move-later").fields()["first"] == "2026-11-24"


@pytest.mark.parametrize("wish", ["at=any", "at=any&first=nonsense", "at=never", ""])
def test_where_nothing_is_booked_any_more_nobody_is_asked_for_a_wish(
    cast: Cast, clinic: Clinic, db: Session, wish: str
) -> None:
    series, rows = make_series(db, clinic, cast.patient_person)
    for row in rows:
        row.state = AppointmentState.CANCELLED
    db.commit()
    answer = cast.browser(cast.patient).get(f"/visits/{rows[1].id}/plan-later?{wish}")
    assert (answer.status_code, answer.location) == (303, f"/visits/series/{series.id}")
