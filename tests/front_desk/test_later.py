"""Staff move a session and all later ones at the desk, without JavaScript."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.core.clock import FixedClock
from tests.booking.factory import make_appointment, move_meanwhile, set_rules
from tests.booking.series import A_DAY, chosen, make_series, times, told
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.page import Page, PortalClient

TUESDAYS = ["2026-12-01T15:00Z", "2026-12-08T15:00Z", "2026-12-15T15:00Z"]
WISH = "weekday=1&at=15:00&first=2026-11-30"


@pytest.fixture
def rows(db: Session, clinic: Clinic, cast: Cast) -> list[Appointment]:
    return make_series(db, clinic, cast.patient_person)[1]


@pytest.fixture
def home(rows: list[Appointment]) -> str:
    return f"/desk/lisbon/visits/{rows[1].id}"


@pytest.fixture
def desk(cast: Cast) -> PortalClient:
    return cast.browser(cast.receptionist)


@pytest.fixture
def too_late(db: Session, clock: FixedClock, clinic: Clinic, rows: list[Appointment]) -> None:
    """The second session lies past the cut-off, those after it do not."""
    set_rules(db, clinic.massage, change_cutoff_minutes=72 * 60)
    clock.at = rows[1].starts_at - timedelta(days=2, hours=20)


def send(desk: PortalClient, page: Page, path: str, *starts: str, status: int = 200, **form: str) -> Page:
    fields = {name: page.fields()[name] for name in ("csrf_token", "seen")}
    rows = {name: [box.get("value") for box in page.all("input", name=name)] for name in ("session", "was")}
    return desk.page(path, method="POST", status=status, data=fields | rows | {"time": list(starts)} | form)


def written(page: Page) -> str:
    """What stands in the box for the reason."""
    return (page.one("textarea", name="note").text or "").strip()


def shift(db: Session, row: Appointment, by: timedelta = A_DAY) -> str:
    """Somebody else moves a session; returns when it was, as the address says it."""
    was = f"{row.starts_at:%Y-%m-%dT%H:%MZ}"
    move_meanwhile(db, row, by)
    return was


def test_from_the_visit_to_new_times(
    db: Session, clinic: Clinic, desk: PortalClient, rows: list[Appointment], home: str
) -> None:
    visit = desk.page(home)
    assert "Session 4 of 4" in visit.text
    assert f"{home}/move-later" in visit.links()
    ask = desk.page(f"{home}/move-later")
    assert ask.h1 == "Move 3 sessions"
    assert "Marta Araújo" in ask.text
    page = desk.page(f"{home}/plan-later?{WISH}")
    assert chosen(page) == TUESDAYS
    assert "Why is the rule set aside?" not in page.text
    done = send(desk, page, f"{home}/plan-later?{WISH}", *TUESDAYS)
    assert done.response.request.path == home
    assert "3 sessions moved" in done.text
    assert "Moved to Tuesday 1 December, 15:00" in done.text
    assert "Paula Reis" in done.text
    assert [f"{time:%Y-%m-%dT%H:%MZ}" for time in times(db, rows)[1:]] == TUESDAYS
    assert told(db) == ["series_moved"] * 2
    # Pressed twice: the second press says the same, and nobody is told again.
    again = send(desk, page, f"{home}/plan-later?{WISH}", *TUESDAYS)
    assert again.response.request.path == home
    assert "The sessions are booked as you see below" in again.text
    assert told(db) == ["series_moved"] * 2


@pytest.mark.usefixtures("too_late")
def test_too_late_is_answered_with_why(db: Session, desk: PortalClient, rows: list[Appointment], home: str) -> None:
    path = f"{home}/plan-later?{WISH}"
    page = desk.page(path)
    assert "Why is the rule set aside? (optional)" in page.text
    wanted = ["2026-12-02T15:00Z", *TUESDAYS[1:]]
    again = send(desk, page, path, *wanted, status=422)
    assert "It is later than the service allows." in again.text
    assert chosen(again) == wanted
    # One that stays needs no reason.
    keep = f"{rows[1].starts_at:%Y-%m-%dT%H:%MZ}"
    send(desk, page, path, keep, *TUESDAYS[1:])
    page = desk.page(path)
    moved = send(desk, page, path, *wanted, note="She is in hospital")
    assert "She is in hospital" in moved.text
    assert [f"{time:%Y-%m-%dT%H:%MZ}" for time in times(db, rows)[1:]] == wanted


def test_with_the_rules_set_aside_a_reason_is_needed_and_what_was_chosen_is_kept(
    db: Session, clinic: Clinic, desk: PortalClient, rows: list[Appointment], home: str
) -> None:
    set_rules(db, clinic.massage, horizon_days=14)
    assert "For 2 sessions nothing else is free" in desk.page(f"{home}/plan-later?{WISH}").text
    path = f"{home}/plan-later?{WISH}&aside=y"
    page = desk.page(path)
    assert chosen(page) == TUESDAYS
    wanted = [TUESDAYS[0], "2026-12-09T15:00Z", TUESDAYS[2]]
    for note in ("", "x" * 301):
        again = send(desk, page, path, *wanted, status=422, note=note)
        assert chosen(again) == wanted
        assert written(again) == note
    before = times(db, rows)
    send(desk, page, path, *wanted, note="Agreed with Inês")
    assert times(db, rows) != before
    assert told(db) == ["series_moved"] * 2


def test_what_is_lost_is_marked_and_the_reason_is_kept(
    db: Session, clinic: Clinic, cast: Cast, desk: PortalClient, rows: list[Appointment], home: str
) -> None:
    path = f"{home}/plan-later?{WISH}&aside=y"
    page = desk.page(path)
    make_appointment(db, clinic, cast.stranger_person, at=rows[2].starts_at.replace(day=8, hour=15, minute=0))
    lost = send(desk, page, path, *TUESDAYS, status=409, note="Agreed with Inês")
    assert "Tuesday 8 December, 15:00 has just been taken." in lost.text
    assert (chosen(lost)[0], chosen(lost)[2]) == (TUESDAYS[0], TUESDAYS[2])
    assert written(lost) == "Agreed with Inês"
    twice = send(desk, page, path, TUESDAYS[0], TUESDAYS[0], TUESDAYS[2], status=409, note="Agreed with Inês")
    assert "One of the times is no longer free" in twice.text
    assert told(db) == []


def test_what_somebody_moved_meanwhile_is_not_moved_back(
    db: Session, desk: PortalClient, rows: list[Appointment], home: str
) -> None:
    path = f"{home}/plan-later?{WISH}"
    page = desk.page(path)
    was = shift(db, rows[2])
    wanted = [TUESDAYS[0], was, TUESDAYS[2]]  # The second stays as it is.
    changed = send(desk, page, path, *wanted, status=409)
    assert changed.h1 == "The new times"
    assert "These sessions have changed in the meantime" in "".join(changed.one("div", id="refusal").itertext())
    now = f"{rows[2].starts_at:%Y-%m-%dT%H:%MZ}"
    assert chosen(changed) == [TUESDAYS[0], now, TUESDAYS[2]], (
        "what was chosen stays; what was to stay stays as it is now"
    )
    assert told(db) == []
    done = send(desk, changed, path, *chosen(changed))
    assert "2 sessions moved" in done.text
    assert [f"{time:%Y-%m-%dT%H:%MZ}" for time in times(db, rows)[1:]] == [TUESDAYS[0], now, TUESDAYS[2]]


@pytest.mark.parametrize("note", ["Agreed with Inês", "", "x" * 301])
def test_the_reason_is_kept_when_somebody_changed_the_sessions_meanwhile(
    db: Session, desk: PortalClient, rows: list[Appointment], home: str, note: str
) -> None:
    path = f"{home}/plan-later?{WISH}&aside=y"
    page = desk.page(path)
    was = shift(db, rows[2])
    changed = send(desk, page, path, TUESDAYS[0], was, TUESDAYS[2], status=409, note=note)
    assert written(changed) == note
    assert chosen(changed)[1] != was
    rows[3].state = AppointmentState.CANCELLED
    db.commit()
    fewer = send(desk, changed, path, *chosen(changed), status=409, note=note)
    assert written(fewer) == note
    assert chosen(fewer) == chosen(changed)[:2]


@pytest.mark.usefixtures("too_late")
def test_a_reason_stays_that_is_no_longer_needed(
    db: Session, desk: PortalClient, rows: list[Appointment], home: str
) -> None:
    path = f"{home}/plan-later?{WISH}"
    page = desk.page(path)
    shift(db, rows[1], A_DAY * 2)
    wanted = ["2026-12-02T15:00Z", *TUESDAYS[1:]]
    changed = send(desk, page, path, *wanted, status=409, note="She is in hospital")
    assert written(changed) == "She is in hospital"
    assert chosen(changed) == wanted


def test_a_visit_by_itself_and_another_facilitys_have_none(
    db: Session, clinic: Clinic, cast: Cast, desk: PortalClient, rows: list[Appointment], home: str
) -> None:
    alone = make_appointment(db, clinic, cast.patient_person, at=rows[0].starts_at + timedelta(hours=4))
    far = cast.browser(cast.far_receptionist)
    for page in ("move-later", "plan-later"):
        assert desk.get(f"/desk/lisbon/visits/{alone.id}/{page}").status_code == 404
        for slug in ("lisbon", "ponta-delgada"):
            assert far.get(f"{home.replace('lisbon', slug)}/{page}").status_code == 404
    assert f"/desk/lisbon/visits/{rows[3].id}/move-later" not in desk.page(f"/desk/lisbon/visits/{rows[3].id}").links()


@pytest.mark.parametrize("aside", ["", "&aside=y"])
def test_where_nothing_is_booked_any_more_a_press_is_refused(
    db: Session, desk: PortalClient, rows: list[Appointment], home: str, aside: str
) -> None:
    path = f"{home}/plan-later?{WISH}{aside}"
    page = desk.page(path)
    for row in rows:
        row.state = AppointmentState.CANCELLED
    db.commit()
    for starts in (TUESDAYS, ()):
        refused = send(desk, page, path, *starts, status=409, note="Agreed with Inês")
        assert refused.h1 == "Marta Araújo"
        assert "These sessions have changed in the meantime" in refused.text
        assert "You had written: “Agreed with Inês”" in refused.text
    assert told(db) == []
