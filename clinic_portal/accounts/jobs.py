"""Background work of this feature."""

from clinic_portal.accounts.use_cases.tidy_accounts import tidy_accounts as tidy
from clinic_portal.core.jobs import open_job


def tidy_accounts() -> None:
    """Forget month-old codes, sessions and counts, and registrations that nobody confirmed. Once a day is enough."""
    with open_job() as job:
        tidy(job.db, job.clock)
