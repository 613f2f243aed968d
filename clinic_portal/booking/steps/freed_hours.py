"""Hours that are worked after all: their times come free for those who wait."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from clinic_portal.booking.queries.work import Spot
from clinic_portal.booking.rules import Stretch
from clinic_portal.booking.steps.waiting import Freed, note_freed_time
from clinic_portal.core.clock import Clock, local_day
from clinic_portal.core.ids import FacilityId, PractitionerId
from clinic_portal.facilities.queries import find_facilities
from clinic_portal.practitioners.queries import active_practitioners

#: Who waits looks no further ahead.
DAYS_AHEAD = 92


def note_new_hours(db: Session, clock: Clock, work: Mapping[Spot, Sequence[Stretch]]) -> None:
    """Write down what is worked and was not before, whatever the reason: for each practitioner, place and day one stretch.

    Longer or other hours, an absence that ended, another room or mode, a day that is open again.
    """
    if not work:
        return
    now, places = clock.now(), find_facilities(db)
    people = {one.id for one in active_practitioners(db)}
    found: dict[tuple[UUID, UUID, date], list[Stretch]] = defaultdict(list)
    for spot, stretches in work.items():
        tz = places[FacilityId(spot.facility_id)].tz
        for start, end in stretches:
            if spot.practitioner_id in people and end > now and start < now + timedelta(days=DAYS_AHEAD):
                found[spot.practitioner_id, spot.facility_id, local_day(start, tz)].append(
                    Stretch(max(start, now), end)
                )
    for (who, where, _), own in sorted(found.items()):
        start, end = min(one.start for one in own), max(one.end for one in own)
        note_freed_time(db, clock, Freed(PractitionerId(who), FacilityId(where), start, end))
