"""Reads: what was told about a thing, and the rows that a worker takes, locked."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Subquery, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from clinic_portal.core.clock import Clock
from clinic_portal.core.heartbeat import last_beat
from clinic_portal.core.ids import AccountId, PatientId
from clinic_portal.notifications.models import Message, PatientReminderOptOut, ReminderOptOut, StoppedAddress
from clinic_portal.notifications.rules import LEASE, OPTED_OUT, WAITING, Channel, MessageState, opt_in_from

__all__ = [
    "Channel",
    "KindHealth",
    "MessageLine",
    "MessageState",
    "OutboxHealth",
    "SmsStop",
    "has_messages",
    "hears_of_nothing",
    "list_messages",
    "outbox_health",
    "sms_stop",
    "stopped_numbers",
    "stopped_subjects",
    "unwanted_by_patients",
    "unwanted_channels",
]

#: A message that is due for longer is late: the sweeper runs every ten seconds.
LATE_AFTER = timedelta(minutes=5)
#: What was tried so often without success is late as well, though its next try is still to come: about three minutes.
LATE_AFTER_TRIES = 3
#: A sweeper that has not run for this long stands still.
SILENT_AFTER = timedelta(minutes=2)
FAILED_WITHIN = timedelta(days=7)
SENT_WITHIN = timedelta(days=1)
FAILURES_SHOWN = 20
#: The name under which the sweeper says that it ran.
SWEEPER = "sweep_outbox"
#: The name under which whoever reads the list of numbers that answered STOP says so, and how long it may be silent.
STOP_READER = "read_stops"
STOPS_SILENT_AFTER = timedelta(hours=1)

_FAILED = (MessageState.FAILED, MessageState.BOUNCED)
_SENT = (MessageState.SENT, MessageState.DELIVERED)


@dataclass(frozen=True)
class KindHealth:
    """How one kind of message does on one channel."""

    kind: str
    channel: Channel
    #: To be sent, most of them later.
    waiting: int
    #: Should have gone out: nobody took them, or the vendor does not.
    late: int
    #: In the last seven days.
    failed: int
    #: In the last 24 hours.
    sent: int


@dataclass(frozen=True)
class OutboxHealth:
    """How the outbox does."""

    #: When the sweeper ran through last; None: never.
    last_run: datetime | None
    is_silent: bool
    kinds: Sequence[KindHealth]
    #: The latest messages that did not arrive, those that are tried again among them, newest first.
    failures: Sequence["MessageLine"]
    #: Phones that answered STOP.
    stopped: int
    #: When the vendor's list of them was read last; None: never.
    stops_read_at: datetime | None
    #: It has not been read for an hour.
    stops_are_old: bool

    @property
    def late(self) -> int:
        """How many messages are late."""
        return sum(kind.late for kind in self.kinds)

    @property
    def is_well(self) -> bool:
        """Whether nobody has to do anything."""
        return not self.is_silent and not self.late


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


def has_messages(subject_id: InstrumentedAttribute[UUID], kinds: Collection[str]) -> ColumnElement[bool]:
    """Return, as a part of somebody else's statement, whether any message of these kinds was ever written of a thing."""
    return exists().where(Message.subject_id == subject_id, Message.kind.in_(kinds))


def list_messages(
    db: Session, *, subject_ids: Collection[UUID], kinds: Collection[str] | None = None
) -> list[MessageLine]:
    """Return the messages about these things, oldest first.

    Whoever asks has checked that the actor may see the subjects: the outbox does not know whose they are.
    """
    statement = select(Message).where(Message.subject_id.in_(subject_ids)).order_by(Message.created_at, Message.id)
    if kinds is not None:
        statement = statement.where(Message.kind.in_(kinds))
    return [_line(message) for message in db.scalars(statement)]


def outbox_health(db: Session, clock: Clock) -> OutboxHealth:
    """Return how messages do, by kind, and when the sweeper ran last. Names nobody."""
    now = clock.now()
    trying = Message.state.in_([*WAITING, MessageState.IN_FLIGHT])
    overdue = Message.due_at <= now - LATE_AFTER
    is_stuck = (Message.state == MessageState.RETRY_WAIT) & (Message.attempts >= LATE_AFTER_TRIES)
    late = trying & or_(overdue, is_stuck)
    failed = Message.state.in_(_FAILED) & (Message.due_at >= now - FAILED_WITHIN)
    sent = Message.state.in_(_SENT) & (Message.due_at >= now - FAILED_WITHIN)
    rows = db.execute(
        select(
            Message.kind,
            Message.channel,
            func.count().filter(trying & ~late),
            func.count().filter(late),
            func.count().filter(failed),
            func.count().filter(sent & (Message.sent_at >= now - SENT_WITHIN)),
        )
        .where(or_(trying, failed, sent))
        .group_by(Message.kind, Message.channel)
        .order_by(Message.kind, Message.channel)
    )
    latest = db.scalars(
        select(Message).where(or_(failed, is_stuck)).order_by(Message.due_at.desc()).limit(FAILURES_SHOWN)
    )
    last_run, stops_read_at = last_beat(db, SWEEPER), last_beat(db, STOP_READER)
    return OutboxHealth(
        last_run=last_run,
        is_silent=last_run is None or last_run <= now - SILENT_AFTER,
        kinds=[KindHealth(*row) for row in rows],
        failures=[_line(message) for message in latest],
        stopped=db.scalars(select(func.count()).select_from(StoppedAddress).where(_is_stopped())).one(),
        stops_read_at=stops_read_at,
        stops_are_old=stops_read_at is None or stops_read_at <= now - STOPS_SILENT_AFTER,
    )


def _line(message: Message) -> MessageLine:
    return MessageLine(
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


def lock_message(db: Session, message_id: UUID, *, wait: bool) -> Message | None:
    """Return the row, locked; None when there is none or, unless `wait`, when another worker has it right now."""
    statement = select(Message).where(Message.id == message_id).with_for_update(skip_locked=not wait)
    return db.scalars(statement.execution_options(populate_existing=True)).one_or_none()


def lock_next_due(db: Session, clock: Clock, *, but: Collection[UUID] = ()) -> Message | None:
    """Return the message that has waited longest and that no other worker is taking, locked; none of `but`."""
    now = clock.now()
    statement = (
        select(Message)
        .where(Message.state.in_(WAITING), Message.due_at <= now)
        .where(or_(Message.expires_at.is_(None), Message.expires_at > now))
        .where(Message.id.not_in(but))
        .order_by(Message.due_at, Message.id)
    )
    return next(iter(_locked(db, statement, limit=1)), None)


def waiting_companions(db: Session, message: Message, subject_ids: Collection[UUID]) -> Sequence[UUID]:
    """Return the ids of messages of the same kind and channel about these things that nobody has tried yet."""
    return db.scalars(_companions(message, subject_ids)).all()


def lock_waiting_companions(db: Session, message: Message, subject_ids: Collection[UUID]) -> Sequence[Message]:
    """Return the same rows, locked, but for those that somebody else has locked."""
    rows = select(Message).where(Message.id.in_(_companions(message, subject_ids))).order_by(Message.id)
    return db.scalars(rows.with_for_update(skip_locked=True).execution_options(populate_existing=True)).all()


def lock_joined(db: Session, message_id: UUID) -> Sequence[Message]:
    """Return the messages that this one speaks for, locked."""
    rows = select(Message).where(Message.joined_id == message_id).order_by(Message.id)
    return db.scalars(rows.with_for_update().execution_options(populate_existing=True)).all()


def joined_subjects(db: Session, message_id: UUID) -> Sequence[UUID]:
    """Return what a message tells of beside its own subject."""
    return db.scalars(select(Message.subject_id).where(Message.joined_id == message_id).order_by(Message.id)).all()


def unwanted_channels(db: Session, account_ids: Collection[AccountId]) -> Mapping[AccountId, frozenset[Channel]]:
    """Return the channels on which each of these accounts wants no reminders."""
    if not account_ids:
        return {}
    rows = db.execute(
        select(ReminderOptOut.account_id, ReminderOptOut.channel).where(ReminderOptOut.account_id.in_(set(account_ids)))
    ).all()
    return {account_id: frozenset(channel for id_, channel in rows if id_ == account_id) for account_id in account_ids}


def unwanted_by_patients(db: Session, patient_ids: Collection[PatientId]) -> Mapping[PatientId, frozenset[Channel]]:
    """Return the channels on which each of these patients without an account wants no reminders."""
    if not patient_ids:
        return {}
    out = PatientReminderOptOut
    rows = db.execute(select(out.patient_id, out.channel).where(out.patient_id.in_(set(patient_ids)))).all()
    return {patient_id: frozenset(channel for id_, channel in rows if id_ == patient_id) for patient_id in patient_ids}


@dataclass(frozen=True)
class SmsStop:
    """A phone that answered STOP: no SMS goes there."""

    number: str
    since: datetime
    #: Texts were asked for again, and the vendor has not answered yet.
    is_asked: bool
    #: The vendor did not turn them on when it was asked last.
    is_refused: bool
    #: Not before can they be turned on again; None: now.
    again_from: datetime | None


def sms_stop(db: Session, clock: Clock, number: str | None) -> SmsStop | None:
    """Return what is known of a number that answered STOP; None when texts go there, as far as anybody knows."""
    row = db.get(StoppedAddress, (Channel.SMS, number), populate_existing=True) if number else None
    if row is None or row.ended_at is not None:
        return None
    return SmsStop(
        number=row.address,
        since=row.noticed_at,
        is_asked=row.asked_at is not None,
        is_refused=row.error_code is not None,
        again_from=opt_in_from(row.opted_in_at, now=clock.now()),
    )


def hears_of_nothing(db: Session, account_id: AccountId, number: str | None) -> bool:
    """Whether reminders are to come by SMS alone, and none reaches the number (None: none is confirmed)."""
    is_by_sms_alone = unwanted_channels(db, [account_id])[account_id] == {Channel.EMAIL}
    return is_by_sms_alone and (number is None or bool(stopped_numbers(db, [number])))


def stopped_numbers(db: Session, numbers: Collection[str | None]) -> Collection[str]:
    """Return those of the numbers that answered STOP: one statement, none when there is nothing to ask."""
    wanted = {number for number in numbers if number}
    if not wanted:
        return frozenset()
    found = select(StoppedAddress.address).where(
        StoppedAddress.channel == Channel.SMS, StoppedAddress.address.in_(wanted), _is_stopped()
    )
    return frozenset(db.scalars(found))


def stopped_subjects(kinds: Collection[str], *, now: datetime) -> Subquery:
    """Return what messages tell of that did not go because of a STOP, and when each was to: `subject_id`, `due_at`.

    Those that would still be worth something: what they were to tell of is to come. The others grow with the years.
    """
    stopped = select(Message.subject_id, Message.due_at).where(
        Message.error_code == OPTED_OUT,
        Message.channel == Channel.SMS,
        Message.kind.in_(kinds),
        Message.expires_at > now,
    )
    return stopped.subquery()


def lock_stop(db: Session, number: str) -> StoppedAddress | None:
    """Return the row of a number, locked."""
    row = select(StoppedAddress).where(StoppedAddress.channel == Channel.SMS, StoppedAddress.address == number)
    return db.scalars(row.with_for_update().execution_options(populate_existing=True)).one_or_none()


def lock_stops(db: Session) -> Sequence[StoppedAddress]:
    """Return the rows of all numbers, locked, in one order for everybody."""
    rows = select(StoppedAddress).where(StoppedAddress.channel == Channel.SMS).order_by(StoppedAddress.address)
    return db.scalars(rows.with_for_update().execution_options(populate_existing=True)).all()


def asked_numbers(db: Session) -> Sequence[str]:
    """Return the numbers for which texts were asked again and that the vendor has not been told of."""
    rows = select(StoppedAddress.address).where(
        StoppedAddress.channel == Channel.SMS, StoppedAddress.asked_at.is_not(None)
    )
    return db.scalars(rows.order_by(StoppedAddress.address)).all()


def _is_stopped() -> ColumnElement[bool]:
    return StoppedAddress.ended_at.is_(None)


def _companions(message: Message, subject_ids: Collection[UUID]) -> Select[UUID]:
    return select(Message.id).where(
        Message.subject_id.in_(set(subject_ids)),
        Message.kind == message.kind,
        Message.channel == message.channel,
        Message.state == MessageState.QUEUED,
        Message.id != message.id,
    )


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
