"""Background work of booking."""

import logging

from clinic_portal.booking.use_cases.end_expired_holds import BATCH, end_expired_holds
from clinic_portal.booking.use_cases.replan_reminders import replan_reminders as replan
from clinic_portal.core.jobs import open_job

log = logging.getLogger(__name__)


def sweep_holds() -> None:
    """Give back every time whose hold ran out. Called every minute; safe to run twice at once."""
    with open_job() as job:
        ended = BATCH
        while ended == BATCH:
            ended = end_expired_holds(job.db, job.clock)
            if ended:
                log.info("holds_expired", extra={"count": ended})


def replan_reminders() -> None:
    """Plan the reminders of all visits to come anew: nudged when the clinic's plans change."""
    with open_job() as job:
        log.info("reminders_replanned", extra={"count": replan(job.db, job.clock)})
