"""The developer's inbox for e-mail: nothing leaves the machine."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from uuid import UUID

from clinic_portal.providers.base import Accepted, Channel
from clinic_portal.providers.email.base import Email
from clinic_portal.providers.email.mime import build_envelope
from clinic_portal.providers.inbox import Letter, put


class InboxEmailSender:
    """Writes each e-mail as one file of the folder. A repeated key never makes a second message."""

    name = "inbox"
    deduplicates = True

    def __init__(self, *, folder: Path, now: Callable[[], datetime]) -> None:
        self._folder = folder
        self._now = now

    def send(self, email: Email, *, idempotency_key: UUID, timeout_s: float) -> Accepted:
        """See `EmailSender.send`. Raises: ProviderError "email.inbox_unwritable", and what `build_envelope` refuses."""
        del timeout_s  # A local folder does not keep anybody waiting.
        # Built although it is not kept, so that what a real vendor would never get is refused here as well.
        envelope = build_envelope(email, idempotency_key=idempotency_key, date=None)
        letter = Letter(
            channel=Channel.EMAIL,
            to=email.to,
            sender=email.sender,
            subject=str(envelope.message["Subject"]),
            text=email.text,
            html=email.html,
            reply_to=email.reply_to,
            attachments=email.attachments,
        )
        return put(self._folder, letter, idempotency_key=idempotency_key, now=self._now)
