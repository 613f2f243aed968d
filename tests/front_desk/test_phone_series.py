"""Several sessions booked by phone, without JavaScript: the patients' plan at the desk, with their rules or beside them."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment, AppointmentHistory, Series
from clinic_portal.core.audit import AuditEntry
from clinic_portal.notifications.models import Message
from tests.booking.factory import THURSDAY, make_appointment, set_rules
from tests.booking.series import A_WEEK, THURSDAYS, chosen, days
from tests.front_desk.test_phone import press
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.page import Page, PortalClient


@pytest.fixture
def desk(db: Session, clinic: Clinic, cast: Cast) -> PortalClient:
    """Paula, at a desk that knows Marta."""
    make_appointment(db, clinic, cast.patient_person, at=THURSDAY - timedelta(days=30))
    return cast.browser(cast.receptionist)


@pytest.fixture
def home(cast: Cast) -> str:
    return f"/desk/lisbon/book/{cast.patient_person.id}/massage"


def check_of(page: Page, home: str, *times: str) -> str:
    """The address to which a browser sends the plan's form."""
    form = next(form for form in page.all("form") if form.get("action") == f"{home}/series/check")
    pairs = [(one.get("name", ""), one.get("value", "")) for one in form.iter("input")]
    pairs += [("time", time) for time in times or chosen(page)]
    return f"{home}/series/check?" + "&".join(f"{name}={value}" for name, value in pairs)


def booked(db: Session) -> list[str]:
    rows = db.scalars(select(Appointment).where(Appointment.series_id.is_not(None)).order_by(Appointment.starts_at))
    return [f"{row.starts_at:%Y-%m-%dT%H:%MZ}" for row in rows]


def test_from_the_times_to_four_booked_sessions(db: Session, clinic: Clinic, desk: PortalClient, home: str) -> None:
    (link,) = [one for one in desk.page(f"{home}?practitioner={clinic.ines.id}").links() if "/series" in one]
    wish = desk.page(link)
    assert wish.h1 == "Book several sessions"
    assert "Marta Araújo" in wish.text
    assert wish.fields()["practitioner"] == str(clinic.ines.id)
    page = desk.page(f"{home}/series/plan?{THURSDAYS}&practitioner={clinic.ines.id}")
    assert chosen(page) == days(0, 1, 2, 3)
    # One is changed for what is offered beside it, one is left out.
    path = check_of(page, home, days(0)[0], "2026-12-03T10:00Z", "", days(3)[0])
    check = desk.page(path)
    for words in ("Marta Araújo", "Thursday 3 December, 10:00", "€90.00", "3 × €30.00"):
        assert words in check.text
    assert "Why is the rule set aside?" not in check.text
    for _ in range(2):
        visit = press(desk, check, path)
        assert visit.h1 == "Marta Araújo"
        assert "3 sessions booked" in visit.text
        assert "Booked by staff" in visit.text
        assert "Session 3 of 3" in visit.text
    assert booked(db) == [days(0)[0], "2026-12-03T10:00Z", days(3)[0]]
    assert db.scalars(select(Message.kind).where(Message.kind.not_like("reminder%"))).all() == ["series_booked"] * 2
    # Back: nobody else took the times.
    assert desk.page(path).response.request.path == visit.response.request.path


def test_where_a_date_is_not_free_an_alternative_is_chosen_and_marked(
    db: Session, clinic: Clinic, cast: Cast, desk: PortalClient, home: str
) -> None:
    make_appointment(db, clinic, cast.stranger_person, at=THURSDAY + A_WEEK)
    page = desk.page(f"{home}/series/plan?{THURSDAYS}&practitioner={clinic.ines.id}")
    assert chosen(page) == [days(0)[0], "2026-12-03T10:00Z", *days(2, 3)]
    assert "Thursday 3 December, 10:30 is not free." in page.text


def test_a_time_that_was_lost_is_marked_and_all_others_are_kept(
    db: Session, clinic: Clinic, cast: Cast, desk: PortalClient, home: str
) -> None:
    page = desk.page(f"{home}/series/plan?{THURSDAYS}&practitioner={clinic.ines.id}")
    path = check_of(page, home)
    check = desk.page(path)
    make_appointment(db, clinic, cast.stranger_person, at=THURSDAY + A_WEEK)
    for lost in (desk.page(path, status=409), press(desk, check, path, status=409)):
        assert "Thursday 3 December, 10:30 has just been taken." in lost.text
        assert chosen(lost) == [days(0)[0], "2026-12-03T10:00Z", *days(2, 3)]
    assert db.scalar(select(func.count()).select_from(Series)) == 0


def test_the_reason_is_kept_for_this_patient_while_another_time_is_looked_for(
    db: Session, clinic: Clinic, cast: Cast, desk: PortalClient, home: str
) -> None:
    wish = f"{THURSDAYS}&practitioner={clinic.ines.id}&aside=y"
    path = check_of(desk.page(f"{home}/series/plan?{wish}"), home)
    check = desk.page(path)
    make_appointment(db, clinic, cast.stranger_person, at=THURSDAY + A_WEEK)
    lost = press(desk, check, path, status=409, note="Her doctor asks for it")
    again = desk.page(check_of(lost, home))
    assert (again.one("textarea", name="note").text or "").strip() == "Her doctor asks for it"
    other = home.replace(str(cast.patient_person.id), str(cast.stranger_person.id))
    blank = desk.page(check_of(desk.page(f"{other}/series/plan?{wish}"), other))
    assert not (blank.one("textarea", name="note").text or "").strip()
    press(desk, again, check_of(lost, home), note="Her doctor asks for it")
    assert len(booked(db)) == 4
    blank = desk.page(check_of(desk.page(f"{home}/series/plan?{wish.replace('3&at', '4&at')}"), home))
    assert not (blank.one("textarea", name="note").text or "").strip()


def test_nothing_chosen_and_nothing_wished_are_said(desk: PortalClient, clinic: Clinic, home: str) -> None:
    empty = desk.page(f"{home}/series/check?{THURSDAYS}&practitioner={clinic.ines.id}&time=", status=422)
    assert "Choose at least one session." in empty.text
    for path in ("plan", "check"):
        assert desk.page(f"{home}/series/{path}").h1 == "Book several sessions"
    wrong = desk.page(
        f"{home}/series/plan?{THURSDAYS.replace('per_week=1', 'per_week=2')}&practitioner=any", status=422
    )
    assert "Choose at least two days" in wrong.text


def test_the_rules_are_set_aside_with_a_written_reason_only(
    db: Session, clinic: Clinic, desk: PortalClient, home: str
) -> None:
    set_rules(db, clinic.massage, series_max=2, horizon_days=20)
    wish = f"{THURSDAYS}&practitioner={clinic.ines.id}"
    refused = desk.page(f"{home}/series/plan?{wish}", status=422)
    assert "The service allows 2 sessions at once." in refused.text
    assert refused.fields()["count"] == "4"
    page = desk.page(f"{home}/series/plan?{wish}&aside=y")
    assert chosen(page) == days(0, 1, 2, 3)
    path = check_of(page, home)
    check = desk.page(path)
    for note, words in (("", "Write why"), (" ", "Write why"), ("x" * 301, "Write at most 300 characters")):
        again = press(desk, check, path, status=422, note=note)
        assert words in again.text
        assert (again.one("textarea", name="note").text or "").strip() == note.strip()
    assert not booked(db)
    visit = press(desk, check, path, note="Her doctor asks for it")
    assert "Her doctor asks for it" in visit.text
    assert booked(db) == days(0, 1, 2, 3)


def test_only_with_the_rules_set_aside_staff_plan_beyond_the_calendar(
    desk: PortalClient, clinic: Clinic, home: str
) -> None:
    wish = f"{THURSDAYS.replace('2026-11-23', '2027-03-01')}&practitioner={clinic.ines.id}"
    refused = desk.page(f"{home}/series/plan?{wish}", status=422)
    assert "open until Sunday 21 February 2027. Choose a day until then, or set the rules aside" in refused.text
    assert chosen(desk.page(f"{home}/series/plan?{wish}&aside=y"))[0] == "2027-03-04T10:30Z"
    wish = wish.replace("2027-03-01", "2027-11-24")
    refused = desk.page(f"{home}/series/plan?{wish}&aside=y", status=422)
    assert "The calendar is open until Tuesday 23 November 2027. Choose a day until then" in refused.text


def own(clinic: Clinic, day: str = "2026-12-05", at: str = "19:30", **other: str) -> str:
    """A session at a time that is not offered, as a browser sends it: on a Saturday evening."""
    return "".join(f"&{name}={value}" for name, value in {
        "own_day": day, "own_time": at, "own_room": str(clinic.room_2.id), **other
    }.items())  # fmt: skip


def test_one_session_may_be_at_a_time_that_is_not_offered(
    db: Session, clinic: Clinic, cast: Cast, desk: PortalClient, home: str
) -> None:
    wish = f"{home}/series/plan?{THURSDAYS}&practitioner={clinic.ines.id}"
    plain = desk.page(wish)
    assert not plain.all("input", name="own_day")
    (aside,) = [link for link in plain.links() if "aside=y" in link]
    page = desk.page(aside)
    path = check_of(page, home, days(0)[0], "", *days(2, 3)).replace("&own_day=&own_time=", "") + own(clinic)
    check = desk.page(path)
    assert "Saturday 5 December, 19:30 · not offered" in check.text
    assert "4 × €30.00" in check.text
    # Back: what was chosen, what was left out, and the time that is not offered are there.
    (back, *_) = [link for link in check.links() if "/series/plan?" in link]
    again = desk.page(back)
    assert (again.fields()["own_day"], again.fields()["own_time"]) == ("2026-12-05", "19:30")
    assert chosen(again) == [days(0)[0], "", *days(2, 3)]
    press(desk, check, path, status=422, note="")
    assert not booked(db)
    for _ in range(2):
        visit = press(desk, check, path, note="She agreed to stay")
        assert "4 sessions booked" in visit.text
    assert booked(db) == [days(0)[0], "2026-12-05T19:30Z", *days(2, 3)]
    rooms = db.scalars(
        select(Appointment.room_id).where(Appointment.series_id.is_not(None)).order_by(Appointment.starts_at)
    )
    assert rooms.all() == [clinic.room_1.id, clinic.room_2.id, clinic.room_1.id, clinic.room_1.id]
    entry = db.scalars(select(AuditEntry).where(AuditEntry.action == "series.booked_by_staff")).one()
    assert entry.detail == {"rules": "set_aside"}
    told = db.scalars(select(Message.kind).where(Message.kind.not_like("reminder%"))).all()
    assert told == ["series_booked"] * 2


def test_as_many_sessions_as_are_needed_may_be_at_times_that_are_not_offered(
    db: Session, clinic: Clinic, desk: PortalClient, home: str
) -> None:
    page = desk.page(f"{home}/series/plan?{THURSDAYS}&practitioner={clinic.ines.id}&aside=y")
    (more,) = page.all("button", name="more")
    # Enter in a box is the first button.
    assert page.all("button", type="submit").index(more) > 0
    asked = check_of(page, home, days(0)[0], "", "", days(3)[0]).replace("&own_day=&own_time=", "") + own(clinic)
    asked = f"{(more.get('formaction') or '').partition('#')[0]}?{asked.partition('?')[2]}"
    for number, rest in enumerate(("&more=y", own(clinic, "2026-12-12") + "&more=y"), 2):
        page = desk.page(asked + rest)
        assert len(page.all("input", name="own_day")) == number
        assert page.fields()["own_day"] == "", "the last row is for the next one"
    assert chosen(page) == [days(0)[0], "", "", days(3)[0]]
    path = asked.replace("/plan?", "/check?") + own(clinic, "2026-12-12", "20:00", own_room=str(clinic.room_1.id))
    check = desk.page(path)
    assert check.text.count("not offered") == 2
    (back, *_) = [link for link in check.links() if "/series/plan?" in link]
    assert [one.get("value") for one in desk.page(back).all("input", name="own_time")] == ["19:30", "20:00"]
    press(desk, check, path, status=422, note="")
    assert not booked(db)
    visit = press(desk, check, path, note="Both agreed")
    assert "4 sessions booked" in visit.text
    assert booked(db) == [days(0)[0], "2026-12-05T19:30Z", "2026-12-12T20:00Z", days(3)[0]]
    notes = db.scalars(select(AppointmentHistory.note).where(AppointmentHistory.note == "Both agreed")).all()
    assert len(notes) == 4


def words_of(page: Page, id_: str) -> str:
    return "".join(page.one("p", id=id_).itertext())


def test_each_of_such_times_that_cannot_be_had_says_so_itself(
    db: Session, clinic: Clinic, cast: Cast, desk: PortalClient, home: str
) -> None:
    wish = f"{home}/series/plan?{THURSDAYS}&practitioner={clinic.ines.id}&aside=y"
    path = check_of(desk.page(wish), home).replace("&own_day=&own_time=", "") + own(clinic)
    twice = desk.page(path + own(clinic), status=422)
    assert words_of(twice, "own_time-2-error").endswith("This time is written twice")
    assert "This time is written twice" in press(desk, desk.page(path), path + own(clinic), status=422, note="x").text
    half = desk.page(path + own(clinic, at=""), status=422)
    assert half.one("a", href="#own_time-2").text == "Enter the time"
    assert [one.get("value") for one in half.all("input", name="own_day")] == ["2026-12-05"] * 2
    make_appointment(db, clinic, cast.stranger_person, at=THURSDAY.replace(month=12, day=12, hour=19, minute=15))
    lost = desk.page(path + own(clinic, "2026-12-12"), status=409)
    assert not lost.all("p", id="own_time-error")
    assert "is taken at this time" in words_of(lost, "own_time-2-error")
    near = desk.page(path + own(clinic, at="19:45"), status=409)
    assert "The patient has another visit at this time." in words_of(near, "own_time-2-error")


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"at": ""}, "Enter the time"), ({"day": ""}, "Enter the day"), ({"day": "2026-11-20"}, "Choose a time to come"),
        ({"day": "2027-03-28", "at": "01:30"}, "The clock skips this time"), ({"own_room": "x"}, "Choose a room"),
    ],
)  # fmt: skip
def test_what_is_wrong_about_such_a_time_is_said_and_the_plan_is_kept(
    db: Session, clinic: Clinic, desk: PortalClient, home: str, typed: dict[str, str], words: str
) -> None:
    wish = f"{home}/series/plan?{THURSDAYS}&practitioner={clinic.ines.id}&aside=y"
    times = [days(0)[0], "2026-12-03T10:00Z", *days(2, 3)]
    path = check_of(desk.page(wish), home, *times).replace("&own_day=&own_time=", "") + own(clinic, **typed)
    check = desk.page(check_of(desk.page(wish), home, *times))
    page = desk.page(path, status=422)
    assert page.title.startswith("Error: ")
    assert words in page.text
    assert chosen(page) == times
    assert page.fields()["own_day"] == typed.get("day", "2026-12-05")
    assert press(desk, check, path, status=422, note="because").h1 == page.h1
    assert not booked(db)
    # What was written is there again where it is asked again, until it is booked.
    path = check_of(desk.page(wish), home, *times).replace("&own_day=&own_time=", "")
    check = desk.page(path)
    assert check.fields()["note"].strip() == "because"
    press(desk, check, path, note="because")
    assert len(booked(db)) == 4
    assert desk.page(check_of(desk.page(wish), home)).fields()["note"].strip() == ""


def test_a_time_that_somebody_has_is_never_given_twice(
    db: Session, clinic: Clinic, cast: Cast, desk: PortalClient, home: str
) -> None:
    wish = f"{home}/series/plan?{THURSDAYS}&practitioner={clinic.ines.id}&aside=y"
    path = check_of(desk.page(wish), home).replace("&own_day=&own_time=", "") + own(clinic)
    check = desk.page(path)
    evening = THURSDAY.replace(month=12, day=5, hour=19, minute=15)
    with_rui = make_appointment(
        db, clinic, cast.stranger_person, practitioner=clinic.rui, room_id=clinic.room_2.id, at=evening
    )  # fmt: skip
    lost = press(desk, check, path, status=409, note="because")
    assert "The therapist or the room is taken at this time." in lost.text
    assert chosen(lost) == days(0, 1, 2, 3)
    assert lost.fields()["own_time"] == "19:30"
    db.delete(db.merge(with_rui))
    db.commit()
    make_appointment(db, clinic, cast.stranger_person, at=evening)
    assert "The therapist or the room is taken at this time." in desk.page(path, status=409).text
    theirs = path.replace("own_time=19:30", "own_time=20:00")
    make_appointment(
        db, clinic, cast.patient_person, practitioner=clinic.rui, room_id=clinic.room_1.id, at=evening.replace(hour=20)
    )
    assert "The patient has another visit at this time." in desk.page(theirs, status=409).text
    assert not booked(db)


def test_a_time_that_is_not_offered_counts_only_with_the_rules_set_aside(
    db: Session, clinic: Clinic, desk: PortalClient, home: str
) -> None:
    path = check_of(desk.page(f"{home}/series/plan?{THURSDAYS}&practitioner={clinic.ines.id}"), home) + own(clinic)
    check = desk.page(path)
    assert "Saturday" not in check.text
    press(desk, check, path)
    assert booked(db) == days(0, 1, 2, 3)


def test_no_more_sessions_than_can_be_booked_at_once(
    db: Session, clinic: Clinic, desk: PortalClient, home: str
) -> None:
    wish = THURSDAYS.replace("count=4", "count=20")
    page = desk.page(f"{home}/series/plan?{wish}&practitioner={clinic.ines.id}&aside=y")
    path = check_of(page, home).replace("&own_day=&own_time=", "") + own(clinic)
    assert "as many sessions as can be booked at once" in desk.page(path, status=422).text
    # Twenty in all: no more rows are read than that, and none is offered.
    full = desk.page(path + "".join(own(clinic, f"2026-12-{day:02}") for day in range(6, 27)), status=422)
    assert len(full.all("input", name="own_day")) == 20
    assert not full.all("button", name="more")


def test_without_the_wish_to_set_rules_aside_a_reason_changes_nothing(
    db: Session, clinic: Clinic, desk: PortalClient, home: str
) -> None:
    path = check_of(desk.page(f"{home}/series/plan?{THURSDAYS}&practitioner={clinic.ines.id}"), home)
    check = desk.page(path)
    set_rules(db, clinic.massage, horizon_days=20)
    lost = press(desk, check, path, status=409, note="because")
    assert "One of the times is no longer free" in lost.text
    assert not booked(db)


def test_a_service_without_series_and_somebody_unknown_have_none(
    db: Session, clinic: Clinic, cast: Cast, desk: PortalClient, home: str
) -> None:
    assert desk.get(f"{home.replace('massage', 'evaluation')}/series").status_code == 404
    stranger = home.replace(str(cast.patient_person.id), str(cast.stranger_person.id))
    far = cast.browser(cast.far_receptionist)
    for page in ("", "/plan", "/check"):
        assert desk.get(f"{stranger}/series{page}").status_code == 404
        for slug in ("lisbon", "ponta-delgada"):
            assert far.get(f"{home.replace('lisbon', slug)}/series{page}").status_code == 404
    assert not booked(db)


def test_a_press_whose_wish_is_none_any_more_asks_for_it_again(
    db: Session, clinic: Clinic, desk: PortalClient, home: str
) -> None:
    path = check_of(desk.page(f"{home}/series/plan?{THURSDAYS}&practitioner={clinic.ines.id}"), home)
    check = desk.page(path)
    page = press(desk, check, path.replace("first=", "first=2026-11-20"), status=422)
    assert "Choose a day that is still to come" in page.text
    assert (page.fields()["count"], page.fields()["first"]) == ("4", "2026-11-20")
    assert chosen(press(desk, check, path.partition("&time=")[0])) == days(0, 1, 2, 3)
    assert not booked(db)
