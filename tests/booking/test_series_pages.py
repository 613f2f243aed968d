"""The pages of a series without JavaScript: wish, plan, check, booked; what was lost is marked and nothing chosen is."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment, AppointmentHistory, Series
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.core.clock import FixedClock
from clinic_portal.practitioners.models import Absence
from tests.booking.factory import THURSDAY, make_appointment, set_rules
from tests.booking.series import A_WEEK, THURSDAYS, chosen, days, make_series, selects
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.page import Page, PortalClient

WISH = "/book/massage/series"


def plan(client: PortalClient, clinic: Clinic, query: str = THURSDAYS, *, status: int = 200, who: str = "") -> Page:
    return client.page(f"{WISH}/plan?{query}&practitioner={who or clinic.ines.id}", status=status)


def check_path(page: Page, *, times: list[str] | None = None) -> str:
    """The address to which a browser sends the plan's form."""
    form = next(form for form in page.all("form") if form.get("action") == f"{WISH}/check")
    hidden = [(one.get("name", ""), one.get("value", "")) for one in form.iter("input")]
    pairs = [*hidden, *(("time", time) for time in times or chosen(page))]
    return f"{WISH}/check?" + "&".join(f"{name}={value}" for name, value in pairs)


def send(client: PortalClient, path: str, *, status: int = 303, **form: str) -> Page:
    token = str(client.page("/privacy").one("meta", name="csrf-token").get("content"))
    return client.page(
        path, method="POST", status=status, data={"csrf_token": token, **form}, follow_redirects=status != 303
    )


def book(client: PortalClient, path: str, **form: str) -> str:
    token = str(client.page("/privacy").one("meta", name="csrf-token").get("content"))
    response = client.post(path, data={"csrf_token": token, **form})
    assert response.status_code == 303, response.get_data(as_text=True)[:2000]
    return str(response.location)


def test_from_the_times_to_four_booked_sessions(cast: Cast, clinic: Clinic, db: Session) -> None:
    client = cast.browser(cast.patient)
    times = client.page(f"/book/massage/times?practitioner={clinic.ines.id}&facility=lisbon")
    (link,) = [link for link in times.links() if link.startswith(WISH)]
    wish = client.page(link)
    assert wish.h1 == "Book several sessions"
    fields = wish.fields()
    assert (fields["count"], fields["per_week"], fields["practitioner"]) == ("10", "1", str(clinic.ines.id))
    page = plan(client, clinic)
    assert chosen(page) == days(0, 1, 2, 3)
    assert "Thursday, 10:30" in page.text
    check = client.page(check_path(page))
    assert check.h1 == "Check your answers"
    assert "€120.00" in check.text
    where = book(client, check_path(page))
    booked = client.page(where)
    assert booked.h1 == "Your sessions are booked"
    assert [link for link in booked.links() if link.startswith("/visits/") and "series" not in link]
    assert db.scalars(select(Appointment.starts_at).order_by(Appointment.starts_at)).all() == [
        THURSDAY + A_WEEK * week for week in range(4)
    ]
    # Back: nobody else took the times. And pressed again: the same series.
    assert client.page(check_path(page)).h1 == "Your sessions are booked"
    assert book(client, check_path(page)) == where
    assert db.scalar(select(func.count()).select_from(Series)) == 1


def test_a_session_that_is_left_out_is_not_booked(cast: Cast, clinic: Clinic, db: Session) -> None:
    client = cast.browser(cast.patient)
    page = plan(client, clinic)
    book(client, check_path(page, times=["", *days(1, 2), ""]))
    assert db.scalar(select(func.count()).select_from(Appointment)) == 2
    empty = client.page(check_path(page, times=[""]), status=422)
    assert "Choose at least one session" in empty.text


def test_a_press_that_comes_too_late_for_the_wish_keeps_what_was_wished(
    cast: Cast, clinic: Clinic, clock: FixedClock
) -> None:
    client = cast.browser(cast.patient)
    path = check_path(plan(client, clinic, THURSDAYS.replace("2026-11-23", "2026-11-24")))
    without_times = path.partition("&time=")[0]
    where = urlsplit(book(client, without_times))
    assert where.path == f"{WISH}/plan"
    assert parse_qs(where.query)["weekday"] == ["3"]
    clock.advance(timedelta(days=2))
    page = send(client, path, status=422)
    assert "Choose a day that is still to come" in page.text
    assert (page.fields()["count"], page.fields()["first"]) == ("4", "2026-11-24")


def test_the_way_back_from_the_check_has_what_was_chosen(client: PortalClient, clinic: Clinic) -> None:
    times = [days(0)[0], "2026-12-03T10:00Z", "", days(3)[0]]
    check = client.page(check_path(plan(client, clinic), times=times))
    (back,) = {link for link in check.links() if "/series/plan" in link}
    again = client.page(back)
    assert chosen(again) == times
    assert "another time" not in again.text
    # What was left out can be chosen again.
    assert days(2)[0] in [option.get("value") for option in selects(again)[2]]
    assert check_path(again) == check_path(plan(client, clinic), times=times)


def test_where_a_date_is_not_free_an_alternative_is_chosen_and_marked(
    client: PortalClient, clinic: Clinic, db: Session
) -> None:
    make_appointment(
        db, clinic, None, at=THURSDAY + A_WEEK, state=AppointmentState.PROPOSED, held_until=THURSDAY, booked_at=None
    )
    week = THURSDAY + 2 * A_WEEK - timedelta(days=3, hours=10)
    db.add(Absence(practitioner_id=clinic.ines.id, starts_at=week, ends_at=week + timedelta(days=6), reason="leave"))
    db.commit()
    page = plan(client, clinic, THURSDAYS.replace("count=4", "count=3"))
    assert chosen(page) == [days(0)[0], "2026-12-03T10:00Z", "2026-12-17T10:30Z"]
    assert "Thursday 3 December, 10:30 is not free." in page.text
    assert "Nothing is free in the week of Monday 7 December." in page.text
    assert len(list(selects(page)[1])) == 1 + 3 + 1
    # In the middle of a sentence Portuguese writes the weekday with a small letter.
    client.set_cookie("clinic_language", "pt_PT")
    words = plan(client, clinic, THURSDAYS.replace("count=4", "count=3")).text.replace("\N{NO-BREAK SPACE}", " ")
    assert "O horário de quinta-feira, 3 de dezembro, 10:30 não está disponível." in words


def test_a_week_without_anything_is_said_once(client: PortalClient, clinic: Clinic, db: Session) -> None:
    week = THURSDAY + A_WEEK - timedelta(days=3, hours=10)
    db.add(Absence(practitioner_id=clinic.ines.id, starts_at=week, ends_at=week + timedelta(days=6), reason="leave"))
    db.commit()
    page = plan(
        client, clinic, THURSDAYS.replace("per_week=1", "per_week=2").replace("weekday=3", "weekday=3&weekday=1")
    )
    assert page.text.count("Nothing is free in the week of Monday 30 November.") == 1
    assert len(chosen(page)) == 4


def test_the_end_of_the_calendar_is_said(client: PortalClient, clinic: Clinic, db: Session) -> None:
    set_rules(db, clinic.massage, horizon_days=20)
    page = plan(client, clinic)
    assert chosen(page) == days(0, 1, 2)
    assert "1 session does not fit any more: the calendar is open until Sunday 13 December." in page.text


def test_the_first_day_may_be_any_of_the_calendar_and_beyond_it_the_answer_says_where_it_ends(
    client: PortalClient, clinic: Clinic
) -> None:
    wish = client.page(WISH)
    (box,) = wish.all("input", name="first")
    assert (box.get("min"), box.get("max"), box.get("value")) == ("2026-11-23", "2027-02-21", "")
    assert "The calendar is open until Sunday 21 February 2027." in wish.text
    late = THURSDAYS.replace("2026-11-23", "2027-02-10")
    assert chosen(plan(client, clinic, late)) == ["2027-02-11T10:30Z", "2027-02-18T10:30Z"]
    for beyond in ("2027-02-22", "22.02.2027", "2100-12-31"):
        page = plan(client, clinic, THURSDAYS.replace("2026-11-23", beyond), status=422)
        assert "The calendar is open until Sunday 21 February 2027. Choose a day until then" in page.text
        assert page.fields()["first"] == beyond
    for mistyped in ("9999-12-31", "0026-12-01", "1/12/26"):
        page = plan(client, clinic, THURSDAYS.replace("2026-11-23", mistyped), status=422)
        assert page.text.count("Check the year of this day") == 2
        assert page.fields()["first"] == mistyped
    assert "Choose a day that is still to come" in plan(
        client, clinic, THURSDAYS.replace("2026-11-23", "2026-11-22"), status=422
    ).text  # fmt: skip


def test_as_soon_as_possible_is_good_tomorrow_too(client: PortalClient, clinic: Clinic, clock: FixedClock) -> None:
    path = check_path(plan(client, clinic, THURSDAYS.replace("2026-11-23", "")))
    assert parse_qs(urlsplit(path).query, keep_blank_values=True)["first"] == [""]
    clock.advance(timedelta(days=1))
    assert client.page(path).h1 == "Check your answers"


def test_without_preference_one_therapist_is_proposed(cast: Cast, clinic: Clinic, db: Session) -> None:
    db.add(
        Absence(
            practitioner_id=clinic.ines.id, starts_at=THURSDAY, ends_at=THURSDAY + timedelta(hours=1), reason="leave"
        )
    )
    db.commit()
    client = cast.browser(cast.patient)
    page = plan(client, clinic, who="any")
    assert "Dr. Rui Meireles can do the whole plan soonest." in page.text
    book(client, check_path(page))
    assert set(db.scalars(select(Appointment.practitioner_id))) == {clinic.rui.id}


def test_nothing_free_at_all_is_no_dead_end(client: PortalClient, clinic: Clinic, db: Session) -> None:
    db.add(
        Absence(
            practitioner_id=clinic.ines.id, starts_at=THURSDAY - A_WEEK, ends_at=THURSDAY + 20 * A_WEEK, reason="leave"
        )
    )
    db.commit()
    page = plan(client, clinic)
    assert "Nothing is free from that day on" in page.text
    assert any(link.startswith(f"{WISH}?") for link in page.links())


def test_a_time_that_was_lost_is_marked_and_all_others_are_kept(cast: Cast, clinic: Clinic, db: Session) -> None:
    client = cast.browser(cast.patient)
    page = plan(client, clinic)
    others = [days(0)[0], "2026-12-03T15:30Z", *days(2, 3)]
    path = check_path(page, times=others)
    client.page(path)
    make_appointment(db, clinic, cast.stranger_person, at=THURSDAY + 2 * A_WEEK)
    for again in (send(client, path, status=409), client.page(path, status=409)):
        assert again.h1 == "Your plan"
        assert "One of the times is no longer free" in again.text
        assert "Thursday 10 December, 10:30 has just been taken." in again.text
        assert chosen(again) == [others[0], others[1], "2026-12-10T10:00Z", others[3]]
    assert db.scalar(select(func.count()).where(Appointment.series_id.is_not(None))) == 0
    book(client, check_path(again))
    assert db.scalar(select(func.count()).where(Appointment.series_id.is_not(None))) == 4


def test_a_visitor_signs_in_between_and_loses_nothing(app: object, cast: Cast, clinic: Clinic) -> None:
    visitor = cast.browser(None)
    path = check_path(plan(visitor, clinic))
    page = visitor.page(path)
    (sign_in,) = [link for link in page.links() if link.startswith("/sign-in") and "series" in link]
    (target,) = parse_qs(urlsplit(sign_in).query)["next"]
    assert parse_qs(urlsplit(target).query)["time"] == days(0, 1, 2, 3)
    # Booking without signing in leads to signing in, not to a booking.
    sent_to = book(visitor, path)
    assert sent_to.startswith("/sign-in")
    signed_in = cast.browser(cast.patient)
    assert book(signed_in, target).endswith("/booked")


def test_who_books_for_several_says_for_whom(cast: Cast, clinic: Clinic, db: Session) -> None:
    client = cast.browser(cast.guardian)
    path = check_path(plan(client, clinic))
    assert "Who are the sessions for?" in client.page(path).text
    assert "Choose whom the sessions are for." in send(client, path, status=422).text
    book(client, path, patient=str(cast.child.id))
    assert set(db.scalars(select(Appointment.patient_id))) == {cast.child.id}


def test_two_a_week_need_two_days(client: PortalClient, clinic: Clinic) -> None:
    page = plan(client, clinic, THURSDAYS.replace("per_week=1", "per_week=2"), status=422)
    assert page.title.startswith("Error: ")
    assert page.text.count("Choose at least two days for two sessions a week") == 2
    assert [box.get("value") for box in page.all("input", type="checkbox", checked="")] == ["3"]


def test_a_practitioner_and_a_place_that_do_not_fit_are_refused(client: PortalClient, clinic: Clinic) -> None:
    page = plan(client, clinic, THURSDAYS.replace("lisbon", "ponta-delgada"), status=422)
    assert "Inês Carvalho does not work there" in page.text


def test_services_without_series_have_no_such_page(client: PortalClient, clinic: Clinic) -> None:
    assert client.get("/book/evaluation/series").status_code == 404
    times = client.page(f"/book/evaluation/times?practitioner={clinic.ines.id}&facility=lisbon")
    assert not [link for link in times.links() if "series" in link]


@pytest.mark.parametrize(
    "query",
    [
        "count=x", "count=99&per_week=1", "count=4&per_week=3&facility=lisbon", "count=4&per_week=1&weekday=9&facility=lisbon",
        "count=4&per_week=1&at=25:61&facility=lisbon&first=2026-11-23", "count=4&per_week=1&at=any&facility=lisbon&first=x",
        "count=4&per_week=1&at=any&facility=atlantis&first=2026-11-23", "time=%00&time=x",
    ],
)  # fmt: skip
def test_hostile_wishes_are_asked_again(client: PortalClient, clinic: Clinic, query: str) -> None:
    for page in ("plan", "check"):
        assert client.get(f"{WISH}/{page}?{query}").status_code == 422 or query.startswith("time=")


def test_a_visit_says_which_session_it_is(cast: Cast, clinic: Clinic, db: Session) -> None:
    series, rows = make_series(db, clinic, cast.patient_person)
    client = cast.browser(cast.patient)
    assert "Session 3 of 4" in client.page(f"/visits/{rows[2].id}").text
    assert "Session 1 of 4" in client.page("/visits").text
    page = client.page(f"/visits/series/{series.id}")
    assert [link for link in page.links() if link == f"/visits/{rows[0].id}"]
    assert cast.browser(cast.stranger).get(f"/visits/series/{series.id}").status_code == 404
    calendar = client.get(f"/visits/series/{series.id}/calendar.ics").get_data(as_text=True)
    assert calendar.count("BEGIN:VEVENT") == 4


def test_a_series_is_with_its_therapist_although_one_session_was_moved_to_a_colleague(
    cast: Cast, clinic: Clinic, db: Session
) -> None:
    series, rows = make_series(db, clinic, cast.patient_person)
    rows[0].practitioner_id, rows[0].room_id = clinic.rui.id, clinic.room_2.id
    db.commit()
    client = cast.browser(cast.patient)
    page = client.page(f"/visits/series/{series.id}")
    assert "Massage with Inês Carvalho, Lisbon" in page.text
    assert page.text.count("Session 1 of 4 · Dr. Rui Meireles") == 1
    assert page.text.count("Inês Carvalho") == 1
    rows[2].practitioner_id, rows[2].room_id = clinic.rui.id, clinic.room_2.id
    db.commit()
    plan_later = client.page(f"/visits/{rows[1].id}/plan-later?at=any&first=2026-11-30").text
    assert plan_later.count("Now: Thursday 10 December, 10:30 · Dr. Rui Meireles") == 1


def test_this_and_all_later_ones_are_cancelled(cast: Cast, clinic: Clinic, db: Session, clock: FixedClock) -> None:
    series, rows = make_series(db, clinic, cast.patient_person)
    client = cast.browser(cast.patient)
    path = f"/visits/{rows[1].id}/cancel-later"
    assert path in client.page(f"/visits/{rows[1].id}").links()
    page = client.page(path)
    assert page.h1 == "Cancel these 3 sessions?"
    assert send(client, path, status=422, reason="clinic.closed").title.startswith("Error: ")
    assert book(client, path) == f"/visits/series/{series.id}"
    assert "3 sessions cancelled" in client.page(f"/visits/series/{series.id}").text
    assert "3 sessions cancelled" not in client.page(f"/visits/series/{series.id}").text
    db.expire_all()
    assert [row.state.value for row in rows] == ["booked", "cancelled", "cancelled", "cancelled"]
    assert db.scalars(select(AppointmentHistory.reason)).all() == ["patient.not_said"] * 3
    assert "Session 1 of 1" in client.page(f"/visits/series/{series.id}").text
    assert client.get(path).status_code == 303
