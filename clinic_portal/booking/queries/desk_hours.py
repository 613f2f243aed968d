"""When a facility's desk is open: nobody else can phone a patient whom no message reaches."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy.orm import Session

from clinic_portal.booking.models import WaitingEntry
from clinic_portal.booking.queries.recipients import hears
from clinic_portal.booking.queries.reminders import quiet_hours
from clinic_portal.booking.queries.work import ONE_DAY, read_work
from clinic_portal.booking.rules import Stretch, quiet_stretches, without
from clinic_portal.core.clock import local_day
from clinic_portal.core.ids import AccountId, PatientId
from clinic_portal.core.modes import Mode
from clinic_portal.facilities.queries import FacilityFacts
from clinic_portal.patients.queries import find_patients
from clinic_portal.practitioners.queries import active_practitioners


def desk_hours(db: Session, facility: FacilityFacts, *, now: datetime, until: datetime) -> Sequence[Stretch]:
    """Return when somebody is at a facility's desk from today to the day of `until`, in order, without the quiet hours.

    Each day from when the first patient can come to when the last visit can end: whoever has visits there has somebody who
    answers the phone. A facility without rooms, where everybody meets online, counts those hours.
    """
    first, last = local_day(now, facility.tz), local_day(until, facility.tz)
    working = {one.id for one in active_practitioners(db)}
    worked = read_work(db, working, first=first, last=last, facility_id=facility.id).stretches(first, last)
    at_clinic = [found for spot, found in worked.items() if spot.mode is Mode.IN_PERSON]
    days: dict[date, list[Stretch]] = defaultdict(list)
    for stretch in (one for found in at_clinic or worked.values() for one in found):
        days[local_day(stretch.start, facility.tz)].append(stretch)
    open_for = [
        Stretch(min(one.start for one in found), max(one.end for one in found)) for _, found in sorted(days.items())
    ]
    # Quiet hours go over midnight: the evening before counts as well.
    return without(open_for, quiet_stretches(quiet_hours(db), first - ONE_DAY, last, facility.tz))


def hears_of_offers(db: Session, entry: WaitingEntry, *, today: date) -> bool:
    """Whether an offer reaches who waits, or who acts for them, by SMS or e-mail: otherwise the desk phones them."""
    patient = find_patients(db, [PatientId(entry.patient_id)])[PatientId(entry.patient_id)]
    asked_by = AccountId(entry.account_id) if entry.account_id else None
    return hears(db, patient, asked_by, today=today)
