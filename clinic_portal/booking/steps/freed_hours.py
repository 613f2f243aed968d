"""Hours that a practitioner works after all: their times come free for those who wait."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from clinic_portal.booking.steps.waiting import Freed
from clinic_portal.core.clock import Clock, day_bounds, local_day, wall_to_utc
from clinic_portal.core.ids import FacilityId, PractitionerId
from clinic_portal.facilities.queries import facility_by_id
from clinic_portal.practitioners.queries import HoursFacts
from clinic_portal.practitioners.queries.timetable import Timetable, timetable_of
from clinic_portal.practitioners.steps import AddExtra, PractitionerChange, RemoveAbsence

#: Who waits looks no further ahead; a day of hours is one stretch of work for the job.
DAYS_AHEAD = 92


def freed_by(db: Session, clock: Clock, change: PractitionerChange) -> Sequence[Freed]:
    """Return what a change of hours is about to free, a stretch for each day and facility. Ask before making it."""
    if isinstance(change, AddExtra):
        return _extra(db, change.hours)
    if not isinstance(change, RemoveAbsence):
        return ()
    now = clock.now()
    table = timetable_of(db, change.practitioner_id, from_day=now.date(), now=now)
    return [
        freed
        for absence in table.absences
        if absence.id == change.absence_id
        for facility_id in sorted(_places(table))
        for freed in _days(db, change.practitioner_id, facility_id, max(absence.starts_at, now), absence.ends_at)
    ]


def _places(table: Timetable) -> set[FacilityId]:
    return {row.hours.facility_id for row in (*table.weekly, *table.extra)}


def _extra(db: Session, hours: HoursFacts) -> Sequence[Freed]:
    tz, day = facility_by_id(db, hours.facility_id).tz, hours.valid_from
    start, end = (wall_to_utc(day, minute, tz) for minute in (hours.starts_minute, hours.ends_minute))
    if start is None or end is None:
        start, end = day_bounds(day, tz)  # The clock skips an edge: the whole day is looked at.
    return [Freed(hours.practitioner_id, hours.facility_id, start, end)]


def _days(
    db: Session, practitioner_id: PractitionerId, facility_id: FacilityId, start: datetime, end: datetime
) -> Sequence[Freed]:
    tz, found = facility_by_id(db, facility_id).tz, list[Freed]()
    day = local_day(start, tz)
    for _ in range(DAYS_AHEAD):
        first, last = day_bounds(day, tz)
        if first >= end:
            break
        found.append(Freed(practitioner_id, facility_id, max(first, start), min(last, end)))
        day += timedelta(days=1)
    return found
