"""When a visit is reminded of: pure, on the facility's wall clock.

Source of the defaults: Doctolib's help page 207010883 (`docs/messages.md` quotes them).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from clinic_portal.core.clock import wall_to_utc, zone

MINUTES_A_DAY = 1440
#: Wall-clock minutes that a spring change can skip.
_LONGEST_GAP = 180
#: A reminder that quiet hours moved still leaves this long to get going.
LEAD = timedelta(minutes=30)
#: And one that they moved to the evening before goes out this long before they begin.
EVENING = timedelta(minutes=30)


class Stage(StrEnum):
    """Which reminder: its value is the kind of the message."""

    EARLY = "reminder_early"
    LAST = "reminder"


@dataclass(frozen=True)
class Plan:
    """How one channel reminds of the visits of a service. Minutes are of the day, on the facility's clock."""

    #: Days before the visit; None: there is no such reminder.
    early_days: int | None
    last_days: int | None
    #: None: both are sent. Else one of them: the early one for visits booked more than this many days ahead.
    early_instead_after_days: int | None
    from_minute: int
    until_minute: int
    #: Booked on the day, or on the eve from this minute on: one reminder this many minutes later. None: none then.
    late_from_minute: int
    late_minutes: int | None

    @property
    def is_silent(self) -> bool:
        """Whether it never reminds."""
        return self.early_days is None and self.last_days is None and self.late_minutes is None


@dataclass(frozen=True)
class QuietHours:
    """Nobody is reminded between these minutes of the day, usually over midnight. The same twice: no such hours."""

    from_minute: int
    until_minute: int

    def covers(self, minute: int) -> bool:
        """Whether they hold at a minute of the day; the last one is no longer quiet."""
        if self.from_minute <= self.until_minute:
            return self.from_minute <= minute < self.until_minute
        return minute >= self.from_minute or minute < self.until_minute


@dataclass(frozen=True)
class VisitTimes:
    """What the timing of reminders depends on. `booked_at` is when it got its time: a moved visit is booked anew."""

    starts_at: datetime
    booked_at: datetime
    tz: str


@dataclass(frozen=True)
class Due:
    """One reminder and its moment."""

    stage: Stage
    at: datetime


EMAIL_PLAN = Plan(
    early_days=7,
    last_days=1,
    early_instead_after_days=None,
    from_minute=14 * 60,
    until_minute=16 * 60,
    late_from_minute=13 * 60,
    late_minutes=None,
)
SMS_PLAN = Plan(
    early_days=2,
    last_days=1,
    early_instead_after_days=7,
    from_minute=14 * 60,
    until_minute=16 * 60,
    late_from_minute=13 * 60,
    late_minutes=10,
)
QUIET_HOURS = QuietHours(21 * 60, 8 * 60)


def due_times(plan: Plan, quiet: QuietHours, visit: VisitTimes, *, now: datetime, spread: int) -> Sequence[Due]:
    """Return when a visit is reminded of from now on: after `now`, before the visit, never in quiet hours.

    `spread` is any number that stays with the visit: it picks the minute of the window, so that not all go out at once.
    A late booking that falls between all stages still gets the late reminder, where the plan has one.
    """
    planned = [
        Due(stage, at) for stage, days in _stages(plan, visit) if (at := _at(plan, visit, days, spread)) is not None
    ]
    if not planned or planned[-1].at <= now:
        planned = [*planned, *_late(plan, visit, now)]
    awake = [Due(due.stage, at) for due in planned if (at := awake_time(quiet, due.at, visit, now=now)) is not None]
    # Moved onto each other by the quiet hours, one of them is enough.
    return [due for number, due in enumerate(awake) if number == len(awake) - 1 or due.at < awake[-1].at]


def awake_time(quiet: QuietHours, due_at: datetime, visit: VisitTimes, *, now: datetime) -> datetime | None:
    """Return the due time if nobody sleeps then, else one that is close: the morning after, or the evening before.

    None when there is none after `now` and before the visit.
    """
    day, minute = _wall(due_at, visit.tz)
    if not quiet.covers(minute):
        return due_at if now < due_at < visit.starts_at else None
    over_midnight = quiet.from_minute > quiet.until_minute
    in_evening = over_midnight and minute >= quiet.from_minute
    morning = _instant(day + timedelta(days=1 if in_evening else 0), quiet.until_minute, visit.tz)
    if now < morning <= visit.starts_at - LEAD:
        return morning
    evening_day = day if in_evening or not over_midnight else day - timedelta(days=1)
    evening = _instant(evening_day, quiet.from_minute, visit.tz) - EVENING
    is_awake = not quiet.covers(_wall(evening, visit.tz)[1])
    return evening if is_awake and now < evening < visit.starts_at else None


def next_awake(quiet: QuietHours, visit: VisitTimes, *, now: datetime) -> datetime | None:
    """Return when a reminder that is late may go out: now, unless it is quiet; then as soon as it no longer is.

    None when that would be too late for the visit.
    """
    if not quiet.covers(_wall(now, visit.tz)[1]):
        return now
    return awake_time(quiet, now, visit, now=now)


def _stages(plan: Plan, visit: VisitTimes) -> list[tuple[Stage, int]]:
    booked_day, booked_minute = _wall(visit.booked_at, visit.tz)
    ahead = (_wall(visit.starts_at, visit.tz)[0] - booked_day).days
    is_late = ahead <= 0 or (ahead == 1 and booked_minute >= plan.late_from_minute)
    if is_late and plan.late_minutes is not None:
        return []
    early = [] if plan.early_days is None else [(Stage.EARLY, plan.early_days)]
    last = [] if plan.last_days is None else [(Stage.LAST, plan.last_days)]
    if plan.early_instead_after_days is None:
        return early + last
    # One reminder in all: it is the last one, whenever it comes.
    chosen = early if early and ahead > plan.early_instead_after_days else last
    return [(Stage.LAST, days) for _, days in chosen]


def _late(plan: Plan, visit: VisitTimes, now: datetime) -> list[Due]:
    if plan.late_minutes is None:
        return []
    after = timedelta(minutes=plan.late_minutes)
    # A plan that changed later than that makes up for it from now on.
    at = visit.booked_at + after if visit.booked_at + after > now else now + after
    return [Due(Stage.LAST, at)]


def _at(plan: Plan, visit: VisitTimes, days: int, spread: int) -> datetime | None:
    day = _wall(visit.starts_at, visit.tz)[0] - timedelta(days=days)
    window = max(plan.until_minute - plan.from_minute, 0)
    at = _instant(day, plan.from_minute + spread % (window + 1), visit.tz)
    return at if at < visit.starts_at else None


def _wall(moment: datetime, tz: str) -> tuple[date, int]:
    local = moment.astimezone(zone(tz))
    return local.date(), local.hour * 60 + local.minute


def _instant(day: date, minute: int, tz: str) -> datetime:
    """Return the instant of a wall-clock minute; one that a clock change skips becomes the first that is shown again."""
    for later in range(_LONGEST_GAP + 1):
        instant = wall_to_utc(day, minute + later, tz)
        if instant is not None:
            return instant
    raise ValueError(f"no minute {minute} on {day} in {tz}")
