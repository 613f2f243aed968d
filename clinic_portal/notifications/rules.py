"""Pure decisions about messages: channels, states and their legal changes, when to try again, what an SMS costs."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Channel(StrEnum):
    """How a message travels."""

    SMS = "sms"
    EMAIL = "email"


class MessageState(StrEnum):
    """Where a message is. Ends: delivered, failed, bounced, cancelled, expired (and sent, where no receipt comes).

    Joined is the end of a message if the one that it joined goes out.
    """

    QUEUED = "queued"
    IN_FLIGHT = "in_flight"
    RETRY_WAIT = "retry_wait"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    BOUNCED = "bounced"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    #: Another message of the same recipient tells of its subject as well.
    JOINED = "joined"


class MessageEvent(StrEnum):
    """What happens to a message."""

    #: A worker takes it.
    CLAIMED = "claimed"
    #: The vendor took it.
    ACCEPTED = "accepted"
    #: The vendor did not take it, or nobody knows; trying again may help.
    POSTPONED = "postponed"
    #: It was claimed at an hour at which it must not arrive.
    DEFERRED = "deferred"
    #: Another message speaks for it.
    JOINED = "joined"
    #: The other one does not after all.
    RELEASED = "released"
    #: The vendor, or our patience, says no.
    REFUSED = "refused"
    #: There is nothing to tell any more, or no address to tell it to.
    VOIDED = "voided"
    #: It is too late for it.
    OUTDATED = "outdated"
    #: Receipts of the vendor, which may come late, twice or in any order.
    RECEIPT_DELIVERED = "receipt_delivered"
    RECEIPT_BOUNCED = "receipt_bounced"


ENDS = frozenset(
    {
        MessageState.DELIVERED,
        MessageState.FAILED,
        MessageState.BOUNCED,
        MessageState.CANCELLED,
        MessageState.EXPIRED,
    }
)

#: A worker may take these when they are due.
WAITING = frozenset({MessageState.QUEUED, MessageState.RETRY_WAIT})

#: How long a worker may hold a message before the sweeper takes it back. Longer than TIMEOUT_S and the work around it.
LEASE = timedelta(seconds=60)

#: How long a vendor may take to answer.
TIMEOUT_S = 15.0

#: After the first attempt, the second, and so on; about 24 hours together. Then the message has failed.
RETRY_DELAYS = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=15),
)

MAX_ATTEMPTS = len(RETRY_DELAYS) + 1

#: The code of a message that did not go because whoever has the phone answered STOP.
OPTED_OUT = "sms.opted_out"

#: How often a vendor has texts go to one phone again.
#: Source: https://docs.aws.amazon.com/sns/latest/api/API_OptInPhoneNumber.html
OPT_IN_EVERY = timedelta(days=30)

#: For so long a vendor's list may still have a phone, or not have it yet, after it said otherwise about that phone.
LIST_LAG = timedelta(hours=1)


_RECEIPTS = {
    MessageEvent.RECEIPT_DELIVERED: MessageState.DELIVERED,
    MessageEvent.RECEIPT_BOUNCED: MessageState.BOUNCED,
}
_BEFORE_SENT = {
    MessageEvent.CLAIMED: MessageState.IN_FLIGHT,
    MessageEvent.VOIDED: MessageState.CANCELLED,
    MessageEvent.OUTDATED: MessageState.EXPIRED,
}
#: A vendor may have it already: its answer, or its receipt, may overtake what we know.
_ONCE_TRIED = {**_BEFORE_SENT, MessageEvent.ACCEPTED: MessageState.SENT, **_RECEIPTS}

#: State → event → next state. What is not here changes nothing: it came too late or twice.
_CHANGES: Mapping[MessageState, Mapping[MessageEvent, MessageState]] = {
    MessageState.QUEUED: {**_BEFORE_SENT, MessageEvent.JOINED: MessageState.JOINED},
    MessageState.JOINED: {
        MessageEvent.RELEASED: MessageState.QUEUED,
        MessageEvent.VOIDED: MessageState.CANCELLED,
    },
    MessageState.IN_FLIGHT: {
        **_ONCE_TRIED,
        MessageEvent.DEFERRED: MessageState.QUEUED,
        MessageEvent.POSTPONED: MessageState.RETRY_WAIT,
        MessageEvent.REFUSED: MessageState.FAILED,
    },
    MessageState.RETRY_WAIT: _ONCE_TRIED,
    MessageState.SENT: _RECEIPTS,
    **{end: {} for end in ENDS},
}


def next_state(state: MessageState, event: MessageEvent) -> MessageState:
    """Return the state after the event; the same one when the event comes too late or does not apply."""
    return _CHANGES[state].get(event, state)


def is_due(state: MessageState, *, due_at: datetime, now: datetime) -> bool:
    """Whether a worker may take the message now."""
    return state in WAITING and due_at <= now


def is_outdated(expires_at: datetime | None, *, now: datetime) -> bool:
    """Whether the message would come too late to be of use."""
    return expires_at is not None and expires_at <= now


def is_exhausted(attempts: int) -> bool:
    """Whether this many attempts are enough. Also stops a message that kills the worker whenever it is taken."""
    return attempts >= MAX_ATTEMPTS


def retry_at(attempts: int, *, now: datetime) -> datetime | None:
    """Return when to try again after this many attempts (at least one); None: give up."""
    return None if is_exhausted(attempts) else now + RETRY_DELAYS[attempts - 1]


def opt_in_from(opted_in_at: datetime | None, *, now: datetime) -> datetime | None:
    """Return from when texts may be turned on again, if they were last on `opted_in_at`; None: from now on."""
    again_from = opted_in_at + OPT_IN_EVERY if opted_in_at else now
    return again_from if again_from > now else None


def listed_anew(*, opted_in_at: datetime | None, now: datetime) -> bool:
    """Whether a vendor's list is to be believed that somebody answered STOP, who was let in again last `opted_in_at`."""
    return opted_in_at is None or opted_in_at + LIST_LAG <= now


def unlisted_for_good(noticed_at: datetime, *, now: datetime) -> bool:
    """Whether a vendor's list is to be believed that somebody is in again, whose STOP was last noticed then."""
    return noticed_at + LIST_LAG <= now


#: Characters of one septet. Source: 3GPP TS 23.038, section 6.2.1.
_GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
#: Characters of two septets (escape and another). Source: 3GPP TS 23.038, section 6.2.1.1.
_GSM_EXTENDED = frozenset("^{}\\[~]|€\f")


#: Typography that would make a text UTF-16, and with it twice as dear, for nothing.
_PLAIN = str.maketrans(
    {
        "‘": "'",
        "’": "'",
        "“": '"',
        "”": '"',
        "«": '"',
        "»": '"',
        "–": "-",
        "—": "-",
        "…": "...",
        "·": "-",
        "\u202f": " ",
    }
)


@dataclass(frozen=True)
class SmsSize:
    """What a text costs: vendors bill segments."""

    #: Septets in the GSM alphabet, else UTF-16 units.
    units: int
    segments: int
    is_gsm: bool


def sms_size(text: str) -> SmsSize:
    """Count a text as vendors do: 160 septets or 70 UTF-16 units in one segment, 153 or 67 in each of several.

    One character outside the GSM alphabet (ã, ç, õ, a curly quote) makes the whole text UTF-16.
    Source: 3GPP TS 23.040, section 9.2.3.24.1.
    """
    if all(letter in _GSM_BASIC or letter in _GSM_EXTENDED for letter in text):
        sizes = [2 if letter in _GSM_EXTENDED else 1 for letter in text]
        return SmsSize(sum(sizes), _segments(sizes, single=160, several=153), is_gsm=True)
    sizes = [len(letter.encode("utf-16-le", "surrogatepass")) // 2 for letter in text]
    return SmsSize(sum(sizes), _segments(sizes, single=70, several=67), is_gsm=False)


def _segments(sizes: list[int], *, single: int, several: int) -> int:
    if sum(sizes) <= single:
        return 1
    segments, room = 1, several
    for size in sizes:
        if size > room:  # A character of two units is not split between segments.
            segments, room = segments + 1, several
        room -= size
    return segments


def plain_sms(text: str) -> str:
    """Return the text in one paragraph, with plain quotes and dashes, and without accents where they cost a segment.

    "Clínica, 4.º andar" is then "Clinica, 4.o andar", as Portuguese texts are often written; a text that fits anyway
    keeps all its letters.
    """
    text = " ".join(text.translate(_PLAIN).split())
    bare = "".join(letter if letter in _GSM_BASIC or letter in _GSM_EXTENDED else _bare(letter) for letter in text)
    return bare if sms_size(bare).segments < sms_size(text).segments else text


def _bare(letter: str) -> str:
    return "".join(part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part))
