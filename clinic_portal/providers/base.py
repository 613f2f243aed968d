"""What every message channel shares."""

from dataclasses import dataclass
from enum import StrEnum


class Channel(StrEnum):
    """How a message travels; also the first part of its error codes."""

    SMS = "sms"
    EMAIL = "email"


@dataclass(frozen=True)
class Accepted:
    """The vendor took the message. It may still bounce later."""

    #: The vendor's name for the message, under which its receipts arrive.
    vendor_id: str


def well_formed(text: str) -> str:
    """The text with lone surrogates, which no wire can carry, replaced by "?"."""
    return text.encode("utf-8", "replace").decode("utf-8")
