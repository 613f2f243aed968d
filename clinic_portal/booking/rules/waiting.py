"""Pure decisions about the waiting list: who fits a time, how long an offer stands, when it may be taken."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from clinic_portal.booking.rules.coverage import joined
from clinic_portal.booking.rules.reminders import MINUTES_A_DAY, QuietHours
from clinic_portal.booking.rules.slots import HOURS_OF_PART, PartOfDay, Stretch, in_part, working_stretch
from clinic_portal.booking.rules.states import ALLOWED, Verdict
from clinic_portal.core.clock import local_day, zone
from clinic_portal.core.modes import Mode, Modes

#: Parts of the day that somebody can ask for; none of them means any.
ASKED_PARTS = (PartOfDay.MORNING, PartOfDay.AFTERNOON, PartOfDay.AFTER_WORK)

#: How much notice somebody can ask for; none means any time that the clinic still offers.
ASKED_NOTICES = tuple(timedelta(days=days) for days in (0, 1, 2, 3, 7))

#: An offer that would stand for less than this helps nobody.
SHORTEST_OFFER = timedelta(minutes=5)

#: First come: how many are told of one time at once.
MANY_AT_ONCE = 10


class EntryState(StrEnum):
    """What became of somebody's place on the list."""

    WAITING = "waiting"
    TAKEN = "taken"
    ENDED = "ended"


class EntryEnd(StrEnum):
    """Why a place on the list ended without a time."""

    PATIENT = "patient"
    #: The visit to bring forward was cancelled, or is over.
    VISIT_OVER = "visit.over"
    #: The patient found a time without the list.
    BOOKED = "booked"
    #: The last day that was asked for has passed.
    TOO_LATE = "too_late"
    #: Who asked may no longer book for the patient.
    NO_RIGHT = "no_right"


class Unserved(StrEnum):
    """Why nothing can be offered to somebody who waits: they keep the place, and are told."""

    #: The service is no longer booked.
    SERVICE = "service"
    #: It is not given online, or only online.
    MODE = "mode"
    #: The practitioner does not give it where and how it was asked for.
    PRACTITIONER = "practitioner"
    #: Nobody gives it at this facility.
    PLACE = "place"
    #: Whoever gives it so never works on these days, or at these times of the day.
    DAYS = "days"


class OfferState(StrEnum):
    """What became of an offer."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    #: Somebody was faster, or the time is gone for another reason.
    LOST = "lost"
    #: The patient left the list, or what they wait for changed: the time no longer fits.
    WITHDRAWN = "withdrawn"


class Standing(StrEnum):
    """What an open offer is at this moment. The sweep writes it down a minute later; whoever looks reads it at once."""

    #: It can be taken.
    OPEN = "open"
    #: Somebody holds the time at the booking page: it can be taken again should they leave it.
    BEING_BOOKED = "being-booked"
    EXPIRED = "expired"
    #: It no longer is what they wait for.
    WITHDRAWN = "withdrawn"
    #: Whoever got it no longer waits.
    OVER = "over"
    #: Somebody else's visit has the time.
    TAKEN = "taken"
    #: The practitioner is away then, the service is not given so any more, or the time is not held after all.
    GONE = "gone"

    @property
    def ends_as(self) -> OfferState | None:
        """What is written down of an offer that ends so; None: it does not end."""
        if self in (Standing.OPEN, Standing.BEING_BOOKED):
            return None
        ends = {Standing.EXPIRED: OfferState.EXPIRED, Standing.WITHDRAWN: OfferState.WITHDRAWN}
        return ends.get(self, OfferState.LOST)


class OfferMode(StrEnum):
    """How a clinic offers a time that came free."""

    ONE_AT_A_TIME = "one-at-a-time"
    FIRST_COME = "first-come"


@dataclass(frozen=True)
class WaitingRules:
    """What a facility says of its offers; the defaults count where it says nothing."""

    mode: OfferMode = OfferMode.ONE_AT_A_TIME
    #: How long an offer stands.
    stands: timedelta = timedelta(minutes=30)
    #: How long before its start a time is no longer offered.
    stop_before: timedelta = timedelta(hours=2)


@dataclass(frozen=True)
class Asked:
    """What somebody on the list asked for. Empty collections and None: no preference."""

    from_day: date
    until_day: date
    weekdays: frozenset[int] = frozenset()
    parts: frozenset[PartOfDay] = frozenset()
    practitioner_id: UUID | None = None
    facility_id: UUID | None = None
    mode: Mode = Mode.IN_PERSON
    #: The start of the visit to bring forward: only what is earlier helps.
    earlier_than: datetime | None = None
    #: How long before it starts they want to hear of a time.
    notice: timedelta = timedelta()

    def is_soon_enough(self, start: datetime, *, now: datetime) -> bool:
        """Whether somebody who hears of a start now has the notice that they asked for."""
        return now <= start - self.notice


class GivenHours(NamedTuple):
    """Hours in which somebody gives a service: on a weekday (Monday is 0), in minutes of the day, from a day until another."""

    practitioner_id: UUID
    facility_id: UUID
    mode: Mode
    weekday: int
    starts_minute: int
    ends_minute: int
    first: date
    #: None: until further notice.
    last: date | None


@dataclass(frozen=True)
class Given:
    """Whether a service is booked, how it is given, how long it takes, and by whom, where, how and when there are hours."""

    is_bookable: bool
    modes: Modes
    minutes: int
    hours: Sequence[GivenHours]


def judge_served(asked: Asked, given: Given, *, has_visit: bool, today: date) -> Unserved | None:
    """Say why nothing can be offered to who asked for this; None when something can.

    A visit that there is can be moved, whatever is booked now, and stays what it is. Absences and closed days do not
    count: they end, or are taken back.
    """
    if not has_visit and not given.is_bookable:
        return Unserved.SERVICE
    so = [one for one in given.hours if one.mode is asked.mode]
    if not so or not (has_visit or given.modes.allow(asked.mode)):
        return Unserved.MODE
    there = [one for one in so if asked.facility_id in (None, one.facility_id)]
    theirs = [one for one in there if asked.practitioner_id in (None, one.practitioner_id)]
    if not theirs:
        return Unserved.PRACTITIONER if there else Unserved.PLACE
    first = max(asked.from_day, today)
    if not _has_weekday(asked.weekdays, first, asked.until_day):
        return None  # Their days are over, or nearly: that ends the entry, and is nobody's decision.
    is_met = any(_meet(asked, one, given.minutes, first) for one in theirs)
    return None if is_met else Unserved.DAYS


def _has_weekday(weekdays: Collection[int], first: date, last: date) -> bool:
    days = range((last - first).days + 1)
    return any(not weekdays or (first.weekday() + day) % 7 in weekdays for day in days[:7])


def _meet(asked: Asked, hours: GivenHours, minutes: int, first: date) -> bool:
    """Whether a visit can start in these hours on a day and at a time of the day that was asked for."""
    start, end = max(first, hours.first), min(asked.until_day, hours.last or asked.until_day)
    ahead = (hours.weekday - start.weekday()) % 7  # Days, not a date: after the last of the calendar there is none.
    if ahead > (end - start).days or (asked.weekdays and hours.weekday not in asked.weekdays):
        return False
    latest = hours.ends_minute - minutes
    parts = [HOURS_OF_PART[part] for part in asked.parts or (PartOfDay.ANY,)]
    return any(max(hours.starts_minute, 60 * begins) <= min(latest, 60 * ends - 1) for begins, ends in parts)


def suits(asked: Asked, start: datetime, tz: str, *, practitioner_id: UUID, facility_id: UUID) -> bool:
    """Say whether a start is what somebody asked for, on the wall clock of the place."""
    day = start.astimezone(zone(tz)).date()
    return (
        asked.from_day <= day <= asked.until_day
        and (not asked.weekdays or day.weekday() in asked.weekdays)
        and (not asked.parts or any(in_part(start, tz, part) for part in asked.parts))
        and asked.practitioner_id in (None, practitioner_id)
        and asked.facility_id in (None, facility_id)
        and (asked.earlier_than is None or start < asked.earlier_than)
    )


def is_quiet(quiet: QuietHours, now: datetime, tz: str) -> bool:
    """Say whether people sleep now: nothing is offered that would run out before they see it."""
    local = now.astimezone(zone(tz))
    return quiet.covers(local.hour * 60 + local.minute)


def quiet_stretches(quiet: QuietHours, first: date, last: date, tz: str) -> Sequence[Stretch]:
    """Return the quiet hours that begin on a day of [first, last], in order."""
    found = []
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        if quiet.from_minute <= quiet.until_minute:
            found.append(working_stretch(day, quiet.from_minute, quiet.until_minute, tz))
            continue
        evening = working_stretch(day, quiet.from_minute, MINUTES_A_DAY, tz)
        morning = working_stretch(day + timedelta(days=1), 0, quiet.until_minute, tz)
        found += [evening, morning]
    return joined(one for one in found if one is not None)


def awake_from(quiet: QuietHours, now: datetime, tz: str) -> datetime:
    """Return when a message may arrive: now, unless it is quiet; then as soon as it no longer is."""
    today = local_day(now, tz)
    stretches = quiet_stretches(quiet, today - timedelta(days=1), today, tz)
    return next((end for start, end in stretches if start <= now < end), now)


def offer_until(
    rules: WaitingRules,
    starts_at: datetime,
    *,
    latest: Collection[datetime],
    now: datetime,
    desk: Sequence[Stretch] | None = None,
) -> datetime | None:
    """Return until when a time that is offered now may be taken; None when it is too close to offer it.

    `latest` are moments after which taking it would be refused: notice, the cut-off of the visit to bring forward.
    `desk` is for whom only the desk can phone: the hours in which it is open, in order. No other minute counts.
    """
    if now > starts_at - rules.stop_before:
        return None
    last, counted, end = min([starts_at, *latest]), timedelta(), now
    for opens, closes in [Stretch(now, last)] if desk is None else desk:
        begin, stop = max(opens, now), min(closes, last)
        if begin < stop and counted < rules.stands:
            lasting = min(stop - begin, rules.stands - counted)
            counted, end = counted + lasting, begin + lasting
    return end if counted >= SHORTEST_OFFER else None


def open_from(desk: Sequence[Stretch], now: datetime) -> datetime | None:
    """Return from when on somebody is at the desk: now, when it is open; None when it does not open any more."""
    return next((max(start, now) for start, end in desk if end > now), None)


def judge_offer(state: OfferState, ends_at: datetime, *, now: datetime) -> Verdict:
    """Say whether an offer can still be taken."""
    if state is OfferState.LOST:
        return Verdict("offer.lost")
    if state is OfferState.WITHDRAWN:
        return Verdict("offer.withdrawn")
    if state is not OfferState.OPEN or now >= ends_at:
        return Verdict("offer.over")
    return ALLOWED


def judge_asked(from_day: date, until_day: date, *, today: date, notice: timedelta = timedelta()) -> Verdict:
    """Say whether somebody can wait for these days, with so much notice."""
    if until_day < from_day:
        return Verdict("waiting.days_reversed")
    if until_day < today:
        return Verdict("waiting.days_over")
    return ALLOWED if until_day - today >= notice else Verdict("waiting.too_much_notice")
