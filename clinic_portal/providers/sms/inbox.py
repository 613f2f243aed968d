"""The developer's inbox for SMS: nothing leaves the machine."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from uuid import UUID

from clinic_portal.providers.base import Accepted, Channel
from clinic_portal.providers.errors import ProviderError
from clinic_portal.providers.inbox import Letter, opt_in, opted_out, put
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
        if sms.to in opted_out(self._folder):
            raise ProviderError("sms.opted_out", retryable=False)
        letter = Letter(channel=Channel.SMS, to=sms.to, sender=sms.sender, text=sms.text)
        return put(self._folder, letter, idempotency_key=idempotency_key, now=self._now)

    def opted_out(self, *, timeout_s: float) -> frozenset[str]:
        """See `SmsSender.opted_out`: numbers for which "Answer STOP" was pressed in the developer's inbox."""
        del timeout_s
        return opted_out(self._folder)

    def opt_in(self, number: str, *, timeout_s: float) -> None:
        """See `SmsSender.opt_in`; it never refuses. Raises: ProviderError "sms.inbox_unwritable"."""
        del timeout_s
        opt_in(self._folder, number)
