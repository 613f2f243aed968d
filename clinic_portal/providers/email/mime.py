"""The wire form of an e-mail, the same for every vendor."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address, ContentTypeHeader, HeaderRegistry
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import cast
from uuid import UUID

from clinic_portal.providers.base import well_formed
from clinic_portal.providers.email.base import Attachment, Email
from clinic_portal.providers.errors import ProviderError

#: A name may hold anything but brackets and control characters; the address is looked at more closely afterwards.
_MAILBOX = re.compile(r"(?P<bare>[^\s<>]+)|(?P<name>[^<>\x00-\x1f\x7f]*)<(?P<bracketed>[^\s<>]+)>")

#: What browsers take in a field of type "email". Source: https://html.spec.whatwg.org/#valid-e-mail-address
_LOCAL_PART = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")

#: Unicode categories: control characters, line and paragraph separators.
_UNPRINTABLE = frozenset({"Cc", "Zl", "Zp"})

#: What a name may hold only in quotes. Source: RFC 5322, section 3.2.3
_NO_PUNCTUATION = str.maketrans(dict.fromkeys('()<>[]:;@\\,."', " "))

_HEADERS = HeaderRegistry()


@dataclass(frozen=True)
class Envelope:
    """An e-mail ready for the wire: the bare addresses that the vendor is told, and the message that is read."""

    sender: str
    to: str
    message: EmailMessage

    @property
    def message_id(self) -> str:
        """The Message-ID header, angle brackets included."""
        return str(self.message["Message-ID"])

    def as_bytes(self) -> bytes:
        """The message with CRLF line ends, in seven-bit characters only."""
        return self.message.as_bytes()


def build_envelope(email: Email, *, idempotency_key: UUID, date: datetime | None) -> Envelope:
    """Text and HTML as alternatives, attachments beside them.

    A repeat of the key carries the same Message-ID. Line breaks and control characters in the subject, in names and in
    file names become spaces, so they never start a header. Without `date` the first mail server dates the message.

    Raises: ProviderError "email.recipient_invalid", "email.sender_invalid", "email.reply_to_invalid",
        "email.attachment_invalid"; none is retryable.
    """
    sender = parse_mailbox(email.sender, code="email.sender_invalid")
    to = parse_mailbox(email.to, code="email.recipient_invalid")
    message = EmailMessage(policy=SMTP)
    _address(message, "From", sender)
    _address(message, "To", to)
    if email.reply_to is not None:
        _address(message, "Reply-To", parse_mailbox(email.reply_to, code="email.reply_to_invalid"))
    message["Subject"] = _one_line(email.subject)
    message["Message-ID"] = f"<{idempotency_key}@{sender.domain}>"
    if date is not None:
        message["Date"] = format_datetime(date.astimezone(UTC))
    # So that vacation responders do not answer. Source: RFC 3834, section 5.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(well_formed(email.text), cte="quoted-printable")
    if email.html is not None:
        message.add_alternative(well_formed(email.html), subtype="html", cte="quoted-printable")
    for attachment in email.attachments:
        _attach(message, attachment)
    return Envelope(sender.addr_spec, to.addr_spec, message)


def parse_mailbox(text: str, *, code: str) -> Address:
    """Exactly one address, "ana@example.com" or "Ana Sousa <ana@example.com>"; commas in the name need no quotes.

    An international domain comes back in its ASCII form.

    Raises: ProviderError with the given code for anything else: lists, groups, quoted or non-ASCII local parts (few
        servers take them), IP addresses in the place of a domain, control characters.
    """
    refusal = ProviderError(code, retryable=False)
    match = _MAILBOX.fullmatch(text)
    if match is None:
        raise refusal
    local, _, domain = (match["bare"] or match["bracketed"]).rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise refusal from error
    # "=?" would be read as the start of an encoded word; a local part has 64 characters at most (RFC 5321, 4.5.3.1).
    if not _LOCAL_PART.fullmatch(local) or "=?" in local or not _DOMAIN.fullmatch(domain) or len(domain) > 253:
        raise refusal
    name = _one_line(match["name"] or "").removeprefix('"').removesuffix('"').strip()
    return Address(name, local, domain)


def _address(message: EmailMessage, header: str, mailbox: Address) -> None:
    message[header] = mailbox
    # The standard library loses the quotes around a name when it breaks the line, and what they held back ("::", ",")
    # then reads as another address. A name that long does without its punctuation.
    if "\r\n" in message[header].fold(policy=SMTP).removesuffix("\r\n"):
        name = " ".join(mailbox.display_name.translate(_NO_PUNCTUATION).split())
        del message[header]
        message[header] = Address(name, mailbox.username, mailbox.domain)


def _attach(message: EmailMessage, attachment: Attachment) -> None:
    maintype, subtype, params = _content_type(attachment.content_type)
    message.add_attachment(
        attachment.content,
        maintype=maintype,
        subtype=subtype,
        filename=_one_line(attachment.filename),
        params=params,
    )


def _content_type(text: str) -> tuple[str, str, Mapping[str, str]]:
    refusal = ProviderError("email.attachment_invalid", retryable=False)
    if not text.isascii() or not text.isprintable():
        raise refusal
    header = _HEADERS("Content-Type", text)
    # What the registry makes of this name; typeshed cannot say so.
    kind = cast(ContentTypeHeader, header)
    # Only a whole e-mail may be of the types "multipart" and "message"; here they would need parsing.
    if header.defects or kind.maintype in {"multipart", "message"}:
        raise refusal
    return kind.maintype, kind.subtype, kind.params


def _one_line(text: str) -> str:
    visible = "".join(
        " " if unicodedata.category(character) in _UNPRINTABLE else character for character in well_formed(text)
    )
    # "=?" would make the standard library, and then the reader, decode what a person typed as an encoded word, in which
    # a line break can hide (CVE-2024-6923).
    return " ".join(visible.split()).replace("=?", "= ?")
