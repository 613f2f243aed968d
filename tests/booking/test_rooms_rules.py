"""When none of several rooms is free, as pure values: asked of every room and every start, one by one."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from clinic_portal.booking.rules import STEP, Need, Stretch, fits, free_starts, without_room

TZ = "Europe/Lisbon"
NINE = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
WORK = Stretch(NINE, NINE + timedelta(hours=4))
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
HALF_AN_HOUR = Need(timedelta(minutes=30))

minutes = st.sampled_from([0, 5, 10, 30]).map(lambda number: timedelta(minutes=number))
needs = st.builds(
    Need, st.sampled_from([15, 30, 45, 60]).map(lambda number: timedelta(minutes=number)), minutes, minutes
)
#: What is busy in one room, or in the practitioner's day: minutes that are no steps as well.
busies = st.lists(
    st.tuples(st.integers(-90, 300), st.integers(1, 120)).map(
        lambda drawn: Stretch(NINE + timedelta(minutes=drawn[0]), NINE + timedelta(minutes=drawn[0] + drawn[1]))
    ),
    max_size=6,
)
rooms_of_a_place = st.lists(busies, min_size=1, max_size=4)


def at(*spans: tuple[str, str]) -> list[Stretch]:
    """Stretches of the day from clock times."""
    day = NINE.date().isoformat()
    return [Stretch(*(datetime.fromisoformat(f"{day}T{time}+00:00") for time in span)) for span in spans]


def offered(rooms: list[list[Stretch]], own: list[Stretch], need: Need = HALF_AN_HOUR) -> list[datetime]:
    busy = sorted([*own, *without_room(rooms, need)])
    return list(free_starts(WORK, need, busy, tz=TZ, earliest=LONG_AGO))


def walls(starts: list[datetime]) -> str:
    return " ".join(f"{start:%H:%M}" for start in starts)


@given(rooms_of_a_place, needs)
def test_a_visit_touches_them_exactly_when_every_room_is_busy(rooms: list[list[Stretch]], need: Need) -> None:
    none_free = without_room(rooms, need)
    assert list(none_free) == sorted(none_free)
    for minute in range(-60, 300):
        wanted = need.busy(NINE + timedelta(minutes=minute))
        is_taken = all(any(wanted.touches(one) for one in busy) for busy in rooms)
        assert any(wanted.touches(one) for one in none_free) is is_taken, minute


@given(rooms_of_a_place, busies, needs)
def test_offered_is_what_some_room_can_take_and_nothing_is_missing(
    rooms: list[list[Stretch]], own: list[Stretch], need: Need
) -> None:
    starts = offered(rooms, own, need)
    for start in starts:
        assert any(fits(start, WORK, need, [*own, *busy], tz=TZ) for busy in rooms), start
    assert not any(need.busy(sooner).touches(need.busy(later)) for sooner, later in pairwise(starts))
    full = [*own, *(need.busy(start) for start in starts)]
    moment = WORK.start
    while moment + need.length <= WORK.end:
        # Between what is offered and what is taken there is no time for one more, in whatever room.
        assert not any(fits(moment, WORK, need, [*full, *busy], tz=TZ) for busy in rooms), moment
        moment += STEP


@given(busies, busies, needs)
def test_one_room_is_the_same_as_a_room_of_ones_own(room: list[Stretch], own: list[Stretch], need: Need) -> None:
    fixed = list(free_starts(WORK, need, sorted([*own, *room]), tz=TZ, earliest=LONG_AGO))
    assert offered([room], own, need) == fixed


@given(rooms_of_a_place, busies, needs)
def test_an_empty_room_takes_all(rooms: list[list[Stretch]], own: list[Stretch], need: Need) -> None:
    assert offered([*rooms, []], own, need) == list(free_starts(WORK, need, sorted(own), tz=TZ, earliest=LONG_AGO))


def test_rooms_that_are_free_in_turn_take_no_visit_across() -> None:
    """Not the time in which all are busy: at no instant is every room taken, and yet nobody can begin at 9:45."""
    rooms = [at(("09:00", "10:00")), at(("10:00", "11:00"))]
    assert walls(offered(rooms, [])) == "09:00 09:30 10:00 10:30 11:00 11:30 12:00 12:30"
    none_free = without_room(rooms, HALF_AN_HOUR)
    assert any(HALF_AN_HOUR.busy(NINE + timedelta(minutes=45)).touches(one) for one in none_free)
    need = Need(timedelta(minutes=45), after=timedelta(minutes=15))
    rooms = [at(("09:30", "10:30")), at(("10:00", "11:00"))]
    assert walls(offered(rooms, [], need)) == "09:00 10:30 11:30"


def test_both_rooms_taken_and_the_first_to_come_free() -> None:
    rooms = [at(("09:00", "10:40")), at(("09:00", "10:10"), ("11:00", "13:00"))]
    assert walls(offered(rooms, [])) == "10:10 10:40 11:10 11:40 12:10"
