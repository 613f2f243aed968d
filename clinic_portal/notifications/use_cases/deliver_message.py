"""Deliver one message now."""

from sqlalchemy.orm import Session

from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import MessageId
from clinic_portal.core.settings import Settings
from clinic_portal.notifications.delivery import Claim, Senders, attempt, claim, gather, record
from clinic_portal.notifications.queries import lock_message
from clinic_portal.notifications.rules import MessageEvent, MessageState, is_due, is_outdated


def deliver_message(
    db: Session, clock: Clock, *, message_id: MessageId, settings: Settings, senders: Senders
) -> MessageState | None:
    """Try the message once, if it is due and nobody else has it. Returns its new state; None when it was not tried.

    Two transactions, because a vendor is called between them. Repeating the call after success does nothing.
    Raises: Busy when the outcome could not be written down: the sweeper takes the message back after the lease.
    """
    with transaction(db):
        taken = _claim(db, clock, message_id)
    if taken is None:
        return None
    outcome = attempt(db, clock, taken, settings=settings, senders=senders)
    with transaction(db):
        return record(db, clock, taken, outcome)


def _claim(db: Session, clock: Clock, message_id: MessageId) -> Claim | None:
    now = clock.now()
    message = lock_message(db, message_id, wait=False)
    if message is None or not is_due(message.state, due_at=message.due_at, now=now):
        return None
    if is_outdated(message.expires_at, now=now):
        message.happen(MessageEvent.OUTDATED, now=now)
        return None
    return claim(message, now=now) if gather(db, clock, message) else None
