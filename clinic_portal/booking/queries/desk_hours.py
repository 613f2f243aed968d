"""When a facility's desk is open: nobody else can phone a patient whom no message reaches."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from clinic_portal.booking.queries.reminders import quiet_hours
from clinic_portal.booking.queries.work import ONE_DAY, read_work
from clinic_portal.booking.rules import Stretch, quiet_stretches, without
from clinic_portal.core.clock import local_day
from clinic_portal.core.ids import FacilityId, PractitionerId
from clinic_portal.core.modes import Mode
from clinic_portal.facilities.queries import FacilityFacts
from clinic_portal.practitioners.queries import active_practitioners, hours_between

#: A facility to which nobody comes in these weeks is one where everybody meets online.
LOOKED_AHEAD = timedelta(weeks=4)


def desk_hours(db: Session, facility: FacilityFacts, *, now: datetime, until: datetime) -> Sequence[Stretch]:
    """Return when somebody is at a facility's desk from today to the day of `until`, in order, without the quiet hours.

    Each day from when the first patient can come to when the last visit can end: whoever has visits there has somebody who
    answers the phone. A facility to which nobody ever comes, because everybody meets online, counts those hours.
    """
    first, last = local_day(now, facility.tz), local_day(until, facility.tz)
    working = {one.id for one in active_practitioners(db)}
    worked = read_work(db, working, first=first, last=last, facility_id=facility.id).stretches(first, last)
    mode = Mode.IN_PERSON if _sees_patients(db, working, facility.id, first=first, last=last) else Mode.ONLINE
    days: dict[date, list[Stretch]] = defaultdict(list)
    for stretch in (one for spot, found in worked.items() if spot.mode is mode for one in found):
        days[local_day(stretch.start, facility.tz)].append(stretch)
    open_for = [
        Stretch(min(one.start for one in found), max(one.end for one in found)) for _, found in sorted(days.items())
    ]
    # Quiet hours go over midnight: the evening before counts as well.
    return without(open_for, quiet_stretches(quiet_hours(db), first - ONE_DAY, last, facility.tz))


def _sees_patients(
    db: Session, working: Collection[PractitionerId], facility_id: FacilityId, *, first: date, last: date
) -> bool:  # fmt: skip
    """Whether patients come to a facility in the weeks from a day on, be it only once."""
    hours = hours_between(db, working, from_day=first, to_day=max(last, first + LOOKED_AHEAD))
    return any(one.facility_id == facility_id and one.mode is Mode.IN_PERSON for one in hours)
