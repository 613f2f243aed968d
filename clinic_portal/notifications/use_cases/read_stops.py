"""Read at the vendor which phones answered STOP, and which are in again."""

import logging
from datetime import datetime

from sqlalchemy.orm import Session

from clinic_portal.accounts.queries import known_phones as phones_of_accounts
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.notifications.models import StoppedAddress
from clinic_portal.notifications.queries import lock_stops
from clinic_portal.notifications.rules import TIMEOUT_S, listed_anew, unlisted_for_good
from clinic_portal.notifications.steps import note_stop
from clinic_portal.patients.queries import known_phones as phones_of_patients
from clinic_portal.providers.errors import ProviderError
from clinic_portal.providers.sms.base import SmsSender

log = logging.getLogger(__name__)


def read_stops(db: Session, clock: Clock, *, sender: SmsSender) -> bool:
    """Make the portal's list that of the vendor, as far as the clinic knows the numbers. Returns whether it was read.

    The vendor's list is of a whole account: numbers of strangers are not kept, and a number that nobody of the clinic
    has any more is forgotten. Safe to run twice and at the same time.
    """
    try:
        listed = sender.opted_out(timeout_s=TIMEOUT_S)
    except ProviderError as error:
        log.warning("stops_not_read", extra={"error": error.code})
        return False
    now = clock.now()
    with transaction(db):
        rows = {row.address: row for row in lock_stops(db)}
        asked = listed | rows.keys()
        known = phones_of_accounts(db, asked) | phones_of_patients(db, asked)
        for number, row in rows.items():
            if number not in known:
                db.delete(row)
            elif number not in listed and row.ended_at is None and unlisted_for_good(row.noticed_at, now=now):
                row.open_again(now=now)
        for number in sorted(listed & known):
            if _is_news(rows.get(number), now=now):
                note_stop(db, clock, number)  # A refusal may have noted it a moment ago.
    return True


def _is_news(row: StoppedAddress | None, *, now: datetime) -> bool:
    """Whether it was not known that somebody in the vendor's list answered STOP."""
    return row is None or (row.ended_at is not None and listed_anew(opted_in_at=row.opted_in_at, now=now))
