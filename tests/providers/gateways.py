"""One shape for every sender under test and for what arrived at its other end."""

from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage

from clinic_portal.providers.email.base import EmailSender
from clinic_portal.providers.email.smtp import SmtpSecurity
from clinic_portal.providers.sms.base import SmsSender


@dataclass(frozen=True)
class SentSms:
    to: str
    text: str


@dataclass(frozen=True)
class SmsGateway:
    sender: SmsSender
    sent: Callable[[], list[SentSms]]


@dataclass(frozen=True)
class ReceivedFile:
    filename: str
    content_type: str
    method: str | None
    content: bytes


@dataclass(frozen=True)
class ReceivedEmail:
    to: str
    sender: str
    reply_to: str | None
    subject: str
    text: str
    html: str | None
    attachments: list[ReceivedFile]
    message_id: str | None = None


@dataclass(frozen=True)
class EmailGateway:
    sender: EmailSender
    received: Callable[[], list[ReceivedEmail]]


def received(to: str, message: EmailMessage) -> ReceivedEmail:
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    return ReceivedEmail(
        to=to,
        sender=str(message["From"]),
        reply_to=None if message["Reply-To"] is None else str(message["Reply-To"]),
        subject=str(message["Subject"]),
        text=text.get_content().replace("\r\n", "\n").removesuffix("\n"),
        html=None if html is None else html.get_content().replace("\r\n", "\n").removesuffix("\n"),
        attachments=[
            ReceivedFile(
                part.get_filename() or "",
                part.get_content_type(),
                part["Content-Type"].params.get("method"),
                part.get_payload(decode=True),
            )
            for part in message.iter_attachments()
        ],
        message_id=str(message["Message-ID"]),
    )


SmtpGateway = Callable[[SmtpSecurity], EmailGateway]
