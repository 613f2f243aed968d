"""Any SMTP server. SMTP has no idempotency key: a retry after a lost answer can arrive twice, with one Message-ID."""

import contextlib
import smtplib
import ssl
import time
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from clinic_portal.providers.base import Accepted
from clinic_portal.providers.email.base import Email
from clinic_portal.providers.email.mime import Envelope, build_envelope
from clinic_portal.providers.errors import ProviderError

#: Reply to MAIL FROM or DATA: the message is larger than the server takes. Source: RFC 1870, section 6.
_TOO_LARGE = 552


class SmtpSecurity(StrEnum):
    """How the connection is protected."""

    STARTTLS = "starttls"
    TLS = "tls"
    PLAIN = "plain"


class SmtpEmailSender:
    """Opens one connection a message and checks the server's certificate whenever TLS is asked for."""

    name = "smtp"
    deduplicates = False

    def __init__(  # noqa: PLR0913 - one argument a setting, all by name
        self,
        *,
        host: str,
        port: int,
        security: SmtpSecurity,
        now: Callable[[], datetime],
        username: str | None = None,
        password: str | None = None,
        ca_file: str | None = None,
    ) -> None:
        """`ca_file` replaces the system's certificate authorities, for a server inside the clinic.

        Raises: ValueError if a password would travel unprotected or half of the sign-in is missing;
            OSError if `ca_file` cannot be read.
        """
        if (username is None) != (password is None):
            raise ValueError("SMTP needs both a user name and a password, or neither")
        if username is not None and security is SmtpSecurity.PLAIN:
            raise ValueError("SMTP sign-in needs STARTTLS or TLS")
        self._host = host
        self._port = port
        self._security = security
        self._now = now
        self._username = username
        self._password = password
        self._tls = ssl.create_default_context(cafile=ca_file)

    def send(self, email: Email, *, idempotency_key: UUID, timeout_s: float) -> Accepted:
        """See `EmailSender.send`. Raises: ProviderError with a code of `_provider_error` or of `build_envelope`."""
        envelope = build_envelope(email, idempotency_key=idempotency_key, date=self._now())
        try:
            self._deliver(envelope, deadline=time.monotonic() + timeout_s)
        except (smtplib.SMTPException, OSError) as error:
            raise _provider_error(error) from error
        except UnicodeError as error:
            # A host name or a password that SMTP cannot express.
            raise ProviderError("email.misconfigured", retryable=True) from error
        return Accepted(envelope.message_id)

    def _deliver(self, envelope: Envelope, *, deadline: float) -> None:
        helo = envelope.sender.rpartition("@")[2]
        connection = self._connect(helo, deadline)
        try:
            if self._security is SmtpSecurity.STARTTLS:
                connection.starttls(context=self._tls)
            if self._username is not None and self._password is not None:
                connection.login(self._username, self._password)
            connection.sendmail(envelope.sender, [envelope.to], envelope.as_bytes())
            # The server has the message now; a failed farewell must not send it again.
            with contextlib.suppress(smtplib.SMTPException, OSError):
                connection.quit()
        finally:
            connection.close()

    def _connect(self, helo: str, deadline: float) -> smtplib.SMTP:
        match self._security:
            case SmtpSecurity.TLS:
                return _SmtpOverTls(self._host, self._port, helo, deadline, self._tls)
            case SmtpSecurity.STARTTLS | SmtpSecurity.PLAIN:
                return _Smtp(self._host, self._port, helo, deadline)
            case _:
                assert_never(self._security)


class _Smtp(smtplib.SMTP):
    """Waits for all replies together until the deadline; the base class would grant each reply the full time."""

    def __init__(self, host: str, port: int, helo: str, deadline: float) -> None:
        self._deadline = deadline
        super().__init__(host, port, local_hostname=helo, timeout=_remaining_s(deadline))

    def getreply(self) -> tuple[int, bytes]:
        _limit(self, self._deadline)
        return super().getreply()


class _SmtpOverTls(smtplib.SMTP_SSL):
    """The same over implicit TLS."""

    def __init__(self, host: str, port: int, helo: str, deadline: float, context: ssl.SSLContext) -> None:
        self._deadline = deadline
        super().__init__(host, port, local_hostname=helo, timeout=_remaining_s(deadline), context=context)

    def getreply(self) -> tuple[int, bytes]:
        _limit(self, self._deadline)
        return super().getreply()


def _limit(connection: smtplib.SMTP, deadline: float) -> None:
    if connection.sock is not None:
        connection.sock.settimeout(_remaining_s(deadline))


def _remaining_s(deadline: float) -> float:
    # Zero would mean "do not block at all", and a negative wait is an error.
    return max(deadline - time.monotonic(), 0.001)


def _provider_error(error: smtplib.SMTPException | OSError) -> ProviderError:
    """4xx and a broken connection may pass; 5xx is final, except to a sign-in: that one is ours to repair.

    Source: RFC 5321, section 4.2.1.
    """
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        refused = all(_is_permanent(code) for code, _ in error.recipients.values())
        code = "email.recipient_refused" if refused else "email.recipient_deferred"
        return ProviderError(code, retryable=not refused)
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return ProviderError("email.credentials", retryable=True)
    # A server that greets with 554 is closed for the moment; that is no word about the message.
    if isinstance(error, smtplib.SMTPResponseException) and not isinstance(error, smtplib.SMTPConnectError):
        return _replied(error.smtp_code)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        # The server offers no STARTTLS or no sign-in that we know. Falling back to plain text is not an option.
        return ProviderError("email.misconfigured", retryable=True)
    if isinstance(error, ssl.SSLError):
        return ProviderError("email.tls_failed", retryable=True)
    # smtplib reports a wait that ran out as a lost connection, with the cause behind it.
    timed_out = isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)
    return ProviderError("email.timeout" if timed_out else "email.unreachable", retryable=True)


def _replied(code: int) -> ProviderError:
    if code == _TOO_LARGE:
        return ProviderError("email.too_large", retryable=False)
    if _is_permanent(code):
        return ProviderError("email.refused", retryable=False)
    return ProviderError("email.deferred", retryable=True)


def _is_permanent(code: int) -> bool:
    return 500 <= code < 600
