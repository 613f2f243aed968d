"""Tell the vendor whose phones want SMS again."""

import logging

from sqlalchemy.orm import Session

from clinic_portal.core.clock import Clock
from clinic_portal.core.db import end_read, transaction
from clinic_portal.notifications.queries import asked_numbers, lock_stop
from clinic_portal.notifications.rules import TIMEOUT_S
from clinic_portal.providers.errors import ProviderError
from clinic_portal.providers.sms.base import SmsSender

log = logging.getLogger(__name__)


def opt_in_numbers(db: Session, clock: Clock, *, sender: SmsSender) -> int:
    """Ask the vendor for every phone of which somebody asked, each with its own outcome. Returns how many are in again.

    What may succeed later is asked again at the next call. No transaction is open while the vendor is called; a worker
    that is killed in between asks twice, and what the vendor says to that is corrected by its list (`read_stops`).
    """
    numbers = asked_numbers(db)
    end_read(db)
    done = 0
    for number in numbers:
        try:
            sender.opt_in(number, timeout_s=TIMEOUT_S)
        except ProviderError as error:
            log.warning("sms_not_opted_in", extra={"error": error.code, "retryable": error.retryable})
            if not error.retryable:
                _record(db, clock, number, error_code=error.code)
        else:
            _record(db, clock, number, error_code=None)
            done += 1
    return done


def _record(db: Session, clock: Clock, number: str, *, error_code: str | None) -> None:
    now = clock.now()
    with transaction(db):
        row = lock_stop(db, number)
        if row is None or row.asked_at is None:
            return  # Somebody else was faster.
        if error_code is None:
            row.open_again(now=now)
            row.opted_in_at = now
        else:
            row.asked_at, row.error_code = None, error_code
