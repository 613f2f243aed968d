"""What every e-mail sender promises, asked of the embedded default, SMTP in its three forms, and SES."""

import os
import time
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from clinic_portal.providers.email.base import Attachment, Email, EmailSender
from clinic_portal.providers.email.ses import SesEmailSender
from clinic_portal.providers.email.smtp import SmtpEmailSender, SmtpSecurity
from clinic_portal.providers.errors import ProviderError
from tests.providers.gateways import EmailGateway, SmtpGateway
from tests.providers.servers import HOST, CannedAws, Certificate, SmtpServer, fixed_now


class TestEveryEmailSender:
    def test_delivers_all_parts(self, email_gateway: EmailGateway, letter: Email) -> None:
        calendar = "BEGIN:VCALENDAR\r\nMETHOD:PUBLISH\r\nSUMMARY:Avaliação 😀\r\nEND:VCALENDAR\r\n".encode()
        binary = os.urandom(200_000)
        sent = replace(
            letter,
            subject="A sua consulta de avaliação 😀, amanhã às 9:30: Rua da Conceição, n.º 12, 3.º esquerdo, em Ponta Delgada",
            text="Olá João,\n\n.\nFrom Lisboa: 😀👩‍⚕️\n\ttab  \n=3D\n" + "muito " * 5000,
            html='<p class="a">Olá <b>João</b> 😀</p>\n<!-- ' + "é" * 3000 + " -->",
            reply_to="Receção <desk@clinic.example>",
            attachments=(
                Attachment("visita médica.ics", "text/calendar; method=PUBLISH; charset=utf-8", calendar),
                Attachment("plan.bin", "application/octet-stream", binary),
                Attachment("empty.txt", "text/plain", b""),
            ),
        )

        accepted = email_gateway.sender.send(sent, idempotency_key=uuid4(), timeout_s=10)

        (got,) = email_gateway.received()
        assert accepted.vendor_id
        assert got.to == sent.to
        assert got.sender.replace('"', "") == sent.sender
        assert (got.reply_to, got.subject, got.html) == (sent.reply_to, sent.subject, sent.html)
        assert got.text == sent.text
        assert [(a.filename, a.content_type, a.method, a.content) for a in got.attachments] == [
            ("visita médica.ics", "text/calendar", "PUBLISH", calendar),
            ("plan.bin", "application/octet-stream", None, binary),
            ("empty.txt", "text/plain", None, b""),
        ]

    def test_text_alone_is_enough(self, email_gateway: EmailGateway, letter: Email) -> None:
        email_gateway.sender.send(letter, idempotency_key=uuid4(), timeout_s=30)

        (got,) = email_gateway.received()
        assert (got.text, got.html, got.attachments, got.reply_to) == (letter.text, None, [], None)

    def test_repeating_a_key_makes_a_second_message_only_where_the_vendor_cannot_help_it(
        self, email_gateway: EmailGateway, letter: Email
    ) -> None:
        key = uuid4()
        for _ in range(3):
            email_gateway.sender.send(letter, idempotency_key=key, timeout_s=30)

        got = email_gateway.received()
        assert len(got) == (1 if email_gateway.sender.deduplicates else 3)
        assert len({message.message_id for message in got}) == 1

    @pytest.mark.parametrize(
        ("wrong", "code"),
        [
            ({"to": "ana"}, "email.recipient_invalid"),
            ({"to": ""}, "email.recipient_invalid"),
            ({"to": "ana@example.com, eva@example.com"}, "email.recipient_invalid"),
            ({"to": "ana@example.com\r\nBcc: eva@example.com"}, "email.recipient_invalid"),
            ({"to": "joão@example.com"}, "email.recipient_invalid"),
            ({"sender": "nobody"}, "email.sender_invalid"),
            ({"reply_to": "a b"}, "email.reply_to_invalid"),
            ({"attachments": (Attachment("a", "nonsense", b""),)}, "email.attachment_invalid"),
            ({"attachments": (Attachment("a", "text/plain\nX: y", b""),)}, "email.attachment_invalid"),
        ],
    )
    def test_refuses_for_good_what_no_vendor_can_deliver(
        self, email_gateway: EmailGateway, letter: Email, wrong: dict[str, Any], code: str
    ) -> None:
        with pytest.raises(ProviderError) as caught:
            email_gateway.sender.send(replace(letter, **wrong), idempotency_key=uuid4(), timeout_s=30)

        assert (caught.value.code, caught.value.retryable) == (code, False)
        assert email_gateway.received() == []

    def test_hostile_text_is_delivered_tamed(self, email_gateway: EmailGateway, letter: Email) -> None:
        hostile = replace(letter, subject="Hi\r\nBcc: eva@example.com\x00\u2028x \udcff", text="lone \udcff surrogate")

        email_gateway.sender.send(hostile, idempotency_key=uuid4(), timeout_s=30)

        (got,) = email_gateway.received()
        assert (got.subject, got.text) == ("Hi Bcc: eva@example.com x ?", "lone ? surrogate")

    def test_an_outage_is_retryable_and_ends_within_the_time_limit(
        self, email_outage: EmailSender, letter: Email
    ) -> None:
        # The first client that is made takes boto3 a moment, on a busy machine a long one; the limit is on the network.
        for _ in range(2):
            started = time.monotonic()
            with pytest.raises(ProviderError) as caught:
                email_outage.send(letter, idempotency_key=uuid4(), timeout_s=0.6)

        assert caught.value.retryable
        assert caught.value.code in {"email.timeout", "email.unreachable", "email.inbox_unwritable"}
        assert time.monotonic() - started < 5


class TestSmtp:
    @pytest.mark.parametrize(
        ("to", "code", "retryable"),
        [
            ("nobody@example.com", "email.recipient_refused", False),
            ("greylisted@example.com", "email.recipient_deferred", True),
            ("spam@example.com", "email.refused", False),
            ("full@example.com", "email.deferred", True),
            ("huge@example.com", "email.too_large", False),
        ],
    )
    def test_a_reply_of_5xx_is_final_and_4xx_is_not(
        self, smtp_gateway: SmtpGateway, letter: Email, to: str, code: str, retryable: bool
    ) -> None:
        gateway = smtp_gateway(SmtpSecurity.PLAIN)

        with pytest.raises(ProviderError) as caught:
            gateway.sender.send(replace(letter, to=to), idempotency_key=uuid4(), timeout_s=30)

        assert (caught.value.code, caught.value.retryable) == (code, retryable)
        assert gateway.received() == []

    def test_a_failed_farewell_does_not_undo_the_delivery(
        self, smtp_gateway: SmtpGateway, smtp_servers: dict[SmtpSecurity, SmtpServer], letter: Email
    ) -> None:
        gateway = smtp_gateway(SmtpSecurity.PLAIN)
        smtp_servers[SmtpSecurity.PLAIN].postman.farewell = "421 Too tired to say goodbye"

        gateway.sender.send(letter, idempotency_key=uuid4(), timeout_s=30)

        assert len(gateway.received()) == 1

    @pytest.mark.parametrize("security", [SmtpSecurity.STARTTLS, SmtpSecurity.TLS])
    def test_a_wrong_password_keeps_the_message(
        self,
        smtp_servers: dict[SmtpSecurity, SmtpServer],
        certificate: Certificate,
        letter: Email,
        security: SmtpSecurity,
    ) -> None:
        sender = SmtpEmailSender(
            host=HOST,
            port=smtp_servers[security].port,
            security=security,
            username=smtp_servers[security].username,
            password="wrong",
            ca_file=certificate.certificate_file,
            now=fixed_now,
        )

        with pytest.raises(ProviderError) as caught:
            sender.send(letter, idempotency_key=uuid4(), timeout_s=30)

        assert (caught.value.code, caught.value.retryable) == ("email.credentials", True)

    @pytest.mark.parametrize("security", [SmtpSecurity.STARTTLS, SmtpSecurity.TLS])
    def test_a_certificate_that_nobody_vouches_for_is_not_trusted(
        self, smtp_servers: dict[SmtpSecurity, SmtpServer], letter: Email, security: SmtpSecurity
    ) -> None:
        server = smtp_servers[security]
        server.postman.delivered.clear()
        sender = SmtpEmailSender(
            host=HOST,
            port=server.port,
            security=security,
            username=server.username,
            password=server.password,
            now=fixed_now,
        )

        with pytest.raises(ProviderError) as caught:
            sender.send(letter, idempotency_key=uuid4(), timeout_s=30)

        assert (caught.value.code, caught.value.retryable) == ("email.tls_failed", True)
        assert server.postman.delivered == []

    def test_never_falls_back_to_plain_text(self, smtp_servers: dict[SmtpSecurity, SmtpServer], letter: Email) -> None:
        server = smtp_servers[SmtpSecurity.PLAIN]
        server.postman.delivered.clear()
        sender = SmtpEmailSender(host=HOST, port=server.port, security=SmtpSecurity.STARTTLS, now=fixed_now)

        with pytest.raises(ProviderError) as caught:
            sender.send(letter, idempotency_key=uuid4(), timeout_s=30)

        assert (caught.value.code, caught.value.retryable) == ("email.misconfigured", True)
        assert server.postman.delivered == []

    def test_a_host_name_that_cannot_be_is_a_provider_error(self, letter: Email) -> None:
        sender = SmtpEmailSender(host="a" * 70 + ".example", port=25, security=SmtpSecurity.PLAIN, now=fixed_now)

        with pytest.raises(ProviderError):
            sender.send(letter, idempotency_key=uuid4(), timeout_s=1)

    @pytest.mark.parametrize(
        "settings",
        [
            {"security": SmtpSecurity.PLAIN, "username": "a", "password": "b"},
            {"security": SmtpSecurity.TLS, "username": "a"},
            {"security": SmtpSecurity.TLS, "password": "b"},
        ],
    )
    def test_settings_that_would_leak_or_miss_a_password_are_refused(self, settings: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match="SMTP"):
            SmtpEmailSender(host=HOST, port=25, now=fixed_now, **settings)


class TestSes:
    def test_a_sender_that_is_not_verified_is_refused(self, ses_email: EmailGateway, letter: Email) -> None:
        with pytest.raises(ProviderError) as caught:
            ses_email.sender.send(
                replace(letter, sender="eva@elsewhere.example"), idempotency_key=uuid4(), timeout_s=30
            )

        assert (caught.value.code, caught.value.retryable) == ("email.refused", False)
        assert ses_email.received() == []

    @pytest.mark.parametrize(("status", "body"), [(200, b"not json <"), (200, b""), (200, b"{}"), (502, b"<html>")])
    def test_an_answer_that_is_no_answer_is_retryable(
        self, canned_aws: CannedAws, letter: Email, status: int, body: bytes
    ) -> None:
        canned_aws.status, canned_aws.body = status, body
        sender = SesEmailSender(
            region="eu-west-1", endpoint_url=canned_aws.url, access_key_id="a", secret_access_key="b", now=fixed_now
        )

        with pytest.raises(ProviderError) as caught:
            sender.send(letter, idempotency_key=uuid4(), timeout_s=30)

        assert caught.value.retryable

    @pytest.mark.parametrize(
        ("status", "vendor_code", "code", "retryable"),
        [
            (400, "MessageRejected", "email.refused", False),
            (400, "BadRequestException", "email.refused", False),
            (400, "AccountSuspendedException", "email.account_suspended", True),
            (400, "SendingPausedException", "email.account_paused", True),
            (400, "MailFromDomainNotVerifiedException", "email.sender_unverified", True),
            (429, "TooManyRequestsException", "email.throttled", True),
            (400, "LimitExceededException", "email.throttled", True),
            (403, "UnrecognizedClientException", "email.credentials", True),
            (500, "NeverHeardOf", "email.vendor_down", True),
            (400, "NeverHeardOf", "email.refused", False),
        ],
    )
    def test_translates_the_vendors_code_after_one_attempt(
        self, canned_aws: CannedAws, letter: Email, status: int, vendor_code: str, code: str, retryable: bool
    ) -> None:
        canned_aws.status, canned_aws.body = status, b'{"message": "no"}'
        canned_aws.headers = {"x-amzn-ErrorType": vendor_code}
        sender = SesEmailSender(
            region="eu-west-1", endpoint_url=canned_aws.url, access_key_id="a", secret_access_key="b", now=fixed_now
        )

        with pytest.raises(ProviderError) as caught:
            sender.send(letter, idempotency_key=uuid4(), timeout_s=30)

        assert (caught.value.code, caught.value.retryable) == (code, retryable)
        assert len(canned_aws.requests) == 1
