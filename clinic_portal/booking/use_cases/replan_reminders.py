"""Plan the reminders of all visits to come anew."""

from sqlalchemy.orm import Session

from clinic_portal.booking.queries.appointments import facts_of, lock_appointment
from clinic_portal.booking.queries.reminders import Reminding, reminding, upcoming
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.booking.steps.reminders import replan
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import end_read, transaction
from clinic_portal.core.ids import ServiceId

BATCH = 200


def replan_reminders(db: Session, clock: Clock, *, missing_only: bool = False) -> int:
    """Replace what waits by what the clinic's plans say now, one transaction a visit. Returns how many visits there were.

    `missing_only`: of visits for which none was ever planned, those booked before there were reminders, or taken over.

    A reminder that went out is not repeated, so running it twice, or stopping it in the middle, does no harm.
    """
    plans: dict[ServiceId, Reminding] = {}
    count, after = 0, None
    while visits := upcoming(db, clock, after=after, limit=BATCH, missing_only=missing_only):
        for visit in visits:
            if visit.service_id not in plans:
                plans[visit.service_id] = reminding(db, visit.service_id)
            end_read(db)
            with transaction(db):
                row = lock_appointment(db, visit.id)
                if row.state is AppointmentState.BOOKED:
                    replan(db, clock, facts_of(row), plans[visit.service_id])
            count += 1
        after = (visits[-1].starts_at, visits[-1].id)
    return count
