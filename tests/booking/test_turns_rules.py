"""Whose turn it is when several have equally many visits."""

from collections import Counter
from datetime import date, timedelta
from itertools import pairwise
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from clinic_portal.booking.rules import turns_of

people = st.sets(st.uuids(), min_size=1, max_size=12)
days = st.dates(date(2026, 1, 1), date(2028, 12, 31))


def firsts(of: set[UUID], start: date, count: int, *, step: int = 1) -> list[UUID]:
    """Who is first on so many days."""
    turns = [turns_of(of, start + timedelta(days=step * number)) for number in range(count)]
    return [next(who for who, turn in one.items() if turn == 0) for one in turns]


@given(people, days)
def test_everybody_has_a_turn(of: set[UUID], day: date) -> None:
    assert sorted(turns_of(of, day).values()) == list(range(len(of)))
    assert turns_of(sorted(of, reverse=True), day) == turns_of(of, day)


@given(people.filter(lambda of: len(of) > 1), days)
def test_nobody_is_first_on_two_working_days_one_after_the_other(of: set[UUID], day: date) -> None:
    monday = day - timedelta(days=day.weekday())
    assert all(one != after for one, after in pairwise(firsts(of, monday, 5)))


@given(people, days)
def test_on_each_day_of_the_week_all_are_first_equally_often(of: set[UUID], day: date) -> None:
    """So it is even whichever days are worked."""
    assert set(Counter(firsts(of, day, 2 * len(of), step=7)).values()) == {2}
    assert set(Counter(firsts(of, day, 7 * len(of))).values()) == {7}
