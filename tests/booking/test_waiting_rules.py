"""Who fits a time that came free, and how long an offer stands."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_portal.booking.rules import (
    ASKED_PARTS,
    Asked,
    OfferState,
    PartOfDay,
    Stretch,
    WaitingRules,
    in_part,
    is_quiet,
    judge_asked,
    judge_offer,
    offer_until,
    quiet_stretches,
    suits,
)
from clinic_portal.booking.rules.reminders import QuietHours
from clinic_portal.booking.rules.waiting import SHORTEST_OFFER
from clinic_portal.core.clock import local_day, zone

INES, RUI = UUID(int=1), UUID(int=2)
LISBON, AZORES = UUID(int=3), UUID(int=4)
ZONES = st.sampled_from(["Europe/Lisbon", "Atlantic/Azores"])
#: Around both clock changes of 2026–2027 too.
MOMENTS = st.datetimes(datetime(2026, 10, 1), datetime(2027, 4, 30), timezones=st.just(UTC))  # noqa: DTZ001 - the zone comes beside
DAYS = st.dates(date(2026, 10, 1), date(2027, 4, 30))


@st.composite
def wishes(draw: st.DrawFn) -> Asked:
    first = draw(DAYS)
    return Asked(
        from_day=first,
        until_day=first + timedelta(days=draw(st.integers(0, 60))),
        weekdays=draw(st.frozensets(st.integers(0, 6))),
        parts=draw(st.frozensets(st.sampled_from(ASKED_PARTS))),
        practitioner_id=draw(st.sampled_from([None, INES, RUI])),
        facility_id=draw(st.sampled_from([None, LISBON, AZORES])),
        earlier_than=draw(st.none() | MOMENTS),
    )


@given(asked=wishes(), start=MOMENTS, tz=ZONES)
def test_what_suits_is_within_every_wish(asked: Asked, start: datetime, tz: str) -> None:
    if not suits(asked, start, tz, practitioner_id=INES, facility_id=LISBON):
        return
    local = start.astimezone(zone(tz))
    assert asked.from_day <= local.date() <= asked.until_day
    assert not asked.weekdays or local.weekday() in asked.weekdays
    assert not asked.parts or any(in_part(start, tz, part) for part in asked.parts)
    assert asked.practitioner_id != RUI
    assert asked.facility_id != AZORES
    assert asked.earlier_than is None or start < asked.earlier_than


@given(start=MOMENTS, tz=ZONES)
def test_somebody_without_preferences_takes_whatever_is_within_the_days(start: datetime, tz: str) -> None:
    day = local_day(start, tz)
    assert suits(Asked(day, day), start, tz, practitioner_id=INES, facility_id=AZORES)
    assert not suits(Asked(day + timedelta(days=1), date.max), start, tz, practitioner_id=INES, facility_id=AZORES)
    assert not suits(Asked(date.min, day - timedelta(days=1)), start, tz, practitioner_id=INES, facility_id=AZORES)


@given(start=MOMENTS, tz=ZONES)
def test_every_hour_is_in_one_of_the_parts_that_can_be_asked_for(start: datetime, tz: str) -> None:
    assert sum(in_part(start, tz, part) for part in ASKED_PARTS) == 1


def test_the_visits_own_time_and_later_ones_are_not_earlier() -> None:
    now = datetime(2026, 11, 26, 10, 30, tzinfo=UTC)
    asked = Asked(date(2026, 11, 1), date(2026, 11, 30), earlier_than=now)
    assert suits(asked, now - timedelta(minutes=5), "UTC", practitioner_id=INES, facility_id=LISBON)
    assert not suits(asked, now, "UTC", practitioner_id=INES, facility_id=LISBON)
    assert not suits(asked, now + timedelta(minutes=5), "UTC", practitioner_id=INES, facility_id=LISBON)


def test_parts_of_the_day_are_those_of_the_clinics_wall_clock() -> None:
    noon_in_lisbon = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
    asked = Asked(date(2026, 11, 26), date(2026, 11, 26), parts=frozenset({PartOfDay.MORNING}))
    assert not suits(asked, noon_in_lisbon, "Europe/Lisbon", practitioner_id=INES, facility_id=LISBON)
    assert suits(asked, noon_in_lisbon, "Atlantic/Azores", practitioner_id=INES, facility_id=LISBON)


@given(
    now=MOMENTS,
    ahead=st.timedeltas(timedelta(hours=-3), timedelta(days=20)),
    latest=st.lists(st.timedeltas(timedelta(hours=-1), timedelta(days=3)), max_size=3),
    stands=st.integers(5, 1440),
    stop=st.integers(0, 10080),
)
def test_an_offer_ends_before_it_would_be_refused(
    now: datetime, ahead: timedelta, latest: list[timedelta], stands: int, stop: int
) -> None:
    rules = WaitingRules(stands=timedelta(minutes=stands), stop_before=timedelta(minutes=stop))
    start, limits = now + ahead, [now + one for one in latest]
    until = offer_until(rules, start, latest=limits, now=now)
    if until is None:
        too_short = min([start, now + rules.stands, *limits]) - now < SHORTEST_OFFER
        assert too_short or start - now < rules.stop_before
        return
    assert now + SHORTEST_OFFER <= until <= min([start, now + rules.stands, *limits])
    assert start - now >= rules.stop_before


@given(
    now=MOMENTS,
    ahead=st.timedeltas(timedelta(), timedelta(days=9)),
    stands=st.integers(5, 1440),
    pieces=st.lists(st.tuples(st.integers(1, 900), st.integers(1, 900)), max_size=8),
)
def test_only_the_minutes_of_the_desk_count(
    now: datetime, ahead: timedelta, stands: int, pieces: list[tuple[int, int]]
) -> None:
    desk, at, start = [], now - timedelta(hours=6), now + ahead
    for pause, length in pieces:
        opens = at + timedelta(minutes=pause)
        at = opens + timedelta(minutes=length)
        desk.append(Stretch(opens, at))
    rules = WaitingRules(stands=timedelta(minutes=stands), stop_before=timedelta())
    until = offer_until(rules, start, latest=[], now=now, desk=desk)

    def counted(end: datetime) -> timedelta:
        both = (min(closes, end) - max(opens, now) for opens, closes in desk)
        return sum((one for one in both if one > timedelta()), timedelta())

    if until is None:
        assert counted(start) < SHORTEST_OFFER
        return
    assert now < until <= start
    assert any(opens < until <= closes for opens, closes in desk)
    assert counted(until) == min(rules.stands, counted(start))
    assert until == offer_until(rules, start, latest=[start], now=now, desk=desk)


def test_a_desk_that_never_closes_is_like_a_message() -> None:
    now = datetime(2026, 11, 26, 10, 30, tzinfo=UTC)
    rules, start, always = WaitingRules(), now + timedelta(days=2), [Stretch(now - timedelta(1), now + timedelta(9))]
    assert offer_until(rules, start, latest=[], now=now, desk=always) == offer_until(rules, start, latest=[], now=now)


@given(day=DAYS, tz=ZONES, edges=st.tuples(st.integers(0, 1439), st.integers(0, 1439)))
def test_quiet_stretches_are_the_quiet_minutes(day: date, tz: str, edges: tuple[int, int]) -> None:
    quiet, one = QuietHours(*edges), timedelta(days=1)
    found = quiet_stretches(quiet, day - one, day, tz)
    noon = datetime.combine(day, time(12), UTC)
    for hour in range(-10, 11):
        moment = noon + timedelta(hours=hour, minutes=7)
        local = moment.astimezone(zone(tz))
        if local.date() == day and local.utcoffset() == noon.astimezone(zone(tz)).utcoffset():
            assert any(start <= moment < end for start, end in found) == is_quiet(quiet, moment, tz)


@pytest.mark.parametrize(("hour", "minute", "quiet"), [(20, 59, False), (21, 0, True), (3, 0, True), (8, 0, False)])
def test_nothing_is_offered_at_night(hour: int, minute: int, quiet: bool) -> None:
    assert (
        is_quiet(QuietHours(21 * 60, 8 * 60), datetime(2026, 11, 26, hour, minute, tzinfo=UTC), "Europe/Lisbon")
        is quiet
    )


@pytest.mark.parametrize("state", OfferState)
def test_only_an_open_offer_that_stands_can_be_taken(state: OfferState) -> None:
    end = datetime(2026, 11, 26, 10, 30, tzinfo=UTC)
    assert judge_offer(state, end, now=end - timedelta(seconds=1)).allowed == (state is OfferState.OPEN)
    assert not judge_offer(state, end, now=end).allowed


def test_nobody_waits_for_days_that_are_over_or_the_wrong_way_round() -> None:
    today = date(2026, 11, 26)
    assert judge_asked(today, today, today=today).allowed
    assert judge_asked(today - timedelta(days=9), today - timedelta(days=1), today=today).code == "waiting.days_over"
    assert judge_asked(today, today - timedelta(days=1), today=today).code == "waiting.days_reversed"
