"""Note which visits of days that are over nobody came to."""

import logging

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from clinic_portal.booking import steps as booking
from clinic_portal.booking.queries.missed import visits_never_arrived_for
from clinic_portal.check_in.events import PatientMissed
from clinic_portal.core.actor import system
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import end_read, transaction
from clinic_portal.core.errors import DomainError
from clinic_portal.core.events import publish

log = logging.getLogger(__name__)

#: Who writes it down.
END_OF_DAY = system("end-of-day")
BATCH = 200


def mark_missed_visits(db: Session, clock: Clock) -> int:
    """Make booked visits no-shows once their facility's day is over; one transaction each. Returns how many there were.

    A visit that cannot be changed is logged and left for the next run; so is one that somebody changed meanwhile.
    """
    found = visits_never_arrived_for(db, clock, limit=BATCH)
    end_read(db)
    count = 0
    for appointment_id in found:
        try:
            with transaction(db):
                facts = booking.mark_noshow(db, clock, appointment_id=appointment_id, actor=END_OF_DAY)
                publish(db, clock, PatientMissed(appointment_id, facts.facility_id))
            count += 1
        except (DomainError, SQLAlchemyError):
            log.exception("missed_visit_not_marked", extra={"appointment_id": str(appointment_id)})
    return count
