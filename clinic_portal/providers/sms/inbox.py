"""The developer's inbox for SMS: nothing leaves the machine."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from uuid import UUID

from clinic_portal.providers.base import Accepted, Channel
from clinic_portal.providers.inbox import Letter, put
from clinic_portal.providers.sms.base import Sms, check_sms


class InboxSmsSender:
    """Writes each text as one file of the folder. A repeated key never makes a second message."""

    name = "inbox"
    deduplicates = True

    def __init__(self, *, folder: Path, now: Callable[[], datetime]) -> None:
        self._folder = folder
        self._now = now

    def send(self, sms: Sms, *, idempotency_key: UUID, timeout_s: float) -> Accepted:
        """See `SmsSender.send`. Raises: ProviderError "sms.inbox_unwritable", and what `check_sms` refuses."""
        del timeout_s  # A local folder does not keep anybody waiting.
        check_sms(sms)
        letter = Letter(channel=Channel.SMS, to=sms.to, sender=sms.sender, text=sms.text)
        return put(self._folder, letter, idempotency_key=idempotency_key, now=self._now)
