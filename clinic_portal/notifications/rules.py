"""Pure decisions about messages: channels, states and their legal changes."""

from enum import StrEnum


class Channel(StrEnum):
    """How a message travels."""

    SMS = "sms"
    EMAIL = "email"


class MessageState(StrEnum):
    """Where a message is. Ends: delivered, failed, bounced, cancelled, expired (and sent, where no receipt comes)."""

    QUEUED = "queued"
    IN_FLIGHT = "in_flight"
    RETRY_WAIT = "retry_wait"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    BOUNCED = "bounced"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
