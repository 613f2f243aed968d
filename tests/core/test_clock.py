"""Wall clock and UTC: both clock changes, Lisbon and the Azores."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_portal.core.clock import day_bounds, local_day, wall_to_utc, zone

ZONES = ["Europe/Lisbon", "Atlantic/Azores", "Atlantic/Madeira", "UTC"]
SPRING, AUTUMN = date(2027, 3, 28), date(2026, 10, 25)


def test_an_hour_that_is_skipped_in_spring_does_not_exist() -> None:
    assert wall_to_utc(SPRING, 90, "Europe/Lisbon") is None
    assert wall_to_utc(SPRING, 120, "Europe/Lisbon") == datetime(2027, 3, 28, 1, tzinfo=UTC)
    assert wall_to_utc(SPRING, 30, "Atlantic/Azores") is None


def test_an_hour_that_comes_twice_in_autumn_is_the_first_one() -> None:
    assert wall_to_utc(AUTUMN, 90, "Europe/Lisbon") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(("day", "hours"), [(SPRING, 23), (AUTUMN, 25), (date(2026, 11, 23), 24)])
@pytest.mark.parametrize("tz", ["Europe/Lisbon", "Atlantic/Azores"])
def test_a_day_has_23_24_or_25_hours(day: date, hours: int, tz: str) -> None:
    start, end = day_bounds(day, tz)
    assert end - start == timedelta(hours=hours)
    assert local_day(start, tz) == day
    assert local_day(end - timedelta(microseconds=1), tz) == day


@given(day=st.dates(date(2026, 1, 1), date(2028, 12, 31)), minute=st.integers(0, 1439), tz=st.sampled_from(ZONES))
def test_wall_to_utc_and_back_is_the_same_wall_time(day: date, minute: int, tz: str) -> None:
    instant = wall_to_utc(day, minute, tz)
    if instant is None:
        assert day.month == 3
        assert tz != "UTC"
        return
    local = instant.astimezone(zone(tz))
    assert (local.date(), local.hour * 60 + local.minute) == (day, minute)
