"""The grid of times, as pure values."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_portal.booking.rules import (
    STEP,
    Need,
    PartOfDay,
    Stretch,
    fits,
    free_starts,
    in_part,
    is_repeated,
    quarters_touched,
    working_stretch,
)
from clinic_portal.core.clock import wall_to_utc, zone

LISBON, AZORES = "Europe/Lisbon", "Atlantic/Azores"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
#: The four nights of 2026 and 2027 in which the clocks change, and 200 days on each side.
CHANGES = (date(2026, 3, 29), date(2026, 10, 25), date(2027, 3, 28), date(2027, 10, 31))

days = st.one_of(
    st.sampled_from(CHANGES), st.dates(CHANGES[0] - timedelta(days=200), CHANGES[-1] + timedelta(days=200))
)
zones = st.sampled_from([LISBON, AZORES])
minutes_long = st.sampled_from([7, 15, 20, 30, 45, 60, 90]).map(lambda minutes: timedelta(minutes=minutes))
buffers = st.sampled_from([0, 3, 5, 10, 30]).map(lambda minutes: timedelta(minutes=minutes))
needs = st.builds(Need, minutes_long, buffers, buffers)


@st.composite
def windows(draw: st.DrawFn) -> tuple[Stretch, str, date, int, int]:
    day, tz = draw(days), draw(zones)
    starts = draw(st.one_of(st.integers(0, 1435 // 5).map(lambda step: step * 5), st.integers(0, 1435)))
    ends = draw(st.integers(starts // 5 + 1, 288)) * 5
    stretch = working_stretch(day, starts, ends, tz)
    while stretch is None:
        ends = 1440
        stretch = working_stretch(day, 0, ends, tz)
        starts = 0
    return stretch, tz, day, starts, ends


@st.composite
def busy_in(draw: st.DrawFn, window: Stretch) -> list[Stretch]:
    found = []
    for _ in range(draw(st.integers(0, 6))):
        start = window.start + timedelta(minutes=draw(st.integers(-60, 26 * 60)))
        found.append(Stretch(start, start + timedelta(minutes=draw(st.integers(1, 240)))))
    return sorted(found)


def wall(moment: datetime, tz: str) -> str:
    return moment.astimezone(zone(tz)).strftime("%H:%M")


def starts(day: date, first: int, last: int, minutes: int, tz: str = LISBON, busy: list[Stretch] | None = None) -> str:
    window = working_stretch(day, first, last, tz)
    assert window is not None
    need = Need(timedelta(minutes=minutes))
    return " ".join(wall(start, tz) for start in free_starts(window, need, busy or [], tz=tz, earliest=LONG_AGO))


@given(windows(), needs, st.data())
def test_what_is_offered_is_free_and_inside_the_hours(
    drawn: tuple[Stretch, str, date, int, int], need: Need, data: st.DataObject
) -> None:
    window, tz, day, first, last = drawn
    busy = data.draw(busy_in(window))
    offered = list(free_starts(window, need, busy, tz=tz, earliest=LONG_AGO))
    for start in offered:
        visit = Stretch(start, start + need.length)
        assert not any(need.busy(start).touches(taken) for taken in busy)
        assert window.start <= visit.start
        assert visit.end <= window.end
        local = start.astimezone(zone(tz))
        assert local.date() == day
        assert first <= local.hour * 60 + local.minute < last
        # Local → UTC → local: the minute that the page shows is the minute that is booked.
        assert wall_to_utc(day, local.hour * 60 + local.minute, tz) == start
        assert fits(start, window, need, busy, tz=tz)
    assert not any(need.busy(sooner).touches(need.busy(later)) for sooner, later in pairwise(offered))
    assert len({wall(start, tz) for start in offered}) == len(offered), "one time twice"


@given(windows(), needs, st.data())
def test_nothing_that_is_bookable_is_missing(
    drawn: tuple[Stretch, str, date, int, int], need: Need, data: st.DataObject
) -> None:
    """Between two visits that are offered or taken there is never room for one more."""
    window, tz, *_ = drawn
    busy = data.draw(busy_in(window))
    offered = [need.busy(start) for start in free_starts(window, need, busy, tz=tz, earliest=LONG_AGO)]
    full = sorted([*busy, *offered])
    moment = datetime.fromtimestamp(-(-window.start.timestamp() // 300) * 300, UTC)
    while moment + need.length <= window.end:
        assert not fits(moment, window, need, full, tz=tz), wall(moment, tz)
        moment += STEP


@given(windows(), needs, st.data())
def test_notice_only_cuts_the_beginning(
    drawn: tuple[Stretch, str, date, int, int], need: Need, data: st.DataObject
) -> None:
    window, tz, *_ = drawn
    busy = data.draw(busy_in(window))
    everything = list(free_starts(window, need, busy, tz=tz, earliest=LONG_AGO))
    earliest = window.start + (window.end - window.start) / 2
    late = list(free_starts(window, need, busy, tz=tz, earliest=earliest))
    assert late == [start for start in everything if start >= earliest]


def test_times_step_by_the_length_and_start_again_after_what_is_taken() -> None:
    day = date(2026, 11, 26)
    nine = datetime(2026, 11, 26, 9, tzinfo=UTC)
    taken = [Stretch(nine + timedelta(minutes=60), nine + timedelta(minutes=88))]
    assert starts(day, 540, 780, 45) == "09:00 09:45 10:30 11:15 12:00"
    assert starts(day, 540, 780, 45, busy=taken) == "09:00 10:30 11:15 12:00"
    assert starts(day, 540, 720, 30, busy=taken) == "09:00 09:30 10:30 11:00 11:30"


def test_odd_minutes_are_offered_on_full_steps_where_they_can_be_held() -> None:
    """Hours from 09:03, a service of 20 minutes with seven after it: all of it can be typed by an administrator."""
    window = working_stretch(date(2026, 11, 26), 543, 660, LISBON)
    assert window is not None
    need = Need(timedelta(minutes=20), after=timedelta(minutes=7))
    offered = list(free_starts(window, need, [], tz=LISBON, earliest=LONG_AGO))
    assert " ".join(wall(start, LISBON) for start in offered) == "09:05 09:35 10:05 10:35"
    assert all(fits(start, window, need, [], tz=LISBON) for start in offered)


def test_a_long_busy_stretch_hides_a_short_one_inside_it() -> None:
    nine = datetime(2026, 11, 26, 9, tzinfo=UTC)
    taken = [
        Stretch(nine, nine + timedelta(hours=3)),
        Stretch(nine + timedelta(hours=1), nine + timedelta(hours=1.5)),
    ]
    assert starts(date(2026, 11, 26), 540, 780, 30, busy=taken) == "12:00 12:30"


def test_the_hour_that_spring_skips_is_never_offered() -> None:
    assert starts(date(2026, 3, 29), 0, 240, 30) == "00:00 00:30 02:00 02:30 03:00 03:30"
    assert starts(date(2026, 3, 29), 0, 180, 60, AZORES) == "01:00 02:00"
    assert working_stretch(date(2026, 3, 29), 60, 120, LISBON) is None


def test_the_hour_that_autumn_repeats_is_offered_once() -> None:
    assert starts(date(2026, 10, 25), 0, 240, 60) == "00:00 01:00 02:00 03:00"
    assert starts(date(2026, 10, 25), 0, 180, 30, AZORES) == "00:00 00:30 01:00 01:30 02:00 02:30"
    first = wall_to_utc(date(2026, 10, 25), 60, LISBON)
    assert first is not None
    assert not is_repeated(first, LISBON)
    assert is_repeated(first + timedelta(hours=1), LISBON)


@pytest.mark.parametrize("tz", [LISBON, AZORES])
def test_nine_in_the_morning_stays_nine_in_the_morning_all_year(tz: str) -> None:
    day = date(2026, 1, 1)
    while day < date(2028, 1, 1):
        assert starts(day, 540, 600, 30, tz) == "09:00 09:30"
        day += timedelta(days=1)


@pytest.mark.parametrize(
    ("minutes_off", "allowed"), [(0, True), (5, True), (3, False), (-30, False), (210, True), (215, False)]
)
def test_a_start_fits_between_the_edges_on_full_steps(minutes_off: int, allowed: bool) -> None:
    window = working_stretch(date(2026, 11, 26), 540, 780, LISBON)
    assert window is not None
    start = window.start + timedelta(minutes=minutes_off)
    assert fits(start, window, Need(timedelta(minutes=30)), [], tz=LISBON) is allowed


@given(
    st.integers(0, 2 * 365 * 24 * 4).map(lambda quarter: LONG_AGO + timedelta(days=2200, minutes=15 * quarter)), zones
)
def test_every_time_is_in_exactly_one_part_of_the_day(moment: datetime, tz: str) -> None:
    parts = [part for part in PartOfDay if part is not PartOfDay.ANY and in_part(moment, tz, part)]
    assert len(parts) == 1
    assert in_part(moment, tz, PartOfDay.ANY)


def test_a_stretch_touches_quarters_of_utc_days() -> None:
    start = datetime(2026, 11, 24, 5, 59, tzinfo=UTC)
    assert quarters_touched(start, start) == ("2026-11-24/0",)
    assert quarters_touched(start, start + timedelta(minutes=1)) == ("2026-11-24/0", "2026-11-24/1")
    late = datetime(2026, 11, 24, 23, 0, tzinfo=UTC)
    assert quarters_touched(late, late + timedelta(hours=2)) == ("2026-11-24/3", "2026-11-25/0")
