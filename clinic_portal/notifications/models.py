"""The outbox, and which reminders nobody wants."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from clinic_portal.core.db import Base, state_type
from clinic_portal.core.ids import new_id
from clinic_portal.notifications.rules import Channel, MessageEvent, MessageState, next_state


class Message(Base):
    """One message on one channel. Text and address are made when it is sent, from the live rows behind `subject_id`."""

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("dedupe_key"),
        CheckConstraint("attempts >= 0", name="attempts_not_negative"),
        CheckConstraint("(state = 'in_flight') = (claimed_at IS NOT NULL)", name="claimed_while_in_flight"),
        Index(
            "ix_message_due",
            "due_at",
            postgresql_where=text("state IN ('queued', 'retry_wait', 'in_flight')"),
        ),
        CheckConstraint("(state = 'joined') = (joined_id IS NOT NULL)", name="joined_to_another"),
        Index("ix_message_subject", "subject_id", "kind"),
        Index("ix_message_joined", "joined_id", postgresql_where=text("joined_id IS NOT NULL")),
        # What an administrator looks at: what went out, or did not, in the last days.
        Index(
            "ix_message_ended",
            "due_at",
            postgresql_where=text("state IN ('sent', 'delivered', 'failed', 'bounced')"),
        ),
        # What the desk looks at: what did not go because somebody answered STOP, and is about what is to come.
        Index("ix_message_opted_out", "expires_at", postgresql_where=text("error_code = 'sms.opted_out'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    #: A name from `wiring.MESSAGE_SOURCES`, for example "appointment_booked".
    kind: Mapped[str]
    channel: Mapped[Channel] = mapped_column(state_type(Channel))
    #: The row that the message tells of (an appointment, a one-time code); the kind says which table.
    subject_id: Mapped[UUID]
    #: kind, subject, channel and due time (or version): one message per such key, ever.
    dedupe_key: Mapped[str]
    state: Mapped[MessageState] = mapped_column(state_type(MessageState), default=MessageState.QUEUED)
    created_at: Mapped[datetime]
    #: Not before; moved forwards by a retry.
    due_at: Mapped[datetime]
    #: Not after: a code that ran out is not worth an SMS.
    expires_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    #: Set while a worker has it; the sweeper takes a stale one back.
    claimed_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    #: Which adapter took it and what it called it.
    provider: Mapped[str | None]
    provider_id: Mapped[str | None]
    #: Dotted code of the last failure.
    error_code: Mapped[str | None]
    #: The message of the same recipient that tells of this one's subject as well.
    joined_id: Mapped[UUID | None] = mapped_column(ForeignKey("message.id"))

    def happen(self, event: MessageEvent, *, now: datetime) -> bool:
        """Change the state as the rules say. Returns whether the event still applied."""
        after = next_state(self.state, event)
        changed = after is not self.state
        self.state = after
        if changed and after in {MessageState.SENT, MessageState.DELIVERED, MessageState.BOUNCED}:
            self.sent_at = self.sent_at or now
        if after is not MessageState.IN_FLIGHT:
            self.claimed_at = None
        return changed

    def claim(self, *, now: datetime) -> None:
        """Let a worker have it for the lease."""
        if self.happen(MessageEvent.CLAIMED, now=now):
            self.claimed_at = now
            self.attempts += 1


class StoppedAddress(Base):
    """An address that its owner closed to us at the vendor, by answering STOP to an SMS. No choice made here reopens it.

    The row stays when the vendor has it open again, because it may be opened only so often.
    """

    __tablename__ = "stopped_address"
    __table_args__ = (CheckConstraint("asked_at IS NULL OR ended_at IS NULL", name="asked_while_stopped"),)

    channel: Mapped[Channel] = mapped_column(state_type(Channel), primary_key=True)
    #: E.164 for an SMS.
    address: Mapped[str] = mapped_column(primary_key=True)
    #: When a message was refused, or the number was first seen in the vendor's list.
    noticed_at: Mapped[datetime]
    #: The vendor has it open again.
    ended_at: Mapped[datetime | None]
    #: Somebody who may wants messages there again, and the vendor has not answered yet.
    asked_at: Mapped[datetime | None]
    #: When the vendor last opened it because we asked.
    opted_in_at: Mapped[datetime | None]
    #: Why the vendor last did not.
    error_code: Mapped[str | None]

    def open_again(self, *, now: datetime) -> None:
        """Note that messages may go there again."""
        self.ended_at, self.asked_at, self.error_code = now, None, None


class PatientReminderOptOut(Base):
    """A patient without an account who wants no reminders on a channel. With an account, the account's choice counts."""

    __tablename__ = "patient_reminder_opt_out"

    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"), primary_key=True)
    channel: Mapped[Channel] = mapped_column(state_type(Channel), primary_key=True)
    created_at: Mapped[datetime]


class ReminderOptOut(Base):
    """An account that wants no reminders on a channel. What else is written to it still comes."""

    __tablename__ = "reminder_opt_out"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), primary_key=True)
    channel: Mapped[Channel] = mapped_column(state_type(Channel), primary_key=True)
    created_at: Mapped[datetime]
