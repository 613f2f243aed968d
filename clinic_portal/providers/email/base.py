"""The e-mail port: what a sender promises."""

from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from clinic_portal.providers.base import Accepted


@dataclass(frozen=True)
class Attachment:
    """A file that travels with an e-mail. `content_type` may have parameters: "text/calendar; method=PUBLISH"."""

    filename: str
    content_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Email:
    """One e-mail to one person. Addresses are "ana@example.com" or "Ana Sousa <ana@example.com>"."""

    to: str
    subject: str
    text: str = field(repr=False)
    html: str | None = field(default=None, repr=False)
    sender: str
    reply_to: str | None = None
    attachments: tuple[Attachment, ...] = ()


class EmailSender(Protocol):
    """Hands e-mails to one vendor."""

    @property
    def name(self) -> str:
        """The vendor's slug, as configured and stored with the message."""

    @property
    def deduplicates(self) -> bool:
        """Whether the vendor drops a repeat of one idempotency key; if not, a retry can arrive twice."""

    def send(self, email: Email, *, idempotency_key: UUID, timeout_s: float) -> Accepted:
        """Hand one e-mail to the vendor. Raises ProviderError(code, retryable) and nothing else.

        Name resolution aside, returns or raises within about `timeout_s`.
        """
