"""One visit at the desk: its story, cancel, move, another time, told by phone."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment, AppointmentHistory
from clinic_portal.booking.rules import AppointmentState, CancelReason
from clinic_portal.booking.use_cases.cancel_appointment import cancel_appointment
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.ids import AppointmentId
from clinic_portal.core.modes import Mode
from clinic_portal.notifications.models import Message
from clinic_portal.notifications.rules import MessageState
from tests.booking.factory import THURSDAY, make_appointment, move_meanwhile, set_rules
from tests.booking.series import make_series
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.page import PortalClient, press

LATER = "2026-11-26T15:30Z"


@pytest.fixture
def booked(db: Session, clinic: Clinic, cast: Cast) -> Appointment:
    return make_appointment(db, clinic, cast.patient_person, booked_by_account_id=cast.patient.id)


@pytest.fixture
def desk(cast: Cast) -> PortalClient:
    return cast.browser(cast.receptionist)


@pytest.fixture
def home(booked: Appointment) -> str:
    return f"/desk/lisbon/visits/{booked.id}"


def test_the_day_leads_to_the_visit_and_back(desk: PortalClient, home: str) -> None:
    day = desk.page("/desk/lisbon?day=2026-11-26")
    (link,) = [link for link in day.all("a") if link.get("href") == home]
    assert "".join(link.itertext()) == "Marta Araújo"
    page = desk.page(home)
    assert page.h1 == "Marta Araújo"
    for words in (
        "Thursday 26 November, 10:30",
        "+351 912 345 601",
        "Massage",
        "Room 1",
        "Nothing since it was booked.",
    ):
        assert words in page.text
    assert [link for link in page.all("a") if link.get("href") == "/desk/lisbon?day=2026-11-26"]


def test_cancelled_by_the_clinic(db: Session, desk: PortalClient, home: str, booked: Appointment) -> None:
    page = desk.page(f"{home}/cancel")
    blank = press(desk, page, f"{home}/cancel", status=422, note="rua <b>")
    assert "Choose a reason" in blank.text
    assert blank.fields()["note"] == "rua <b>"
    done = press(desk, page, f"{home}/cancel", reason="clinic.practitioner_away", note="ill since noon")
    assert done.response.request.path == home
    for words in ("Cancelled by the clinic: the practitioner cannot be there", "ill since noon", "Paula Reis"):
        assert words in done.text
    assert "Done Visit cancelled" in " ".join(done.text.split())
    assert not [link for link in done.all("a") if (link.get("href") or "").endswith(("/cancel", "/move"))]
    db.expire_all()
    assert db.get_one(Appointment, booked.id).state is AppointmentState.CANCELLED
    assert desk.page(f"{home}/cancel").response.request.path == home


def test_a_form_that_is_sent_twice_cancels_once(desk: PortalClient, home: str) -> None:
    page = desk.page(f"{home}/cancel")
    for _ in range(2):
        done = press(desk, page, f"{home}/cancel", reason="clinic.other", note=" ill since noon ")
        assert "Done Visit cancelled" in done.text


@pytest.mark.parametrize("who", ["patient", "colleague", "they"])
def test_who_cancels_what_was_cancelled_before_reads_so_and_loses_no_note(
    db: Session, clock: FixedClock, cast: Cast, desk: PortalClient, home: str, booked: Appointment, who: str
) -> None:
    page = desk.page(f"{home}/cancel")
    if who == "patient":
        id_ = AppointmentId(booked.id)
        cancel_appointment(db, clock, appointment_id=id_, actor=cast.patient.actor(), reason=CancelReason.UNWELL)
    else:
        first = desk if who == "they" else cast.browser(cast.administrator)
        press(first, first.page(f"{home}/cancel"), f"{home}/cancel", reason="clinic.closed", note="burst pipe")
    sent = len(db.scalars(select(Message)).all())
    clock.at += timedelta(minutes=5)
    second = press(desk, page, f"{home}/cancel", status=409, reason="clinic.other", note="rua <b>\n2nd floor")
    said = second.text[second.text.index("This visit was cancelled before") : second.text.index("2nd floor”")]
    name = {"patient": "Marta Araújo", "colleague": cast.administrator.actor().name, "they": "Paula Reis"}[who]
    why = "Cancelled by the patient: not well" if who == "patient" else "Cancelled by the clinic: it is closed then"
    for words in (why, name, "Monday 23 November, 10:12", "Nothing was changed", "You had written: “rua <b>"):
        assert words in said
    assert len(db.scalars(select(Message)).all()) == sent
    assert "2nd floor" not in desk.page(home).text


@pytest.mark.parametrize("reason", CancelReason)
def test_the_desk_reads_why_a_patient_cancelled(
    db: Session, clock: FixedClock, cast: Cast, desk: PortalClient, home: str, booked: Appointment, reason: CancelReason
) -> None:
    """They were asked, and told that the clinic sees it."""
    said = {
        CancelReason.OTHER_TIME: ": another time is needed",
        CancelReason.UNWELL: ": not well enough to come",
        CancelReason.NOT_NEEDED: ": the visit is no longer needed",
        CancelReason.CANNOT_COME: ": cannot get there",
    }
    cancel_appointment(db, clock, appointment_id=AppointmentId(booked.id), actor=cast.patient.actor(), reason=reason)
    story = desk.page(home).all("b")
    assert f"Cancelled by the patient{said.get(reason, '')}" in ["".join(line.itertext()).strip() for line in story]


def test_for_a_patient_who_asks_late_the_desk_is_asked_why(
    db: Session, clock: FixedClock, clinic: Clinic, desk: PortalClient, home: str
) -> None:
    set_rules(db, clinic.massage, change_cutoff_minutes=1440)
    clock.at = THURSDAY - timedelta(hours=2)
    page = desk.page(f"{home}/cancel")
    late = press(desk, page, f"{home}/cancel", status=422, reason="clinic.patient_asked")
    assert late.text.count("later than the service allows") >= 2
    done = press(desk, page, f"{home}/cancel", reason="clinic.patient_asked", note="fever")
    assert "Cancelled: the patient asked for it" in done.text


def test_when_nobody_can_be_written_to_the_desk_is_told_to_phone(
    db: Session, desk: PortalClient, home: str, booked: Appointment
) -> None:
    page = desk.page(f"{home}/cancel")
    told = press(desk, page, f"{home}/cancel", reason="clinic.closed")
    assert "Please phone" not in told.text
    for row in db.scalars(select(Message)):
        row.state = MessageState.FAILED
    db.commit()
    assert "Please phone" in desk.page("/desk/lisbon").text
    now = desk.page(home)
    assert "Please phone Marta Araújo now" in now.text
    assert [link for link in now.all("a") if link.get("href") == "tel:+351912345601"]
    done = press(desk, now, f"{home}/told")
    assert "Please phone" not in done.text
    assert "Please phone" not in desk.page("/desk/lisbon").text


def test_told_of_a_visit_that_is_not_cancelled_is_refused(desk: PortalClient, home: str) -> None:
    page = desk.page(f"{home}/cancel")
    assert "This visit has changed in the meantime" in press(desk, page, f"{home}/told", status=409).text


def test_moved_to_a_time_that_is_offered(db: Session, desk: PortalClient, home: str, booked: Appointment) -> None:
    page = desk.page(f"{home}/move?from=2026-11-26")
    assert page.h1 == "Choose a new time"
    check = press(desk, page, f"{home}/move?from=2026-11-26", slot=LATER)
    assert check.h1 == "Check the new time"
    done = press(desk, check, check.response.request.full_path)
    assert done.h1 == "Marta Araújo"
    assert "Moved to Thursday 26 November, 15:30" in done.text
    assert "Done Visit moved" in " ".join(done.text.split())
    db.expire_all()
    assert db.get_one(Appointment, booked.id).starts_at == THURSDAY + timedelta(hours=5)


def test_another_time_needs_a_reason_and_keeps_what_was_typed(
    db: Session, clinic: Clinic, cast: Cast, desk: PortalClient, home: str, booked: Appointment
) -> None:
    page = desk.page(f"{home}/move/anyway")
    fields = page.fields()
    assert (fields["on"], fields["practitioner"], fields["room"]) == (
        "2026-11-26", str(clinic.ines.id), str(clinic.room_1.id),
    )  # fmt: skip
    wanted = {"on": "2026-11-29", "at": "20:05", "practitioner": str(clinic.rui.id), "room": str(clinic.room_2.id)}
    blank = press(desk, page, f"{home}/move/anyway", status=422, **wanted, note=" ")
    assert "Write why" in blank.text
    assert {name: blank.fields()[name] for name in wanted} == wanted
    past = press(desk, page, f"{home}/move/anyway", status=422, **(wanted | {"on": "2026-11-20"}), note="why")
    assert "Choose a time to come" in past.text
    make_appointment(
        db, clinic, cast.stranger_person, at=THURSDAY + timedelta(days=3, hours=9, minutes=40), practitioner=clinic.rui
    )
    taken = press(desk, page, f"{home}/move/anyway", status=409, **wanted, note="agreed by phone")
    assert "Someone else has just taken this time" in taken.text
    assert taken.fields()["at"] == "20:05"
    done = press(desk, page, f"{home}/move/anyway", **(wanted | {"at": "21:00"}), note="agreed by phone")
    for words in ("Moved to Sunday 29 November, 21:00", "agreed by phone", "Dr. Rui Meireles"):
        assert words in done.text
    (line,) = db.scalars(select(AppointmentHistory))
    assert line.note == "agreed by phone"


def test_after_the_cut_off_the_desk_goes_to_the_form_with_the_reason(
    db: Session, clock: FixedClock, clinic: Clinic, desk: PortalClient, home: str
) -> None:
    set_rules(db, clinic.massage, change_cutoff_minutes=1440)
    clock.at = THURSDAY - timedelta(hours=2)
    assert desk.page(f"{home}/move").response.request.path == f"{home}/move/anyway"


def test_the_note_is_shown_when_nothing_can_be_cancelled_any_more(
    db: Session, desk: PortalClient, home: str, booked: Appointment
) -> None:
    page = desk.page(f"{home}/cancel")
    booked.state = AppointmentState.ARRIVED
    db.commit()
    refused = press(desk, page, f"{home}/cancel", status=409, reason="clinic.other", note="rua <b>\n2nd floor")
    assert refused.h1 == "Marta Araújo"
    assert "This visit can no longer be changed here" in refused.text
    assert "You had written: “rua <b>" in refused.text
    assert "2nd floor”" in refused.text


@pytest.mark.parametrize("page", ["", "/cancel", "/move", "/move/check", "/move/anyway"])
def test_another_facilitys_desk_finds_nothing(cast: Cast, booked: Appointment, page: str) -> None:
    client = cast.browser(cast.far_receptionist)
    for slug in ("lisbon", "ponta-delgada"):
        assert client.get(f"/desk/{slug}/visits/{booked.id}{page}").status_code == 404


@pytest.mark.parametrize(
    "act",
    [
        ("/cancel", {"reason": "clinic.practitioner_away", "note": "ill since noon"}),
        ("/move/anyway", {"on": "2026-11-27", "at": "13:15", "note": "asked by phone"}),
    ],
)
def test_a_visit_that_was_moved_since_it_was_looked_at_is_shown_again(
    db: Session, desk: PortalClient, home: str, booked: Appointment, act: tuple[str, dict[str, str]]
) -> None:
    """The patient moved it on the phone while the desk's page was open: the new time is not the clinic's to take away."""
    page = desk.page(f"{home}{act[0]}")
    form = {name: page.fields()[name] for name in ("practitioner", "room") if name in page.fields()} | act[1]
    move_meanwhile(db, booked)
    again = press(desk, page, f"{home}{act[0]}", status=409, **form)
    assert "This visit has changed in the meantime" in again.text
    assert (again.one("textarea", name="note").text or "").strip() == form["note"]
    assert "Thursday 3 December, 10:30" in again.text
    db.expire_all()
    assert db.get_one(Appointment, booked.id).state is AppointmentState.BOOKED
    for _ in range(2):
        assert press(desk, again, f"{home}{act[0]}", **form).response.request.path == home


def test_the_later_sessions_of_a_series_go_with_it(db: Session, clinic: Clinic, cast: Cast, desk: PortalClient) -> None:
    _, rows = make_series(db, clinic, cast.patient_person)
    home = f"/desk/lisbon/visits/{rows[1].id}"
    assert "Session 2 of 4" in desk.page(home).text
    page = desk.page(f"{home}/cancel")
    assert "2 later sessions" in page.text
    assert "Thursday 17 December, 10:30" in page.text
    again = press(desk, page, f"{home}/cancel", status=422, later="y")
    assert again.fields()["later"] == "y", "what was ticked stays"
    done = press(desk, again, f"{home}/cancel", reason="clinic.patient_asked", later="y")
    assert done.response.request.path == home
    assert "3 sessions cancelled" in done.text
    db.expire_all()
    assert [row.state.value for row in rows] == ["booked", "cancelled", "cancelled", "cancelled"]
    assert "later session" not in desk.page(f"/desk/lisbon/visits/{rows[0].id}/cancel").text


@pytest.mark.parametrize(
    ("day", "words"),
    [
        ("9999-12-31", "Check the year of this day"), ("0001-01-01", "Check the year of this day"),
        ("2100-12-31", "Choose a time to come, within the next year"),
        ("2000-01-01", "Choose a time to come, within the next year"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("at", ["00:00", "23:59"])
def test_no_day_of_the_calendar_is_too_far_for_an_answer(
    db: Session, clinic: Clinic, cast: Cast, day: str, words: str, at: str
) -> None:
    there = {"practitioner": clinic.sofia, "facility_id": clinic.azores.id, "room_id": clinic.room_a.id}
    visit = make_appointment(db, clinic, cast.patient_person, **there)
    far, path = cast.browser(cast.far_receptionist), f"/desk/ponta-delgada/visits/{visit.id}/move/anyway"
    typed = far.page(path).fields() | {"on": day, "at": at, "note": "they asked for it"}
    page = far.page(path, method="POST", status=422, data=typed)
    assert page.text.count(words) == 2


def test_the_same_time_in_another_room_or_online(
    db: Session, clinic: Clinic, booked: Appointment, desk: PortalClient, home: str
) -> None:
    form = desk.page(f"{home}/move/anyway")
    other = form.fields() | {"room": str(clinic.room_2.id), "note": "the lamp is broken"}
    done = desk.page(f"{home}/move/anyway", method="POST", data=other)
    assert "Room 2" in done.text
    assert "Done Saved" in " ".join(done.text.split())
    db.refresh(booked)
    assert (booked.room_id, booked.practitioner_id, booked.starts_at) == (clinic.room_2.id, clinic.ines.id, THURSDAY)
    # They come to the same place at the same time: nobody is told.
    assert not db.scalars(select(Message).where(Message.kind == "appointment_moved")).all()
    online = other | {"room": ""}
    moved = " ".join(desk.page(f"{home}/move/anyway", method="POST", data=online).text.split())
    assert "Lisbon, online" in moved
    assert "Done Visit moved" in moved
    assert "Another practitioner or place at the same time" in moved, "it was not moved to the time that it had"
    db.refresh(booked)
    assert (booked.room_id, booked.mode, booked.starts_at) == (None, Mode.ONLINE, THURSDAY)
    assert len(db.scalars(select(Message).where(Message.kind == "appointment_moved")).all()) == 2
    for _ in range(2):  # Pressed twice.
        desk.page(f"{home}/move/anyway", method="POST", data=online)
    assert len(db.scalars(select(Message).where(Message.kind == "appointment_moved")).all()) == 2
