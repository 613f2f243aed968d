"""Which SMS sender the settings ask for."""

from collections.abc import Callable
from datetime import datetime

from clinic_portal.core.settings import Settings
from clinic_portal.providers.sms.base import SmsSender
from clinic_portal.providers.sms.inbox import InboxSmsSender


def make_sms_sender(settings: Settings, now: Callable[[], datetime]) -> SmsSender:
    """Return the sender; it connects to nobody before the first text. Raises: ValueError for a name nobody knows."""
    match settings.sms_provider:
        case "inbox":
            return InboxSmsSender(folder=settings.inbox_folder, now=now)
        case "sns":
            # boto3 takes 0.2 s to load: every start pays only for the vendor that it uses.
            from clinic_portal.providers.sms.sns import SnsSmsSender

            return SnsSmsSender(region=settings.aws_region, endpoint_url=settings.aws_endpoint_url)
        case unknown:
            raise ValueError(f"no SMS provider {unknown!r}")
