"""Which e-mail sender the settings ask for."""

from collections.abc import Callable
from datetime import datetime

from clinic_portal.core.settings import Settings, SmtpSettings
from clinic_portal.providers.email.base import EmailSender
from clinic_portal.providers.email.inbox import InboxEmailSender
from clinic_portal.providers.email.smtp import SmtpEmailSender, SmtpSecurity

_SECURITY = {"starttls": SmtpSecurity.STARTTLS, "tls": SmtpSecurity.TLS, "none": SmtpSecurity.PLAIN}


def make_email_sender(settings: Settings, now: Callable[[], datetime]) -> EmailSender:
    """Return the sender; it connects to nobody before the first e-mail.

    Raises: ValueError for a name nobody knows, SMTP without its settings, or a password that would travel in the open.
    """
    match settings.email_provider:
        case "inbox":
            return InboxEmailSender(folder=settings.inbox_folder, now=now)
        case "smtp" if settings.smtp is not None:
            return _smtp_sender(settings.smtp, now)
        case "ses":
            # boto3 takes 0.2 s to load: every start pays only for the vendor that it uses.
            from clinic_portal.providers.email.ses import SesEmailSender

            return SesEmailSender(region=settings.aws_region, endpoint_url=settings.aws_endpoint_url, now=now)
        case other:
            raise ValueError(f"no e-mail provider {other!r} with these settings")


def _smtp_sender(smtp: SmtpSettings, now: Callable[[], datetime]) -> SmtpEmailSender:
    return SmtpEmailSender(
        host=smtp.host,
        port=smtp.port,
        security=_SECURITY[smtp.security],
        now=now,
        username=smtp.user or None,
        password=smtp.password or None,
    )
