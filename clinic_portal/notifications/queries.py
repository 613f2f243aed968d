"""Reads: what was told about a thing, and the rows that a worker takes, locked."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from clinic_portal.core.clock import Clock
from clinic_portal.notifications.models import Message
from clinic_portal.notifications.rules import LEASE, WAITING, Channel, MessageState

__all__ = ["Channel", "MessageLine", "MessageState", "list_messages"]


@dataclass(frozen=True)
class MessageLine:
    """One message in the story of a visit."""

    id: UUID
    kind: str
    channel: Channel
    subject_id: UUID
    state: MessageState
    created_at: datetime
    due_at: datetime
    sent_at: datetime | None
    attempts: int
    error_code: str | None


def list_messages(
    db: Session, *, subject_ids: Collection[UUID], kinds: Collection[str] | None = None
) -> list[MessageLine]:
    """Return the messages about these things, oldest first.

    Whoever asks has checked that the actor may see the subjects: the outbox does not know whose they are.
    """
    statement = select(Message).where(Message.subject_id.in_(subject_ids)).order_by(Message.created_at, Message.id)
    if kinds is not None:
        statement = statement.where(Message.kind.in_(kinds))
    return [
        MessageLine(
            id=message.id,
            kind=message.kind,
            channel=message.channel,
            subject_id=message.subject_id,
            state=message.state,
            created_at=message.created_at,
            due_at=message.due_at,
            sent_at=message.sent_at,
            attempts=message.attempts,
            error_code=message.error_code,
        )
        for message in db.scalars(statement)
    ]


def lock_message(db: Session, message_id: UUID, *, wait: bool) -> Message | None:
    """Return the row, locked; None when there is none or, unless `wait`, when another worker has it right now."""
    statement = select(Message).where(Message.id == message_id).with_for_update(skip_locked=not wait)
    return db.scalars(statement.execution_options(populate_existing=True)).one_or_none()


def lock_next_due(db: Session, clock: Clock) -> Message | None:
    """Return the message that has waited longest and that no other worker is taking, locked."""
    now = clock.now()
    statement = (
        select(Message)
        .where(Message.state.in_(WAITING), Message.due_at <= now)
        .where(or_(Message.expires_at.is_(None), Message.expires_at > now))
        .order_by(Message.due_at, Message.id)
    )
    return next(iter(_locked(db, statement, limit=1)), None)


def lock_outdated(db: Session, clock: Clock, *, limit: int) -> list[Message]:
    """Return messages that waited until nobody needs them any more, locked."""
    statement = select(Message).where(Message.state.in_(WAITING), Message.expires_at <= clock.now())
    return _locked(db, statement, limit=limit)


def lock_abandoned(db: Session, clock: Clock, *, limit: int) -> list[Message]:
    """Return messages whose worker let the lease run out, locked."""
    statement = select(Message).where(
        Message.state == MessageState.IN_FLIGHT, Message.claimed_at <= clock.now() - LEASE
    )
    return _locked(db, statement, limit=limit)


def _locked(db: Session, statement: Select[Message], *, limit: int) -> list[Message]:
    found = db.scalars(
        statement.limit(limit).with_for_update(skip_locked=True).execution_options(populate_existing=True)
    )
    return list(found)
