"""One attempt to deliver a message: claim (commit) → build and call, with no transaction open → record (commit).

The use cases `deliver_message` and `sweep_outbox` open the two transactions; `docs/messages.md` says what a worker that
is killed between any two of these lines leaves behind.
"""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never
from uuid import UUID

from sqlalchemy.orm import Session

from clinic_portal.core.clock import Clock
from clinic_portal.core.db import end_read
from clinic_portal.core.settings import Settings
from clinic_portal.notifications.models import Message
from clinic_portal.notifications.queries import (
    joined_subjects,
    lock_joined,
    lock_message,
    lock_waiting_companions,
    stopped_numbers,
    waiting_companions,
)
from clinic_portal.notifications.rendering import has_email, render_email, render_sms
from clinic_portal.notifications.rules import OPTED_OUT, TIMEOUT_S, Channel, MessageEvent, MessageState, retry_at
from clinic_portal.notifications.sources import MessageFacts, message_groups, message_sources
from clinic_portal.notifications.steps import note_stop, queue_by_email_instead
from clinic_portal.providers.email.base import Email, EmailSender
from clinic_portal.providers.email.factory import make_email_sender
from clinic_portal.providers.errors import ProviderError
from clinic_portal.providers.sms.base import Sms, SmsSender
from clinic_portal.providers.sms.factory import make_sms_sender

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Senders:
    """The vendors of both channels."""

    sms: SmsSender
    email: EmailSender


@dataclass(frozen=True)
class Claim:
    """A message that this worker has for the length of the lease. `attempt` tells it from a later claim of the same."""

    message_id: UUID
    kind: str
    channel: Channel
    subject_id: UUID
    attempt: int


@dataclass(frozen=True)
class Outcome:
    """What became of an attempt."""

    event: MessageEvent
    error_code: str | None = None
    provider: str | None = None
    provider_id: str | None = None
    #: When to try again; only after DEFERRED.
    due_at: datetime | None = None
    #: The phone that answered STOP, which the vendor has just told.
    stopped: str | None = None
    #: The SMS did not go because of that, and an e-mail may say the same.
    goes_by_email: bool = False


def make_senders(settings: Settings, now: Callable[[], datetime]) -> Senders:
    """Return the senders that the settings ask for. Raises: ValueError."""
    return Senders(sms=make_sms_sender(settings, now), email=make_email_sender(settings, now))


def gather(db: Session, clock: Clock, message: Message) -> bool:
    """Have a locked message that is about to be claimed speak for its companions, whose rows then end as `joined`.

    Who they are is asked anew at every try: one that is no companion any more is released and goes out by itself. False
    when somebody else has one of the rows: the message is then left for the next sweep. Nothing here waits for a lock
    that a change of a visit may hold, so nobody waits in a circle.
    """
    group = message_groups(db).get(message.kind)
    if group is None:
        return True
    subjects = set(group.companions(db, clock, message.subject_id, message.channel))
    found = waiting_companions(db, message, subjects)
    locked = lock_waiting_companions(db, message, subjects) if found else []
    if len(locked) < len(found):
        return False
    now = clock.now()
    if message.attempts:
        _release(db, message, subjects, now=now)
    for other in locked:
        other.happen(MessageEvent.JOINED, now=now)
        other.joined_id = message.id
        for third in lock_joined(db, other.id):
            third.joined_id = message.id
        if message.expires_at and other.expires_at:
            message.expires_at = max(message.expires_at, other.expires_at)
    return True


def _release(db: Session, message: Message, subjects: Collection[UUID], *, now: datetime) -> None:
    for other in lock_joined(db, message.id):
        if other.subject_id not in subjects:
            other.happen(MessageEvent.RELEASED, now=now)
            other.joined_id = None


def claim(message: Message, *, now: datetime) -> Claim:
    """Take a locked row that is due."""
    message.claim(now=now)
    return Claim(
        message_id=message.id,
        kind=message.kind,
        channel=message.channel,
        subject_id=message.subject_id,
        attempt=message.attempts,
    )


def attempt(db: Session, clock: Clock, taken: Claim, *, settings: Settings, senders: Senders) -> Outcome:
    """Build the message from the live rows and hand it to the vendor, who sees the row's id as idempotency key.

    Called between two transactions. Whatever goes wrong with this one message is an outcome, so that the next is tried.
    """
    try:
        try:
            letter = _build(db, clock, taken, settings)
        finally:
            end_read(db)
        outcome = letter if isinstance(letter, Outcome) else _hand_over(letter, taken.message_id, senders)
        if outcome.error_code == OPTED_OUT:
            return replace(outcome, goes_by_email=has_email(settings, taken.kind))
        return outcome
    except Exception:
        # A mistake of ours (a source, a template, an adapter): the message waits for its repair and the others go out.
        log.exception("message_broken", extra={"message_id": str(taken.message_id), "kind": taken.kind})
        return Outcome(MessageEvent.POSTPONED, "message.broken")


def record(db: Session, clock: Clock, taken: Claim, outcome: Outcome) -> MessageState | None:
    """Write down what became of the attempt. Returns the new state; None when the row is gone.

    A worker that was slower than the lease no longer owns the row: only what the vendor took still counts.
    """
    message = lock_message(db, taken.message_id, wait=True)
    if message is None:
        return None
    is_ours = message.state is MessageState.IN_FLIGHT and message.attempts == taken.attempt
    if not is_ours and outcome.event is not MessageEvent.ACCEPTED:
        log.warning("late_outcome_ignored", extra={"message_id": str(taken.message_id), "error": outcome.error_code})
        return message.state
    now = clock.now()
    if outcome.event is MessageEvent.POSTPONED:
        postpone(message, error_code=outcome.error_code, tried_at=now, now=now)
    elif outcome.event is MessageEvent.DEFERRED:
        message.happen(outcome.event, now=now)
        message.due_at = outcome.due_at or now
    elif message.happen(outcome.event, now=now):
        message.error_code = outcome.error_code
        message.provider = outcome.provider
        message.provider_id = outcome.provider_id
        if outcome.stopped is not None:
            note_stop(db, clock, outcome.stopped)
        if outcome.error_code == OPTED_OUT:
            _note_unsent(db, clock, message, outcome)
    return message.state


def _note_unsent(db: Session, clock: Clock, message: Message, outcome: Outcome) -> None:
    """The phone answered STOP: what the message was to say of others as well did not go either."""
    joined = lock_joined(db, message.id)
    for other in joined:
        other.error_code = outcome.error_code
    if outcome.goes_by_email:
        queue_by_email_instead(db, clock, [message, *joined])


def postpone(message: Message, *, error_code: str | None, tried_at: datetime, now: datetime) -> None:
    """Have a message of which an attempt failed tried again later, or give it up after many."""
    again_at = retry_at(message.attempts, now=tried_at)
    message.error_code = error_code
    if again_at is None:
        message.happen(MessageEvent.REFUSED, now=now)
        return
    message.happen(MessageEvent.POSTPONED, now=now)
    message.due_at = max(again_at, now)


def _build(db: Session, clock: Clock, taken: Claim, settings: Settings) -> Sms | Email | Outcome:
    facts = _facts(db, clock, taken, settings)
    if facts is None:
        return Outcome(MessageEvent.VOIDED, "message.no_longer_true")
    if facts.not_before is not None and facts.not_before > clock.now():
        return Outcome(MessageEvent.DEFERRED, due_at=facts.not_before)
    match taken.channel:
        case Channel.SMS if stopped_numbers(db, [facts.phone]):
            return Outcome(MessageEvent.VOIDED, OPTED_OUT)
        case Channel.SMS if facts.phone:
            return render_sms(settings, taken.kind, facts)
        case Channel.EMAIL if facts.email:
            return render_email(settings, taken.kind, facts)
        case Channel.SMS | Channel.EMAIL:
            return Outcome(MessageEvent.VOIDED, "message.no_address")
        case _:
            assert_never(taken.channel)


def _facts(db: Session, clock: Clock, taken: Claim, settings: Settings) -> MessageFacts | None:
    group = message_groups(db).get(taken.kind)
    if group is None:
        return message_sources(db)[taken.kind](db, clock, settings, taken.subject_id)
    subjects = [taken.subject_id, *joined_subjects(db, taken.message_id)]
    return group.facts(db, clock, settings, subjects, taken.channel)


def _hand_over(letter: Sms | Email, message_id: UUID, senders: Senders) -> Outcome:
    sender = senders.sms if isinstance(letter, Sms) else senders.email
    try:
        if isinstance(letter, Sms):
            accepted = senders.sms.send(letter, idempotency_key=message_id, timeout_s=TIMEOUT_S)
        else:
            accepted = senders.email.send(letter, idempotency_key=message_id, timeout_s=TIMEOUT_S)
    except ProviderError as error:
        event = MessageEvent.POSTPONED if error.retryable else MessageEvent.REFUSED
        stopped = letter.to if error.code == OPTED_OUT else None
        return Outcome(event, error.code, provider=sender.name, stopped=stopped)
    return Outcome(MessageEvent.ACCEPTED, provider=sender.name, provider_id=accepted.vendor_id)
