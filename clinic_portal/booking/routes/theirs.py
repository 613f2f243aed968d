"""What the patient has already, on a page of times: which times are left out for it, in words."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from flask_babel import gettext as _

from clinic_portal.booking.queries import FreeTime
from clinic_portal.booking.queries.diary import read_diary
from clinic_portal.booking.routes.common import Way, own_hold_hash
from clinic_portal.booking.rules import Stretch
from clinic_portal.core.clock import local_day, zone
from clinic_portal.web.access import current_actor
from clinic_portal.web.database import clock, db_session
from clinic_portal.web.filters import clinic_date

#: So many visits are named; somebody with more knows that they have them.
MOST_NAMED = 4

W = TypeVar("W", bound=Way)


def with_diary(way: W) -> W:
    """Return the way with what the patient has already, from today on: one statement where it is known whom it is for."""
    if way.patient_id is None or way.diary is not None:
        return way
    actor, now = current_actor(), clock().now()
    diary = read_diary(
        db_session(), way.patient_id, first=now, last=now + timedelta(days=way.service.rules.horizon_days + 1), now=now,
        but=way.wish().own_visit, own_hold=own_hold_hash(),
        # What staff hold, they hold for others.
        account_id=actor.account_id if actor is not None and not actor.is_staff else None,
    )  # fmt: skip
    return replace(way, diary=diary)


def is_elsewhere(way: Way, time: FreeTime) -> bool:
    """Whether a free time is none for this patient, because of what they have already."""
    tz = way.facilities[time.facility_id].tz
    return way.diary is not None and not way.diary.has_room(way.service, time.start, tz)


def left_out_lines(way: Way, times: Sequence[FreeTime]) -> tuple[str, ...]:
    """Return why which free times are left out: the visits that are in the way, each once, in order."""
    lines: dict[str, None] = {}
    for time in sorted(times, key=lambda time: time.start):
        if way.diary is not None and is_elsewhere(way, time):
            tz = way.facilities[time.facility_id].tz
            is_full = way.diary.is_full(way.service, time.start, tz)
            taken = None if is_full else way.diary.in_the_way(way.service, time.start)
            lines[_period(taken, tz) if taken else _full_day(time, tz)] = None
    return tuple(lines)[:MOST_NAMED]


def _period(taken: Stretch, tz: str) -> str:
    start, end = (moment.astimezone(zone(tz)) for moment in taken)
    return str(
        _("%(day)s, %(start)s to %(end)s", day=clinic_date(start.date()), start=f"{start:%H:%M}", end=f"{end:%H:%M}")
    )


def _full_day(time: FreeTime, tz: str) -> str:
    day = clinic_date(local_day(time.start, tz))
    return str(_("%(day)s: no more visits of this kind can be booked that day", day=day))
