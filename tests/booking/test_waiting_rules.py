"""Who fits a time that came free, and how long an offer stands."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_portal.booking.rules import (
    ASKED_NOTICES,
    ASKED_PARTS,
    Asked,
    Given,
    GivenHours,
    OfferState,
    PartOfDay,
    Stretch,
    Unserved,
    WaitingRules,
    in_part,
    is_quiet,
    judge_asked,
    judge_offer,
    judge_served,
    offer_until,
    quiet_stretches,
    suits,
)
from clinic_portal.booking.rules.reminders import QuietHours
from clinic_portal.booking.rules.waiting import SHORTEST_OFFER
from clinic_portal.core.clock import local_day, zone
from clinic_portal.core.modes import Mode, Modes

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


@pytest.mark.parametrize("notice", ASKED_NOTICES)
def test_nobody_waits_with_more_notice_than_there_are_days(notice: timedelta) -> None:
    today = date(2026, 11, 26)
    assert judge_asked(today, today + notice, today=today, notice=notice).allowed
    if notice:
        last = today + notice - timedelta(days=1)
        assert judge_asked(today, last, today=today, notice=notice).code == "waiting.too_much_notice"


#: Monday 23 November 2026.
TODAY = date(2026, 11, 23)
MONDAYS, SATURDAYS = frozenset({0}), frozenset({5})
#: Inês gives it on Mondays from 09:00 to 12:30, in half hours.
MORNINGS = GivenHours(INES, LISBON, Mode.IN_PERSON, 0, 540, 750, date(2020, 1, 1), None)


def served(*hours: GivenHours, minutes: int = 30, today: date = TODAY, **asked: object) -> Unserved | None:
    """Judge who waits for four weeks, if not asked otherwise."""
    wish: dict[str, Any] = {"from_day": TODAY, "until_day": date(2026, 12, 20)}
    given_now = Given(is_bookable=True, modes=Modes.BOTH, minutes=minutes, hours=hours)
    return judge_served(Asked(**wish | asked), given_now, has_visit=False, today=today)


@pytest.mark.parametrize(
    ("asked", "in_vain"),
    [
        ({}, False),
        ({"weekdays": MONDAYS}, False),
        ({"weekdays": SATURDAYS}, True),
        ({"weekdays": MONDAYS | SATURDAYS}, False),
        ({"parts": frozenset({PartOfDay.MORNING})}, False),
        # The last visit starts at noon.
        ({"parts": frozenset({PartOfDay.AFTERNOON})}, False),
        ({"parts": frozenset({PartOfDay.AFTERNOON}), "minutes": 35}, True),
        ({"parts": frozenset({PartOfDay.AFTER_WORK})}, True),
        ({"parts": frozenset({PartOfDay.AFTER_WORK, PartOfDay.MORNING})}, False),
        ({"from_day": date(2026, 11, 24), "until_day": date(2026, 11, 29)}, True),
        ({"from_day": date(2026, 11, 24), "until_day": date(2026, 11, 30)}, False),
        # In the last week that the calendar has there is a Monday, and none after it.
        ({"from_day": date(9999, 12, 27), "until_day": date.max}, False),
        ({"from_day": date(9999, 12, 28), "until_day": date.max}, True),
        # No time of theirs is long enough.
        ({"minutes": 211}, True),
        ({"minutes": 210}, False),
    ],
)
def test_who_asks_for_days_or_hours_that_nobody_works_waits_in_vain(asked: dict[str, Any], in_vain: bool) -> None:
    assert served(MORNINGS, **asked) == (Unserved.DAYS if in_vain else None)


def test_the_hours_of_others_do_not_count() -> None:
    late = MORNINGS._replace(practitioner_id=RUI, weekday=5)
    assert served(MORNINGS, late, weekdays=SATURDAYS) is None
    assert served(MORNINGS, late, weekdays=SATURDAYS, practitioner_id=INES) is Unserved.DAYS
    there = late._replace(facility_id=AZORES)
    assert served(MORNINGS, there, weekdays=SATURDAYS, facility_id=LISBON) is Unserved.DAYS
    online = late._replace(mode=Mode.ONLINE)
    assert served(MORNINGS, online, weekdays=SATURDAYS) is Unserved.DAYS


@pytest.mark.parametrize(
    ("first", "last", "in_vain"),
    [
        (date(2026, 12, 14), None, False),
        (date(2026, 12, 15), None, True),
        (date(2020, 1, 1), date(2026, 11, 23), False),
        (date(2020, 1, 1), date(2026, 11, 22), True),
        # The hours of one day.
        (date(2026, 12, 7), date(2026, 12, 7), False),
    ],
)
def test_hours_count_while_they_hold(first: date, last: date | None, in_vain: bool) -> None:
    hours = MORNINGS._replace(first=first, last=last)
    assert served(hours, weekdays=MONDAYS) == (Unserved.DAYS if in_vain else None)


def test_nobody_whose_days_run_out_by_themselves_is_said_to_wait_in_vain() -> None:
    """Their last Monday was yesterday, or their last day: no decision of the clinic's, and the entry ends anyway."""
    until = {"until_day": date(2026, 11, 29)}
    assert served(MORNINGS, weekdays=MONDAYS, today=date(2026, 11, 24), **until) is None
    assert served(MORNINGS, today=date(2026, 11, 30), **until) is None
    # Fridays are still to come.
    assert served(MORNINGS, weekdays=frozenset({0, 4}), today=date(2026, 11, 24), **until) is Unserved.DAYS


@given(DAYS, DAYS, st.frozensets(st.integers(0, 6)), DAYS, st.integers(0, 6), DAYS, DAYS | st.none())
def test_days_meet_hours_exactly_when_one_of_them_is_worked(
    today: date, first: date, weekdays: frozenset[int], until: date, weekday: int, valid: date, last: date | None
) -> None:
    hours = MORNINGS._replace(weekday=weekday, first=valid, last=last)
    asked = {"from_day": first, "until_day": until, "weekdays": weekdays}
    days = [max(first, today) + timedelta(days=number) for number in range((until - max(first, today)).days + 1)]
    wished = [day for day in days if not weekdays or day.weekday() in weekdays]
    worked = [day for day in wished if day.weekday() == weekday and valid <= day <= (last or day)]
    expected = Unserved.DAYS if wished and not worked else None
    assert served(hours, today=today, **asked) == expected
