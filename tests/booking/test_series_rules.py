"""Plans of series, as pure decisions: the right weeks on the wall clock, one practitioner, nothing that is not free."""

from collections import Counter
from datetime import date, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_portal.booking.rules import PartOfDay
from clinic_portal.booking.rules.series import (
    Plan,
    SeriesWish,
    Wished,
    day_of,
    minute_of,
    propose,
    propose_each,
    propose_with_one,
    replan,
    replan_each,
    wall_of,
    week_of,
    weekday_of,
)
from clinic_portal.core.clock import wall_to_utc, zone

LISBON, AZORES = "Europe/Lisbon", "Atlantic/Azores"
#: A Monday.
MONDAY = date(2026, 11, 23)
TEN = 600


def start(day: date, minute: int, tz: str = LISBON) -> datetime:
    found = wall_to_utc(day, minute, tz)
    assert found is not None
    return found


def hours(first: date, days: int, *minutes: int, tz: str = LISBON, but: set[date] | None = None) -> list[datetime]:
    """The same times on every weekday."""
    all_days = [first + timedelta(days=count) for count in range(days)]
    return [start(day, minute, tz) for day in all_days for minute in minutes if day not in (but or set())]


def wish(wanted: int = 4, per_week: int = 1, first: date = MONDAY, days: int = 90, **other: object) -> SeriesWish:
    return SeriesWish(wanted, per_week, first, first + timedelta(days=days), **other)  # type: ignore[arg-type]


def proposed(wanted: SeriesWish, starts: list[datetime], tz: str = LISBON) -> Plan:
    plan = propose(wanted, starts, tz)
    assert plan is not None
    return plan


def chosen(plan: Plan) -> list[datetime]:
    return [line.chosen for line in plan.lines if line.chosen is not None]


def test_the_same_weekday_and_time_every_week() -> None:
    plan = proposed(wish(weekdays=frozenset({3}), minute=TEN), hours(MONDAY, 90, 540, TEN, 660))
    assert chosen(plan) == [start(MONDAY + timedelta(days=3 + 7 * week), TEN) for week in range(4)]
    assert all(line.is_as_wished for line in plan.lines)
    assert (plan.missing, plan.is_relaxed) == (0, False)


def test_without_a_wish_the_earliest_day_that_is_free_every_week_is_taken() -> None:
    never_on_mondays = {MONDAY + timedelta(days=7 * week) for week in range(1, 13)}
    plan = proposed(wish(), hours(MONDAY, 90, 540, but=never_on_mondays))
    assert plan.pattern == ((1,), 540)
    assert {weekday_of(wall_of(one, LISBON)) for one in chosen(plan)} == {1}


def test_where_the_time_is_not_free_the_nearest_of_that_week_is_proposed_and_three_others() -> None:
    second = MONDAY + timedelta(days=10)
    starts = [one for one in hours(MONDAY, 90, 540, TEN, 690) if one != start(second, TEN)]
    plan = proposed(wish(weekdays=frozenset({3}), minute=TEN), starts)
    line = plan.lines[1]
    assert (line.chosen, line.is_as_wished) == (start(second, 540), False)
    assert line.others == (
        start(second - timedelta(days=1), TEN),
        start(second, 690),
        start(second + timedelta(days=1), TEN),
    )
    assert [one.is_as_wished for one in plan.lines] == [True, False, True, True]


def test_a_week_without_anything_is_said_and_the_plan_goes_on_after_it() -> None:
    away = {MONDAY + timedelta(days=7 + count) for count in range(7)}
    plan = proposed(wish(), hours(MONDAY, 90, 540, but=away))
    assert [line.chosen is None for line in plan.lines] == [False, True, False, False, False]
    assert len(chosen(plan)) == 4


def test_the_end_of_the_calendar_ends_the_plan() -> None:
    plan = proposed(wish(10, days=27), hours(MONDAY, 200, 540))
    assert len(chosen(plan)) == 4
    assert plan.missing == 6
    assert plan.lines[-1].chosen is not None


def test_two_a_week_are_apart() -> None:
    plan = proposed(wish(6, 2), hours(MONDAY, 60, 540))
    days = [day_of(wall_of(one, LISBON)) for one in chosen(plan)]
    assert len(days) == 6
    assert all(later - earlier >= 2 for earlier, later in pairwise(days))
    assert max(Counter(week_of(wall_of(one, LISBON)) for one in chosen(plan)).values()) == 2


def test_days_that_suit_come_before_days_that_do_not() -> None:
    starts = hours(MONDAY, 60, 540, 1020)
    plan = proposed(wish(weekdays=frozenset({1, 4}), part=PartOfDay.AFTER_WORK), starts)
    assert {minute_of(wall_of(one, LISBON)) for one in chosen(plan)} == {1020}
    assert {weekday_of(wall_of(one, LISBON)) for one in chosen(plan)} <= {1, 4}
    nothing_late = proposed(wish(part=PartOfDay.AFTER_WORK), hours(MONDAY, 60, 540))
    assert nothing_late.is_relaxed
    assert len(chosen(nothing_late)) == 4


def test_a_minute_that_nobody_offers_becomes_the_nearest_that_is() -> None:
    plan = proposed(wish(minute=TEN + 10), hours(MONDAY, 60, 540, TEN, 660))
    assert plan.pattern.minute == TEN


def test_nothing_free_is_no_plan() -> None:
    assert propose(wish(), [], LISBON) is None
    assert propose_with_one(wish(), {UUID(int=1): []}, {}, LISBON) is None


def test_whoever_has_a_complete_plan_soonest_and_the_fewest_visits_is_proposed() -> None:
    ines, rui, sofia = UUID(int=1), UUID(int=2), UUID(int=3)
    offered = {
        ines: hours(MONDAY, 14, 540),
        rui: hours(MONDAY + timedelta(days=7), 60, 540),
        sofia: hours(MONDAY, 60, 540),
    }
    found = propose_with_one(wish(), offered, {}, LISBON)
    assert found is not None
    assert found[0] == sofia
    equals = {ines: offered[sofia], sofia: offered[sofia]}
    for loads, who in (({ines: 3, sofia: 2}, sofia), ({ines: 1, sofia: 2}, ines)):
        found = propose_with_one(wish(), equals, loads, LISBON)
        assert found is not None
        assert found[0] == who


def test_what_was_chosen_stays_and_what_was_lost_gets_the_nearest() -> None:
    starts = {wall_of(one, LISBON): one for one in hours(MONDAY, 28, 540, TEN)}
    walls = [wall_of(start(MONDAY + timedelta(days=7 * week), TEN), LISBON) for week in range(3)]
    del starts[walls[1]]
    lines = replan(walls, starts)
    assert [line.wished for line in lines] == walls
    assert [line.is_as_wished for line in lines] == [True, False, True]
    assert lines[1].chosen == start(MONDAY + timedelta(days=7), 540)


@pytest.mark.parametrize("tz", [LISBON, AZORES])
@pytest.mark.parametrize("first", [date(2026, 10, 5), date(2027, 3, 8)])
def test_over_both_clock_changes_the_wall_clock_shows_the_same_time(first: date, tz: str) -> None:
    plan = proposed(wish(6, first=first, minute=TEN), hours(first, 60, TEN, tz=tz), tz)
    local = [one.astimezone(zone(tz)) for one in chosen(plan)]
    assert {(one.weekday(), one.hour, one.minute) for one in local} == {(0, 10, 0)}
    assert len({one.utcoffset() for one in local}) == 2
    assert all(line.is_as_wished for line in plan.lines)


def test_each_session_has_its_time_where_it_is_and_one_without_any_is_overtaken() -> None:
    """Four sessions, the second of them elsewhere, where nobody works in the first three weeks."""
    here = {wall_of(one, LISBON): one for one in hours(MONDAY, 60, 540, TEN)}
    there = {wall_of(one, AZORES): one for one in hours(MONDAY + timedelta(days=21), 60, 540, TEN, tz=AZORES)}
    places = ["here", "there", "here", "here"]
    plan = propose_each(wish(minute=TEN), {"here": here, "there": there}, places)
    assert plan is not None
    found = {line.session: line.chosen for line in plan.lines}
    assert found == {
        session: start(MONDAY + timedelta(days=7 * week), TEN, tz)
        for session, week, tz in ((0, 0, LISBON), (2, 1, LISBON), (3, 2, LISBON), (1, 3, AZORES))
    }
    never = propose_each(wish(minute=TEN), {"here": here, "there": {}}, places)
    assert never is not None
    assert ({line.session for line in never.sessions}, never.missing) == ({0, 2, 3}, 1)


@pytest.mark.parametrize("places", [(LISBON, AZORES), (AZORES, LISBON), (LISBON, LISBON)])
def test_what_two_chose_is_the_first_ones_and_the_other_gets_another_day(places: tuple[str, str]) -> None:
    at = start(MONDAY, TEN + 60)
    free = {tz: {wall_of(one, tz): one for one in [at, *hours(MONDAY, 5, TEN, tz=tz)]} for tz in places}
    lines = replan_each([Wished(number, wall_of(at, tz), free[tz]) for number, tz in enumerate(places)])
    chosen_by = {line.session: line.chosen for line in lines}
    assert chosen_by[0] == at
    assert chosen_by[1] == start(MONDAY + timedelta(days=1), TEN, places[1])


@st.composite
def cases(draw: st.DrawFn) -> tuple[SeriesWish, list[datetime], str]:
    """Any wish over any free times, a month on either side of a clock change."""
    tz = draw(st.sampled_from([LISBON, AZORES]))
    around = draw(st.sampled_from([date(2026, 10, 25), date(2027, 3, 28), date(2027, 10, 31)]))
    first = around - timedelta(days=draw(st.integers(0, 40)))
    days = draw(st.integers(0, 80))
    grid = st.tuples(st.integers(-3, 90), st.integers(0, 47).map(lambda half: half * 30))
    found = (wall_to_utc(first + timedelta(days=day), minute, tz) for day, minute in draw(st.lists(grid, max_size=120)))
    starts = sorted({one for one in found if one is not None})
    per_week = draw(st.integers(1, 2))
    weekdays = draw(st.frozensets(st.integers(0, 6), max_size=7).filter(lambda some: not some or len(some) >= per_week))
    wanted = SeriesWish(
        draw(st.integers(1, 12)), per_week, first, first + timedelta(days=days), weekdays,
        draw(st.sampled_from(PartOfDay)), draw(st.none() | st.integers(0, 95).map(lambda quarter: quarter * 15)),
    )  # fmt: skip
    return wanted, starts, tz


@given(cases())
def test_every_plan_keeps_its_promises(case: tuple[SeriesWish, list[datetime], str]) -> None:
    wanted, starts, tz = case
    plan = propose(wanted, starts, tz)
    inside = [one for one in starts if wanted.first_day <= one.astimezone(zone(tz)).date() <= wanted.last_day]
    if plan is None:
        assert inside == []
        return
    times = chosen(plan)
    assert 1 <= len(times) == wanted.wanted - plan.missing <= wanted.wanted
    # Free, in order, each on a day of its own, in the weeks in which they were wished, not more than wished a week.
    assert set(times) <= set(inside)
    days = [day_of(wall_of(one, tz)) for one in times]
    assert sorted(set(days)) == days
    for line in plan.lines:
        if line.chosen is None:
            assert (
                not [one for one in inside if week_of(wall_of(one, tz)) == week_of(line.wished)] or wanted.per_week == 2
            )
            continue
        assert week_of(wall_of(line.chosen, tz)) == week_of(line.wished)
        assert line.is_as_wished == (wall_of(line.chosen, tz) == line.wished)
        if not line.is_as_wished:
            assert line.wished not in {wall_of(one, tz) for one in inside}
        others = {day_of(wall_of(one, tz)) for one in line.others}
        assert set(line.others) <= set(inside) - {line.chosen}
        assert not others & (set(days) - {day_of(wall_of(line.chosen, tz))})
        assert {week_of(wall_of(one, tz)) for one in line.others} <= {week_of(line.wished)}
    weeks = Counter(week_of(line.wished) for line in plan.lines)
    assert max(weeks.values()) <= wanted.per_week
    # Nothing that would fit is missing: the plan is short only when no week of the pattern has a free day left.
    if plan.missing:
        for week in range(week_of(wall_of(inside[0], tz)), week_of(wall_of(inside[-1], tz)) + 1):
            of_week = {day_of(wall_of(one, tz)) for one in inside if week_of(wall_of(one, tz)) == week}
            assert len([day for day in days if (day - 1) // 7 == week]) >= min(len(of_week), weeks[week])


@given(cases())
def test_a_plan_that_is_chosen_again_stays_as_it_is(case: tuple[SeriesWish, list[datetime], str]) -> None:
    wanted, starts, tz = case
    plan = propose(wanted, starts, tz)
    if plan is None:
        return
    walls = {wall_of(one, tz): one for one in starts}
    again = replan([wall_of(one, tz) for one in chosen(plan)], walls)
    assert [line.chosen for line in again] == chosen(plan)
    assert all(line.is_as_wished for line in again)
