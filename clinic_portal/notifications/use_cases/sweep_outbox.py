"""Repair what was lost: messages without a nudge, messages of killed workers, messages whose time has come."""

import logging
import time
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import DomainError
from clinic_portal.core.settings import Settings
from clinic_portal.notifications.delivery import Claim, Outcome, Senders, attempt, claim, gather, postpone, record
from clinic_portal.notifications.queries import lock_abandoned, lock_next_due, lock_outdated
from clinic_portal.notifications.rules import MessageEvent, MessageState

log = logging.getLogger(__name__)

#: Rows that are repaired in one transaction.
BATCH = 100

#: One sweep ends after so many messages or seconds; the next goes on.
MAX_MESSAGES = 500
MAX_SECONDS = 45.0


@dataclass(frozen=True)
class Sweep:
    """What one sweep did."""

    taken_back: int
    expired: int
    tried: int
    sent: int


def sweep_outbox(db: Session, clock: Clock, *, settings: Settings, senders: Senders) -> Sweep:
    """Take abandoned messages back, end outdated ones, and try every one that is due, oldest first.

    Each message has its own transactions and is claimed just before it is tried, so several sweeps may run at once, and
    one bad message costs one attempt and stops no other.
    """
    until_s = time.monotonic() + MAX_SECONDS
    with transaction(db):
        taken_back = _take_back(db, clock)
    with transaction(db):
        expired = _end_outdated(db, clock)
    tried = sent = 0
    left: set[UUID] = set()
    while tried < MAX_MESSAGES and time.monotonic() < until_s:
        with transaction(db):
            taken = _claim_next(db, clock, left)
        if taken is None:
            break
        outcome = attempt(db, clock, taken, settings=settings, senders=senders)
        tried += 1
        sent += _record(db, clock, taken, outcome) is MessageState.SENT
    return Sweep(taken_back=taken_back, expired=expired, tried=tried, sent=sent)


def _record(db: Session, clock: Clock, taken: Claim, outcome: Outcome) -> MessageState | None:
    try:
        with transaction(db):
            return record(db, clock, taken, outcome)
    except (DomainError, SQLAlchemyError):
        # It stays in flight and comes back after the lease; meanwhile the others are not kept waiting.
        log.exception("outcome_not_recorded", extra={"message_id": str(taken.message_id)})
        return None


def _take_back(db: Session, clock: Clock) -> int:
    now = clock.now()
    abandoned = lock_abandoned(db, clock, limit=BATCH)
    for message in abandoned:
        log.warning("message_taken_back", extra={"message_id": str(message.id), "attempts": message.attempts})
        postpone(message, error_code="message.worker_lost", tried_at=message.claimed_at or now, now=now)
    return len(abandoned)


def _end_outdated(db: Session, clock: Clock) -> int:
    now = clock.now()
    outdated = lock_outdated(db, clock, limit=BATCH)
    for message in outdated:
        message.happen(MessageEvent.OUTDATED, now=now)
    return len(outdated)


def _claim_next(db: Session, clock: Clock, left: set[UUID]) -> Claim | None:
    """Claim the next message but those that this sweep leaves for a later one."""
    while (message := lock_next_due(db, clock, but=left)) is not None:
        if gather(db, clock, message):
            return claim(message, now=clock.now())
        left.add(message.id)
    return None
