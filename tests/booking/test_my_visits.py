"""My visits: what can be done with each, and the sessions of a series as one."""

import itertools
from datetime import timedelta
from uuid import UUID
from xml.etree.ElementTree import Element

import pytest
from sqlalchemy.orm import Session

from clinic_portal.booking.rules import AppointmentState
from clinic_portal.core.clock import FixedClock
from tests.booking.factory import THURSDAY, make_appointment, set_rules
from tests.booking.series import A_DAY, A_WEEK, make_series, take_elsewhere
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.page import visible_text

LATE = "It could be moved or cancelled here until Wednesday 25 November, 10:30."
BEGUN = "It is time for this visit."
ACTS = ("", "/move", "/cancel")


def words_of(part: Element) -> str:
    """What is read in a part of a page."""
    return " ".join("".join(visible_text(part)).replace("\N{NO-BREAK SPACE}", " ").split())


def links_of(part: Element) -> list[str]:
    """Where the links of a part of a page lead."""
    return [link.get("href", "") for link in part.iter("a")]


def paths(*visits: UUID) -> list[str]:
    """What somebody can do with each of these visits."""
    return [f"/visits/{visit}{act}" for visit in visits for act in ACTS]


def with_cutoff(db: Session, clinic: Clinic) -> None:
    """Massages are changed here until a day before."""
    set_rules(db, clinic.massage, change_cutoff_minutes=24 * 60)


@pytest.mark.parametrize(
    ("ahead", "may_change", "words"),
    [
        (timedelta(hours=24), True, ""),
        (timedelta(hours=23, minutes=59), False, LATE),
        (timedelta(0), False, BEGUN),
    ],
)
def test_what_can_no_longer_be_done_is_not_offered(
    db: Session, clock: FixedClock, cast: Cast, clinic: Clinic, ahead: timedelta, may_change: bool, words: str
) -> None:
    with_cutoff(db, clinic)
    row = make_appointment(db, clinic, cast.patient_person)
    clock.at = THURSDAY - ahead
    page = cast.browser(cast.patient).page("/visits")
    assert f"/visits/{row.id}" in page.links()
    for act in ("move", "cancel"):
        assert (f"/visits/{row.id}/{act}" in page.links()) == may_change
    for said in (LATE, BEGUN):
        assert (said in page.text.replace("\N{NO-BREAK SPACE}", " ")) == (said == words)
    assert ("tel:+351210000001" in page.links()) == (not may_change)


def test_the_sessions_of_a_series_are_one_card(db: Session, cast: Cast, clinic: Clinic) -> None:
    """Each can be opened, moved and cancelled by itself; what comes between them has its own card, in order of time."""
    series, rows = make_series(db, clinic, cast.guardian_person, sessions=10)
    alone = make_appointment(db, clinic, cast.child, at=THURSDAY + A_DAY)
    page = cast.browser(cast.guardian).page("/visits")
    first, second = page.all("article")
    assert [words_of(next(card.iter("h2"))) for card in (first, second)] == [
        "Thursday 26 November, 10:30", "Friday 27 November, 10:30",
    ]  # fmt: skip
    assert links_of(second) == paths(alone.id)
    assert links_of(first) == [f"/visits/series/{series.id}", *paths(*[row.id for row in rows])]
    assert words_of(first).count("Massage with Inês Carvalho") == 1
    assert "9 later sessions" in words_of(first)
    said = [" ".join("".join(link.itertext()).split()) for link in first.iter("a")]
    assert len(said) == len(set(said)) == 31


def test_few_later_sessions_are_seen_without_a_press(db: Session, cast: Cast, clinic: Clinic) -> None:
    make_series(db, clinic, cast.patient_person, sessions=4)
    make_series(db, clinic, cast.patient_person, sessions=5, at=THURSDAY + timedelta(hours=2))
    few, many = (next(card.iter("details")) for card in cast.browser(cast.patient).page("/visits").all("article"))
    assert "open" in few.keys()  # noqa: SIM118 - of an element these are its attributes
    assert "open" not in many.keys()  # noqa: SIM118 - as above


def test_a_later_session_that_is_not_booked_says_what_it_is(db: Session, cast: Cast, clinic: Clinic) -> None:
    _, rows = make_series(db, clinic, cast.patient_person, sessions=4)
    rows[2].state = AppointmentState.PENDING
    db.commit()
    (card,) = cast.browser(cast.patient).page("/visits").all("article")
    assert ["Waiting for payment" in words_of(line) for line in card.iter("li")] == [False, True, False]


def test_a_later_session_says_what_is_not_as_of_the_next_one(db: Session, cast: Cast, clinic: Clinic) -> None:
    _, rows = make_series(db, clinic, cast.patient_person)
    take_elsewhere(db, clinic, rows[1])
    rows[2].practitioner_id, rows[2].room_id = clinic.rui.id, clinic.room_2.id
    db.commit()
    (card,) = cast.browser(cast.patient).page("/visits").all("article")
    lines = [words_of(line) for line in card.iter("li")]
    assert lines[0].startswith("Thursday 3 December, 09:30, Ponta Delgada · Sofia")
    assert lines[1].startswith("Thursday 10 December, 10:30 · Dr. Rui Meireles")
    assert lines[2].startswith("Thursday 17 December, 10:30 Move it")


def test_a_session_past_its_cut_off_says_so_beside_those_that_are_not(
    db: Session, clock: FixedClock, cast: Cast, clinic: Clinic
) -> None:
    with_cutoff(db, clinic)
    series, rows = make_series(db, clinic, cast.patient_person, sessions=2)
    sooner = make_appointment(db, clinic, cast.patient_person, at=THURSDAY - timedelta(hours=2), series_id=series.id)
    clock.at = THURSDAY - timedelta(hours=23)
    (card,) = cast.browser(cast.patient).page("/visits").all("article")
    late, open_one = card.iter("li")
    assert LATE in words_of(late)
    assert links_of(late) == [f"/visits/{rows[0].id}", "tel:+351210000001"]
    assert links_of(open_one) == paths(rows[1].id)
    assert not set(paths(sooner.id)[1:]) & set(links_of(card))


def test_what_became_of_a_series_is_one_line_for_each_state(
    db: Session, clock: FixedClock, cast: Cast, clinic: Clinic
) -> None:
    """Where the latest of them stands, so that sessions given back do not bury what else was."""
    _, rows = make_series(db, clinic, cast.patient_person, sessions=8)
    became = [AppointmentState.FULFILLED] * 3 + [AppointmentState.NOSHOW] + [AppointmentState.CANCELLED] * 4
    for row, state in zip(rows, became, strict=True):
        row.state = state
    alone = make_appointment(
        db, clinic, cast.patient_person, at=rows[0].starts_at + A_DAY, state=AppointmentState.FULFILLED
    )
    clock.at = rows[3].ends_at
    (past,) = cast.browser(cast.patient).page("/visits").all("ul", **{"class": "rows"})
    lines = list(past)
    assert [len(links_of(line)) for line in lines] == [4, 1, 3, 1]
    assert list(itertools.chain(*map(links_of, lines))) == [
        *[f"/visits/{row.id}" for row in reversed(rows)], f"/visits/{alone.id}",
    ]  # fmt: skip
    assert words_of(lines[0]).startswith(
        "Thursday 24 December – Thursday 14 January 4 sessions · Massage, Inês Carvalho Cancelled"
    )
    assert "Not attended" in words_of(lines[1])
    assert words_of(lines[2]).startswith(
        "Thursday 26 November – Thursday 10 December 3 sessions · Massage, Inês Carvalho"
    )


@pytest.mark.parametrize(
    ("state", "since_end", "is_coming"),
    [
        (AppointmentState.CHECKED_IN, timedelta(minutes=1), True),
        (AppointmentState.ARRIVED, timedelta(minutes=1), True),
        (AppointmentState.CHECKED_IN, timedelta(hours=12), False),
        (AppointmentState.BOOKED, timedelta(0), False),
        (AppointmentState.FULFILLED, timedelta(minutes=-1), False),
    ],
)
def test_a_visit_is_past_when_it_is_over(
    db: Session, clock: FixedClock, cast: Cast, clinic: Clinic, state: AppointmentState, since_end: timedelta,
    is_coming: bool,
) -> None:  # fmt: skip
    row = make_appointment(db, clinic, cast.patient_person, state=state)
    clock.at = row.ends_at + since_end
    page = cast.browser(cast.patient).page("/visits")
    assert ("Past and cancelled" in page.text) is not is_coming
    assert f"/visits/{row.id}" in page.links()


def test_sessions_that_are_one_line_count_as_one_and_older_visits_are_a_press_away(
    db: Session, clock: FixedClock, cast: Cast, clinic: Clinic
) -> None:
    over = AppointmentState.FULFILLED
    _, sessions = make_series(
        db, clinic, cast.patient_person, sessions=10, at=THURSDAY - A_WEEK * 10, state=over
    )  # fmt: skip
    first = THURSDAY - A_WEEK * 12
    alone = [make_appointment(db, clinic, cast.patient_person, at=first - A_DAY * day, state=over) for day in range(50)]
    clock.at = THURSDAY
    client = cast.browser(cast.patient)
    page = client.page("/visits")
    (past,) = page.all("ul", **{"class": "rows"})
    assert [len(links_of(line)) for line in past] == [10] + [1] * 49
    assert links_of(past) == [f"/visits/{row.id}" for row in [*reversed(sessions), *alone[:-1]]]
    assert "The latest 50 are shown." in page.text
    (more,) = (link for link in page.links() if "past=" in link)
    page = client.page(more)
    (past,) = page.all("ul", **{"class": "rows"})
    assert links_of(past)[10:] == [f"/visits/{row.id}" for row in alone]
    assert [line.get("id") for line in past if line.get("id")] == [more.partition("#")[2]]
    assert "are shown." not in page.text
    assert not [link for link in page.links() if "past=" in link]


@pytest.mark.parametrize("past", ["", "0", "-1", "nonsense", "50", "99999999999999999999999"])
def test_a_number_in_the_address_that_makes_no_sense_shows_the_latest(
    db: Session, clock: FixedClock, cast: Cast, clinic: Clinic, past: str
) -> None:
    row = make_appointment(db, clinic, cast.patient_person, state=AppointmentState.FULFILLED)
    assert f"/visits/{row.id}" in cast.browser(cast.patient).page(f"/visits?past={past}").links()


def test_the_past_of_another_year_says_which(
    db: Session, clock: FixedClock, cast: Cast, clinic: Clinic
) -> None:  # fmt: skip
    over = AppointmentState.FULFILLED
    for years in (0, 1):
        make_appointment(
            db, clinic, cast.patient_person, at=THURSDAY.replace(year=2026 - years, hour=14, minute=0), state=over
        )
    make_series(db, clinic, cast.patient_person, at=THURSDAY.replace(year=2025, day=27) + A_WEEK * 3, state=over)
    clock.at = THURSDAY + A_DAY
    (past,) = cast.browser(cast.patient).page("/visits").all("ul", **{"class": "rows"})
    said = [words_of(next(line.iter("b"))) for line in past]
    assert said == [
        "Thursday 26 November, 14:00", "Thursday 18 December 2025 – Thursday 8 January",
        "Wednesday 26 November 2025, 14:00",
    ]  # fmt: skip
