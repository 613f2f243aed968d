"""What other features may do inside their transaction: queue messages about a thing of theirs, and void them."""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import JSON, String, Table, Text, bindparam, column, delete, func, select, update
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from clinic_portal.core.clock import Clock
from clinic_portal.core.ids import AccountId, PatientId, new_id
from clinic_portal.core.jobs import nudge_after_commit
from clinic_portal.core.statements import read_columns
from clinic_portal.notifications.models import Message, PatientReminderOptOut, ReminderOptOut, StoppedAddress
from clinic_portal.notifications.rules import ENDS, Channel, MessageState
from clinic_portal.notifications.sources import message_sources

__all__ = [
    "Channel",
    "Draft",
    "choose_channels",
    "note_stop",
    "queue_by_email_instead",
    "queue_message",
    "queue_messages",
    "void_messages",
]

_TRYING = (MessageState.QUEUED, MessageState.IN_FLIGHT, MessageState.RETRY_WAIT)

_MESSAGES = cast("Table", Message.__table__)
_WRITTEN = (
    "id", "kind", "channel", "subject_id", "dedupe_key", "state", "created_at", "due_at", "expires_at", "attempts"
)  # fmt: skip
#: Of one text, so that the statement is the same for one message and for forty.
_ROWS = (
    func.json_to_recordset(sql_cast(bindparam("rows", type_=Text), JSON))
    .table_valued(*(column(name, _MESSAGES.c[name].type) for name in _WRITTEN))
    .render_derived(with_types=True)
)
_QUEUED = (
    insert(_MESSAGES)
    .from_select(_WRITTEN, select(*(_ROWS.c[name] for name in _WRITTEN)))
    .on_conflict_do_nothing(index_elements=["dedupe_key"])
    .returning(_MESSAGES.c.id, _MESSAGES.c.due_at)
)

DELIVER = "clinic_portal.notifications.jobs.deliver_message"


@dataclass(frozen=True)
class Draft:
    """A message that is to be queued; what `queue_message` says of its arguments holds."""

    kind: str
    subject_id: UUID
    channel: Channel
    due_at: datetime | None = None
    expires_at: datetime | None = None
    key: str = ""


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
    drafts = [
        Draft(kind, subject_id, channel, due_at=due_at, expires_at=expires_at, key=key) for channel in set(channels)
    ]
    return queue_messages(db, clock, drafts)


def queue_messages(db: Session, clock: Clock, drafts: Iterable[Draft]) -> list[UUID]:
    """Write the outbox rows of several messages in one statement, as `queue_message` does. Returns the ids of new rows."""
    now = clock.now()
    # In one order for everybody: two transactions that queue the same messages wait, they do not deadlock.
    rows = sorted((_row(draft, now) for draft in drafts), key=lambda row: str(row["dedupe_key"]))
    for row in rows:
        if row["kind"] not in message_sources(db):
            raise KeyError(row["kind"])
    if not rows:
        return []
    queued = read_columns(db, _QUEUED, {"rows": json.dumps(rows, default=str)})
    due = [str(message_id) for message_id, due_at in queued if due_at <= now]
    if due:
        nudge_after_commit(db, "notify", DELIVER, *due)
    return [message_id for message_id, _ in queued]


def choose_channels(
    db: Session,
    clock: Clock,
    *,
    wanted: Collection[Channel],
    account_id: AccountId | None = None,
    patient_id: PatientId | None = None,
) -> None:
    """Have an account, or a patient who has none, reminded on these channels and no others; the rest still comes."""
    now, unwanted = clock.now(), sorted(set(Channel) - set(wanted))
    if account_id is not None:
        db.execute(delete(ReminderOptOut).where(ReminderOptOut.account_id == account_id))
        db.add_all(ReminderOptOut(account_id=account_id, channel=one, created_at=now) for one in unwanted)
    if patient_id is not None:
        db.execute(delete(PatientReminderOptOut).where(PatientReminderOptOut.patient_id == patient_id))
        db.add_all(PatientReminderOptOut(patient_id=patient_id, channel=one, created_at=now) for one in unwanted)
    db.flush()


def _row(draft: Draft, now: datetime) -> dict[str, object]:
    version = draft.key or (draft.due_at.isoformat() if draft.due_at else "")
    return {
        "id": new_id(),
        "kind": draft.kind,
        "channel": draft.channel,
        "subject_id": draft.subject_id,
        "dedupe_key": f"{draft.kind}:{draft.subject_id}:{draft.channel}:{version}",
        "state": MessageState.QUEUED,
        "created_at": now,
        "due_at": draft.due_at or now,
        "expires_at": draft.expires_at,
        "attempts": 0,
    }


def void_messages(db: Session, clock: Clock, *, subject_id: UUID, kinds: Collection[str] | None = None) -> int:
    """Cancel the subject's messages (of these kinds; None: all) that have not gone out. Returns how many there were.

    A voided message gives its place back, so the same one may be queued anew. One that a worker is sending right now
    goes out; should it have to be tried again, its source decides whether it is still true. Those that a voided one
    spoke for go out by themselves again.
    """
    unsent = select(Message.id).where(Message.state.in_(_TRYING)).scalar_subquery()
    statement = (
        update(Message)
        .where(
            Message.subject_id == subject_id,
            Message.state.in_([MessageState.QUEUED, MessageState.RETRY_WAIT])
            | (Message.state == MessageState.JOINED) & Message.joined_id.in_(unsent),
        )
        .values(
            state=MessageState.CANCELLED,
            joined_id=None,
            error_code="message.voided",
            dedupe_key=Message.dedupe_key + ":voided:" + sql_cast(Message.id, String),
        )
        .returning(Message.id)
    )
    if kinds is not None:
        statement = statement.where(Message.kind.in_(kinds))
    voided = db.scalars(statement).all()
    if voided:
        db.execute(
            update(Message).where(Message.joined_id.in_(voided)).values(state=MessageState.QUEUED, joined_id=None)
        )
    return len(voided)


def note_stop(db: Session, clock: Clock, number: str) -> None:
    """Write down that whoever has the phone answered STOP. Noting it again keeps the first time."""
    now, table = clock.now(), cast("Table", StoppedAddress.__table__)
    new = insert(table).values(channel=Channel.SMS, address=number, noticed_at=now)
    db.execute(
        new.on_conflict_do_update(
            index_elements=["channel", "address"],
            set_={"noticed_at": now, "ended_at": None, "asked_at": None, "error_code": None},
            where=table.c.ended_at.is_not(None),
        )
    )


def queue_by_email_instead(db: Session, clock: Clock, messages: Iterable[Message]) -> None:
    """Have e-mails say what these SMS could not, but for those that an e-mail says already or is about to.

    Most messages go by e-mail beside the SMS all along: nobody is told twice.
    """
    for message in messages:
        says_it = select(Message.id).where(
            Message.subject_id == message.subject_id,
            Message.kind == message.kind,
            Message.channel == Channel.EMAIL,
            Message.created_at >= message.created_at,
            Message.state.not_in(ENDS - {MessageState.DELIVERED}),
        )
        if db.scalar(says_it.limit(1)) is None:
            queue_message(
                db,
                clock,
                message.kind,
                subject_id=message.subject_id,
                channels=(Channel.EMAIL,),
                expires_at=message.expires_at,
                key=f"instead-of:{message.id}",
            )
