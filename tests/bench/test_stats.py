"""The sums of the benchmark: a wrong one would flatter for years."""

import time

import pytest

from bench.load import Unexpected, closed_loop
from bench.stats import Ratio, Round, Series, latency_ratio, quantile, rate_ratio, turns


def test_a_quantile_is_a_value_that_was_measured() -> None:
    values = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert quantile(values, 0.5) == 3.0
    assert quantile(values, 0.99) == 5.0
    assert quantile(values, 0.0) == 1.0
    assert quantile(list(range(1, 201)), 0.99) == 198


def test_nothing_has_no_quantile() -> None:
    with pytest.raises(ValueError, match="nothing"):
        quantile([], 0.5)


def test_rounds_are_compared_with_their_neighbours_in_time() -> None:
    ours = Series("ours", [Round([0.02] * 10, 1.0), Round([0.04] * 5, 1.0), Round([0.02] * 10, 1.0)])
    theirs = Series("theirs", [Round([0.01] * 20, 1.0), Round([0.02] * 10, 1.0), Round([0.01] * 40, 1.0)])
    assert rate_ratio(ours, theirs).values == [0.5, 0.5, 0.25]
    assert rate_ratio(ours, theirs).middle == 0.5
    assert latency_ratio(ours, theirs, 0.5).values == [2.0, 2.0, 2.0]


def test_a_ratio_says_its_spread_and_its_rounds() -> None:
    assert str(Ratio([0.5, 0.25, 0.75])) == "0.50 (0.25–0.75, 3 rounds)"


def test_processor_time_is_for_one_request() -> None:
    assert Series("s", [Round([0.01] * 10, 1.0, cpu_s=0.05), Round([0.01] * 40, 1.0, cpu_s=0.2)]).cpu_ms == 5.0


def test_when_the_time_is_up_only_the_rounds_without_which_nothing_can_be_said_are_run() -> None:
    assert list(turns(5, time.monotonic() - 1)) == [-1, 0, 1]
    assert list(turns(5, time.monotonic() + 60)) == [-1, 0, 1, 2, 3, 4]


def test_a_loop_counts_every_request_of_every_client_and_stops_when_nothing_is_left() -> None:
    left = [iter(range(7)), iter(range(5))]
    steps = [(lambda mine=mine: next(mine, None) is not None) for mine in left]
    assert len(closed_loop(steps, 30).latencies_s) == 12


def test_a_wrong_answer_ends_the_measure() -> None:
    def step() -> bool:
        raise Unexpected("500")

    with pytest.raises(Unexpected, match="500"):
        closed_loop([step], 30)
