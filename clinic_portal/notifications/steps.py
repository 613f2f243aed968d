"""What other features may do inside their transaction: queue messages about a thing of theirs, and void them."""

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import String, cast, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from clinic_portal.core.clock import Clock
from clinic_portal.core.ids import new_id
from clinic_portal.core.jobs import nudge_after_commit
from clinic_portal.notifications.models import Message
from clinic_portal.notifications.rules import Channel, MessageState
from clinic_portal.notifications.sources import message_sources

__all__ = ["Channel", "queue_message", "void_messages"]

DELIVER = "clinic_portal.notifications.jobs.deliver_message"


def queue_message(  # noqa: PLR0913 - a message has that many sides; all but three have defaults
    db: Session,
    clock: Clock,
    kind: str,
    *,
    subject_id: UUID,
    channels: Iterable[Channel] = (Channel.SMS, Channel.EMAIL),
    due_at: datetime | None = None,
    expires_at: datetime | None = None,
    key: str = "",
) -> list[UUID]:
    """Write one outbox row a channel, sent after the transaction commits (or when due). Returns the ids of new rows.

    There is one message for each kind, subject, channel and due time; `key` (a version, say) stands in for the due time.
    Queueing it again changes nothing, unless it was voided in between.
    Raises: KeyError for a kind without a source in `wiring.MESSAGE_SOURCES`.
    """
    if kind not in message_sources(db):
        raise KeyError(kind)
    now = clock.now()
    version = key or (due_at.isoformat() if due_at else "")
    rows = [
        {
            "id": new_id(),
            "kind": kind,
            "channel": channel,
            "subject_id": subject_id,
            "dedupe_key": f"{kind}:{subject_id}:{channel}:{version}",
            "state": MessageState.QUEUED,
            "created_at": now,
            "due_at": due_at or now,
            "expires_at": expires_at,
            "attempts": 0,
        }
        # In one order for everybody: two transactions that queue the same messages wait, they do not deadlock.
        for channel in sorted(set(channels))
    ]
    if not rows:
        return []
    statement = insert(Message).values(rows).on_conflict_do_nothing(index_elements=["dedupe_key"]).returning(Message.id)
    queued = list(db.scalars(statement))
    if due_at is None or due_at <= now:
        for message_id in queued:
            nudge_after_commit(db, "notify", DELIVER, str(message_id))
    return queued


def void_messages(db: Session, clock: Clock, *, subject_id: UUID, kinds: Collection[str] | None = None) -> int:
    """Cancel the subject's messages (of these kinds; None: all) that have not gone out. Returns how many there were.

    A voided message gives its place back, so the same one may be queued anew. One that a worker is sending right now
    goes out; should it have to be tried again, its source decides whether it is still true.
    """
    statement = (
        update(Message)
        .where(
            Message.subject_id == subject_id,
            Message.state.in_([MessageState.QUEUED, MessageState.RETRY_WAIT]),
        )
        .values(
            state=MessageState.CANCELLED,
            error_code="message.voided",
            dedupe_key=Message.dedupe_key + ":voided:" + cast(Message.id, String),
        )
        .returning(Message.id)
    )
    if kinds is not None:
        statement = statement.where(Message.kind.in_(kinds))
    return len(db.scalars(statement).all())
