"""The order of the queue, whom to call next, what wait to expect, and codes."""

import itertools
import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_portal.waiting_room import rules
from clinic_portal.waiting_room.rules import Move, Place, TicketState, Wait

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
INES, RUI = UUID(int=1), UUID(int=2)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def place(
    number: int,
    *,
    due: float = 0,
    arrived: float = -10,
    state: TicketState = TicketState.WAITING,
    practitioner: UUID = INES,
    length: int = 30,
    entered: float | None = None,
    ended: float | None = None,
) -> Place:
    """A ticket; times are minutes from NOW."""
    return Place(
        key=UUID(int=100 + number),
        state=state,
        practitioner=practitioner,
        due_at=NOW + minutes(due),
        arrived_at=NOW + minutes(arrived),
        minutes=length,
        number=number,
        entered_at=None if entered is None else NOW + minutes(entered),
        ended_at=None if ended is None else NOW + minutes(ended),
    )


@st.composite
def days(draw: st.DrawFn) -> list[Place]:
    """Any day of a facility, also ones that staff would never make."""
    places = []
    for number in range(draw(st.integers(0, 12))):
        entered = draw(st.none() | st.integers(-300, 0))
        ended = None if entered is None else draw(st.none() | st.integers(entered, 0))
        places.append(
            place(
                number,
                due=draw(st.integers(-240, 240)),
                arrived=draw(st.integers(-240, 0)),
                state=draw(st.sampled_from(TicketState)),
                practitioner=draw(st.sampled_from([INES, RUI])),
                length=draw(st.integers(5, 120)),
                entered=entered,
                ended=ended,
            )
        )
    return places


@given(days(), st.randoms(use_true_random=False))
def test_the_order_is_total_and_does_not_depend_on_how_the_rows_come(day: list[Place], shuffler: random.Random) -> None:
    order = rules.in_order(day)
    shuffled = list(day)
    shuffler.shuffle(shuffled)
    assert rules.in_order(shuffled) == order
    keys = [rules.queue_key(one) for one in order]
    assert all(first < second for first, second in itertools.pairwise(keys))
    assert {one.key for one in order} == {one.key for one in day if one.state is TicketState.WAITING}


def test_those_on_time_go_by_their_time_whoever_came_first() -> None:
    first, second = place(2, due=0, arrived=-1), place(1, due=15, arrived=-30)
    assert rules.in_order([second, first]) == [first, second]


def test_a_late_arrival_goes_by_its_arrival() -> None:
    late, on_time = place(1, due=-60, arrived=-5), place(2, due=-10, arrived=-20)
    assert rules.in_order([late, on_time]) == [on_time, late]
    within_grace = place(3, due=-9, arrived=-5)
    assert rules.queue_key(within_grace)[0] == within_grace.due_at


def test_next_for_one_practitioner_passes_over_the_others() -> None:
    day = [place(1, due=-5, practitioner=RUI), place(2, due=0)]
    assert rules.next_to_call(day, practitioner=INES) == day[1]
    assert rules.next_to_call(day, practitioner=UUID(int=9)) is None


def test_next_for_anybody_prefers_a_practitioner_who_is_free() -> None:
    busy = place(3, state=TicketState.IN_ROOM, entered=-3)
    day = [busy, place(1, due=-5), place(2, due=0, practitioner=RUI)]
    assert rules.next_to_call(day) == day[2]
    assert rules.next_to_call([busy, day[1]]) == day[1], "rather early than never"
    assert rules.next_to_call([busy]) is None


def test_the_one_who_did_not_answer_goes_two_behind() -> None:
    called = place(1, due=-10, state=TicketState.CALLED)
    day = [called, *(place(number, due=number) for number in range(2, 6)), place(7, due=2.5, practitioner=RUI)]
    due = rules.place_behind(day, called.key)
    assert due is not None
    back = place(1, due=(due - NOW) / minutes(1))
    order = [one.number for one in rules.in_order([back, *day[1:]]) if one.practitioner == INES]
    assert order == [2, 3, 1, 4, 5]


def test_the_one_who_did_not_answer_keeps_the_place_when_nobody_else_waits() -> None:
    called = place(1, state=TicketState.CALLED)
    assert rules.place_behind([called, place(2, practitioner=RUI)], called.key) is None


@given(days())
def test_who_is_put_back_is_behind_at_most_two_and_never_ahead(day: list[Place]) -> None:
    for one in day:
        if one.state is not TicketState.CALLED:
            continue
        due = rules.place_behind(day, one.key)
        if due is None:
            continue
        moved = Place(one.key, TicketState.WAITING, one.practitioner, due, one.arrived_at, one.minutes, one.number)
        before = [other for other in rules.in_order(day) if other.practitioner == one.practitioner]
        passed = [
            other
            for other in before
            if rules.queue_key(one) < rules.queue_key(other) and rules.queue_key(other) < rules.queue_key(moved)
        ]
        assert len(passed) >= 1
        assert len(passed) <= 2 or len({rules.queue_key(other)[0] for other in passed}) < len(passed)


@given(days())
def test_waits_are_ranges_of_five_minutes_and_never_negative(day: list[Place]) -> None:
    waits = rules.expected_waits(day, now=NOW)
    assert set(waits) == {one.key for one in day if one.state is TicketState.WAITING}
    for wait in waits.values():
        if wait is not None:
            assert 0 <= wait.from_minutes < wait.to_minutes
            assert wait.from_minutes % 5 == wait.to_minutes % 5 == 0


@given(days())
def test_who_is_behind_never_waits_less(day: list[Place]) -> None:
    waits = rules.expected_waits(day, now=NOW)
    for practitioner in (INES, RUI):
        lows = [
            wait.from_minutes
            for one in rules.in_order(day)
            if one.practitioner == practitioner and (wait := waits[one.key]) is not None
        ]
        assert lows == sorted(lows)


def test_the_wait_counts_who_is_in_and_who_is_ahead() -> None:
    day = [
        place(1, due=-20, state=TicketState.IN_ROOM, entered=-20),
        place(2, due=0),
        place(3, due=0),
        place(4, practitioner=RUI),
    ]
    waits = rules.expected_waits(day, now=NOW)
    assert waits[day[1].key] == Wait(5, 15)
    assert waits[day[2].key] == Wait(30, 50)
    assert waits[day[3].key] == Wait(0, 5)


def test_who_is_early_is_not_promised_to_be_seen_before_the_time() -> None:
    assert rules.expected_waits([place(1, due=40)], now=NOW)[UUID(int=101)] == Wait(30, 50)


def test_a_consultation_that_runs_over_still_takes_five_minutes() -> None:
    day = [place(1, state=TicketState.IN_ROOM, entered=-50), place(2)]
    assert rules.expected_waits(day, now=NOW)[day[1].key] == Wait(0, 10)


def test_nobody_knows_how_long_when_a_consultation_has_taken_twice_its_time() -> None:
    day = [place(1, state=TicketState.IN_ROOM, entered=-80), place(2)]
    assert rules.expected_waits(day, now=NOW)[day[1].key] is None


def test_nobody_knows_when_the_practitioner_does_not_call() -> None:
    day = [place(1, due=-45, arrived=-50), place(2, due=0)]
    assert set(rules.expected_waits(day, now=NOW).values()) == {None}


def test_three_real_durations_of_today_set_the_pace() -> None:
    done = [place(n, state=TicketState.DONE, entered=-200 + 40 * n, ended=-155 + 40 * n) for n in range(1, 4)]
    ahead, behind = place(8), place(9)
    waits = rules.expected_waits([*done, ahead, behind], now=NOW)
    assert rules.pace(done) == 1.5
    assert rules.pace(done[:2]) == 1.0, "two are too few to tell"
    assert waits[behind.key] == Wait(35, 55)
    others = [place(1, state=TicketState.DONE, practitioner=RUI, entered=-50, ended=-5)] * 3
    assert rules.expected_waits([*others, ahead, behind], now=NOW)[behind.key] == Wait(20, 40), "another's pace"


def test_the_typical_wait_is_the_one_in_the_middle() -> None:
    assert rules.typical_wait([]) is None
    assert rules.typical_wait([None, Wait(5, 10), Wait(0, 5), Wait(30, 40)]) == Wait(5, 10)


@pytest.mark.parametrize("state", TicketState)
def test_nothing_leads_out_of_done_and_everything_else_leads_on(state: TicketState) -> None:
    moves = [move for move in Move if rules.can_move(state, move)]
    assert bool(moves) == (state is not TicketState.DONE)


def test_free_codes_never_repeat_and_grow_when_they_run_out() -> None:
    two_digits = rules.free_codes([])
    assert len(two_digits) == 15 * 90
    assert set(rules.free_codes(["K-41"])) == set(two_digits) - {"K-41"}
    assert len(rules.free_codes(two_digits)[0]) == 5


@pytest.mark.parametrize("typed", ["k7m3pt", " K7M 3PT ", "k7m-3pt", "K7M3PT"])
def test_a_pairing_code_may_be_typed_in_any_way(typed: str) -> None:
    assert rules.typed_code(typed) == "K7M3PT"
