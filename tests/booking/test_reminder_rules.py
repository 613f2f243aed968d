"""When a visit is reminded of: Doctolib's timing, both clock changes, the Azores, quiet hours."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_portal.booking.rules.reminders import (
    EMAIL_PLAN,
    QUIET_HOURS,
    SMS_PLAN,
    Plan,
    QuietHours,
    Stage,
    VisitTimes,
    due_times,
    next_awake,
)
from clinic_portal.core.clock import zone

LISBON, AZORES = "Europe/Lisbon", "Atlantic/Azores"
NO_QUIET = QuietHours(0, 0)
ZONES = st.sampled_from([LISBON, AZORES])


def at(text: str, tz: str = LISBON) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone(tz)).astimezone(UTC)


def wall(moment: datetime, tz: str = LISBON) -> str:
    return moment.astimezone(zone(tz)).strftime("%Y-%m-%d %H:%M")


def due(plan: Plan, booked: str, starts: str, *, tz: str = LISBON, quiet: QuietHours = QUIET_HOURS) -> list[str]:
    """The stages and their times on the wall, with the first minute of the window."""
    visit = VisitTimes(at(starts, tz), at(booked, tz), tz)
    found = due_times(plan, quiet, visit, now=visit.booked_at, spread=0)
    return [f"{one.stage.name} {wall(one.at, tz)}" for one in found]


@pytest.mark.parametrize("tz", [LISBON, AZORES])
@pytest.mark.parametrize(
    ("booked", "starts", "sms", "email"),
    [
        # More than a week ahead: SMS two days before; e-mails seven days and one day before.
        ("2026-11-02 10:00", "2026-11-26 10:30", ["LAST 2026-11-24 14:00"],
         ["EARLY 2026-11-19 14:00", "LAST 2026-11-25 14:00"]),
        # A week or less: SMS the day before. Exactly a week ahead in the morning, the first e-mail is still ahead.
        ("2026-11-19 10:00", "2026-11-26 10:30", ["LAST 2026-11-25 14:00"],
         ["EARLY 2026-11-19 14:00", "LAST 2026-11-25 14:00"]),
        ("2026-11-18 10:00", "2026-11-26 10:30", ["LAST 2026-11-24 14:00"],
         ["EARLY 2026-11-19 14:00", "LAST 2026-11-25 14:00"]),
        ("2026-11-24 10:00", "2026-11-26 10:30", ["LAST 2026-11-25 14:00"], ["LAST 2026-11-25 14:00"]),
        # The eve before 13:00, and from then on.
        ("2026-11-25 12:59", "2026-11-26 10:30", ["LAST 2026-11-25 14:00"], ["LAST 2026-11-25 14:00"]),
        ("2026-11-25 13:00", "2026-11-26 10:30", ["LAST 2026-11-25 13:10"], ["LAST 2026-11-25 14:00"]),
        ("2026-11-25 17:00", "2026-11-26 10:30", ["LAST 2026-11-25 17:10"], []),
        # The day itself; so late that ten minutes later it begins.
        ("2026-11-26 09:00", "2026-11-26 10:30", ["LAST 2026-11-26 09:10"], []),
        ("2026-11-26 10:20", "2026-11-26 10:30", [], []),
        # At night: in the morning; on the eve of an early visit there is nothing better than the confirmation.
        ("2026-11-25 23:00", "2026-11-26 10:30", ["LAST 2026-11-26 08:00"], []),
        ("2026-11-25 20:55", "2026-11-26 08:15", [], []),
        ("2026-11-26 00:30", "2026-11-26 08:45", ["LAST 2026-11-26 08:00"], []),
        # Over both clock changes (25 October 2026, 28 March 2027).
        ("2026-10-01 10:00", "2026-10-26 10:30", ["LAST 2026-10-24 14:00"],
         ["EARLY 2026-10-19 14:00", "LAST 2026-10-25 14:00"]),
        ("2027-03-01 10:00", "2027-03-29 10:30", ["LAST 2027-03-27 14:00"],
         ["EARLY 2027-03-22 14:00", "LAST 2027-03-28 14:00"]),
    ],
)  # fmt: skip
def test_the_clinics_usual_timing(booked: str, starts: str, sms: list[str], email: list[str], tz: str) -> None:
    assert due(SMS_PLAN, booked, starts, tz=tz) == sms
    assert due(EMAIL_PLAN, booked, starts, tz=tz) == email


def test_a_window_in_the_quiet_hours_moves_to_the_morning_or_to_the_evening_before() -> None:
    night = replace(SMS_PLAN, from_minute=22 * 60, until_minute=22 * 60)
    assert due(night, "2026-11-10 10:00", "2026-11-26 10:30") == ["LAST 2026-11-25 08:00"]
    eve = replace(night, early_days=None, early_instead_after_days=None)
    assert due(eve, "2026-11-10 10:00", "2026-11-26 10:30") == ["LAST 2026-11-26 08:00"]
    assert due(eve, "2026-11-10 10:00", "2026-11-26 08:00") == ["LAST 2026-11-25 20:30"]
    siesta = QuietHours(13 * 60, 15 * 60)
    noon = replace(eve, from_minute=14 * 60, until_minute=14 * 60)
    assert due(noon, "2026-11-10 10:00", "2026-11-26 10:30", quiet=siesta) == ["LAST 2026-11-25 15:00"]
    assert due(noon, "2026-11-10 10:00", "2026-11-26 10:30", quiet=NO_QUIET) == ["LAST 2026-11-25 14:00"]


def test_of_two_reminders_the_one_that_would_come_after_the_visit_is_left_out() -> None:
    plan = replace(EMAIL_PLAN, early_days=1, last_days=0, from_minute=22 * 60, until_minute=22 * 60)
    quiet = QuietHours(20 * 60, 9 * 60)
    assert due(plan, "2026-11-10 10:00", "2026-11-26 10:30", quiet=quiet) == ["EARLY 2026-11-26 09:00"]


def test_what_the_clinic_turned_off_does_not_come() -> None:
    nothing = replace(SMS_PLAN, early_days=None, last_days=None, late_minutes=None)
    assert nothing.is_silent
    assert not SMS_PLAN.is_silent
    assert due(nothing, "2026-11-10 10:00", "2026-11-26 10:30") == []


def test_a_plan_that_changes_too_late_for_its_time_makes_up_for_it() -> None:
    visit = VisitTimes(at("2026-11-26 10:30"), at("2026-11-01 10:00"), LISBON)
    now = at("2026-11-25 18:00")
    (one,) = due_times(SMS_PLAN, QUIET_HOURS, visit, now=now, spread=0)
    assert (one.stage, wall(one.at)) == (Stage.LAST, "2026-11-25 18:10")


def test_a_late_reminder_waits_for_the_morning_unless_that_is_too_late() -> None:
    visit = VisitTimes(at("2026-11-26 10:30"), at("2026-11-01 10:00"), LISBON)
    assert next_awake(QUIET_HOURS, visit, now=at("2026-11-25 20:59")) == at("2026-11-25 20:59")
    assert next_awake(QUIET_HOURS, visit, now=at("2026-11-25 21:00")) == at("2026-11-26 08:00")
    early = replace(visit, starts_at=at("2026-11-26 08:10"))
    assert next_awake(QUIET_HOURS, early, now=at("2026-11-25 23:00")) is None


minutes = st.integers(0, 1439)
maybe_days = st.none() | st.integers(0, 20)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    first, last = sorted((draw(minutes), draw(minutes)))
    return Plan(
        early_days=draw(maybe_days), last_days=draw(maybe_days), early_instead_after_days=draw(maybe_days),
        from_minute=first, until_minute=last, late_from_minute=draw(minutes),
        late_minutes=draw(st.none() | st.integers(1, 300)),
    )  # fmt: skip


#: Minutes around both clock changes, and 200 days on each side of the autumn one.
moments = st.one_of(
    st.integers(-288_000, 288_000).map(lambda m: datetime(2026, 10, 25, tzinfo=UTC) + timedelta(minutes=m)),
    st.integers(-3_000, 3_000).map(lambda m: datetime(2027, 3, 28, tzinfo=UTC) + timedelta(minutes=m)),
)


@given(plans(), st.builds(QuietHours, minutes, minutes), moments, st.integers(1, 60_000), ZONES, st.integers(0, 2**128))
def test_no_reminder_comes_late_or_at_night(
    plan: Plan, quiet: QuietHours, starts_at: datetime, ahead: int, tz: str, spread: int
) -> None:
    now = starts_at - timedelta(minutes=ahead)
    found = due_times(plan, quiet, VisitTimes(starts_at, now, tz), now=now, spread=spread)
    assert len(found) <= 2
    assert len({one.stage for one in found}) == len(found)
    for one in found:
        local = one.at.astimezone(zone(tz))
        assert now < one.at < starts_at
        assert not quiet.covers(local.hour * 60 + local.minute)
    assert [one.at for one in found] == sorted(one.at for one in found)


@given(moments, st.integers(9 * 1440, 90_000), ZONES, st.integers(0, 2**128))
def test_the_usual_reminders_come_on_their_days_in_their_hours(
    starts_at: datetime, ahead: int, tz: str, spread: int
) -> None:
    now = starts_at - timedelta(minutes=ahead)
    visit = VisitTimes(starts_at, now, tz)
    day = starts_at.astimezone(zone(tz)).date()
    for plan, days in ((SMS_PLAN, [2]), (EMAIL_PLAN, [7, 1])):
        found = [one.at.astimezone(zone(tz)) for one in due_times(plan, QUIET_HOURS, visit, now=now, spread=spread)]
        assert [(day - one.date()).days for one in found] == days
        assert all(14 * 60 <= one.hour * 60 + one.minute <= 16 * 60 for one in found)


@given(moments, st.integers(60, 90_000), ZONES, st.integers(0, 2**128))
def test_nobody_with_a_phone_goes_unreminded_by_day(starts_at: datetime, ahead: int, tz: str, spread: int) -> None:
    now = starts_at - timedelta(minutes=ahead)
    found = due_times(SMS_PLAN, NO_QUIET, VisitTimes(starts_at, now, tz), now=now, spread=spread)
    assert len(found) == 1
