"""What is left of some hours without others, as pure values: asked of every minute."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from clinic_portal.booking.rules import Stretch, joined, without

NINE = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)


def at(minute: int) -> datetime:
    return NINE + timedelta(minutes=minute)


drawn = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 20)).map(lambda one: Stretch(at(one[0]), at(sum(one)))), max_size=6
)


@given(drawn, drawn)
def test_every_minute_of_the_one_that_is_not_in_the_other(one: list[Stretch], other: list[Stretch]) -> None:
    left = without(joined(one), joined(other))
    for minute in range(90):
        inside = [any(start <= at(minute) < end for start, end in each) for each in (one, other, left)]
        assert inside[2] is (inside[0] and not inside[1]), minute
    assert all(start < end for start, end in left)
    assert all(sooner.end <= later.start for sooner, later in pairwise(left))


@given(drawn)
def test_nothing_is_left_without_itself_and_all_without_nothing(one: list[Stretch]) -> None:
    assert list(without(joined(one), joined(one))) == []
    assert list(without(joined(one), [])) == list(joined(one))
