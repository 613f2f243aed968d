"""Background work of arrivals."""

import logging

from clinic_portal.check_in.use_cases.mark_missed_visits import mark_missed_visits as mark
from clinic_portal.core.jobs import open_job

log = logging.getLogger(__name__)


def mark_missed_visits() -> None:
    """Note which visits of days that are over nobody came to. Called every half hour; safe to run twice at once."""
    with open_job() as job:
        count = mark(job.db, job.clock)
    log.info("missed_visits_marked", extra={"count": count})
