"""The SMS port: what a sender promises, and what every sender refuses before it calls anyone."""

import re
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

import phonenumbers

from clinic_portal.providers.base import Accepted
from clinic_portal.providers.errors import ProviderError

#: Source: https://docs.aws.amazon.com/sns/latest/dg/sms_sms-to-phone.html, the strictest vendor that we have.
MAX_CHARACTERS = 1600

#: A sender is a name of up to 11 letters and digits with a letter in it, or a number that the vendor rented to us.
_SENDER = re.compile(r"(?=[0-9]*[A-Za-z])[A-Za-z0-9]{1,11}|\+[1-9][0-9]{4,14}|")


@dataclass(frozen=True)
class Sms:
    """One text to one phone. `to` is E.164; an empty `sender` leaves the choice to the vendor."""

    to: str
    text: str = field(repr=False)
    sender: str


class SmsSender(Protocol):
    """Hands texts to one vendor."""

    @property
    def name(self) -> str:
        """The vendor's slug, as configured and stored with the message."""

    @property
    def deduplicates(self) -> bool:
        """Whether the vendor drops a repeat of one idempotency key; if not, a retry can arrive twice."""

    def send(self, sms: Sms, *, idempotency_key: UUID, timeout_s: float) -> Accepted:
        """Hand one text to the vendor. Raises ProviderError(code, retryable) and nothing else.

        Name resolution aside, returns or raises within about `timeout_s`.
        "sms.opted_out", not retryable: whoever has the phone answered STOP, and the vendor hands nothing to it.
        """

    def opted_out(self, *, timeout_s: float) -> frozenset[str]:
        """Return every number, in E.164, whose owner answered STOP. Raises ProviderError and nothing else.

        Each of the vendor's pages may take `timeout_s`.
        """

    def opt_in(self, number: str, *, timeout_s: float) -> None:
        """Have texts go to a number again, which its owner must have asked for. Raises ProviderError and nothing else.

        "sms.opt_in_refused", not retryable: the vendor does not allow it, or not yet.
        """


def check_sms(sms: Sms) -> None:
    """Refuse what no vendor could deliver: Amazon, for one, accepts any number and bills for it.

    Raises: ProviderError "sms.number_invalid", "sms.sender_invalid", "sms.empty", "sms.too_long"; none is retryable.
    """
    if not _is_dialable(sms.to):
        raise ProviderError("sms.number_invalid", retryable=False)
    if not _SENDER.fullmatch(sms.sender):
        raise ProviderError("sms.sender_invalid", retryable=False)
    if not sms.text.strip():
        raise ProviderError("sms.empty", retryable=False)
    if len(sms.text) > MAX_CHARACTERS:
        raise ProviderError("sms.too_long", retryable=False)


def _is_dialable(number: str) -> bool:
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return False
    canonical = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    return canonical == number and phonenumbers.is_valid_number(parsed)
