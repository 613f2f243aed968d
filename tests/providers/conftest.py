"""Real servers for the contract tests: moto for Amazon, aiosmtpd for SMTP, and two that behave badly. No fixed ports."""

import asyncio
import email
import email.policy
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from clinic_portal.providers.email.base import Email, EmailSender
from clinic_portal.providers.email.inbox import InboxEmailSender
from clinic_portal.providers.email.ses import SesEmailSender
from clinic_portal.providers.email.smtp import SmtpEmailSender, SmtpSecurity
from clinic_portal.providers.inbox import opt_out, read_inbox
from clinic_portal.providers.sms.base import SmsSender
from clinic_portal.providers.sms.inbox import InboxSmsSender
from clinic_portal.providers.sms.sns import SnsSmsSender
from tests.providers.gateways import (
    EmailGateway,
    ReceivedEmail,
    ReceivedFile,
    SentSms,
    SmsGateway,
    SmtpGateway,
    received,
)
from tests.providers.servers import (
    AWS,
    CHECKED_STOP,
    HOST,
    LISTED_STOP,
    PASSWORD,
    USERNAME,
    CannedAws,
    Certificate,
    Postman,
    SmtpServer,
    fixed_now,
    moto_data,
    reset_moto,
    running_canned_aws,
    running_moto,
)


@pytest.fixture(scope="session")
def moto_server() -> Iterator[str]:
    with running_moto() as url:
        yield url


@pytest.fixture
def moto(moto_server: str) -> str:
    """A moto server that knows nothing except that the clinic's address may send."""
    reset_moto(moto_server)
    ses = boto3.client(
        "ses",
        endpoint_url=moto_server,
        region_name=AWS["region"],
        aws_access_key_id=AWS["access_key_id"],
        aws_secret_access_key=AWS["secret_access_key"],
    )
    ses.verify_email_identity(EmailAddress="no-reply@clinic.example")
    return moto_server


@pytest.fixture(scope="session")
def refusing_port() -> Iterator[int]:
    """A port that is taken and on which nobody listens, so that connecting to it is refused."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        yield taken.getsockname()[1]


@pytest.fixture(scope="session")
def silent_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server((HOST, 0), backlog=128) as server:
        yield server.getsockname()[1]


@pytest.fixture
def canned_aws() -> Iterator[CannedAws]:
    with running_canned_aws() as canned:
        yield canned


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A self-signed certificate for 127.0.0.1 and its key, as file names."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.clinic.example")])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "cert.pem").write_bytes(built.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return Certificate(str(folder / "cert.pem"), str(folder / "key.pem"))


@pytest.fixture(scope="session")
def smtp_servers(certificate: Certificate) -> Iterator[dict[SmtpSecurity, SmtpServer]]:
    """One aiosmtpd server for each way to connect; the two with TLS know a sign-in."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate.certificate_file, certificate.key_file)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def authenticate(
        server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        correct = data.login == USERNAME.encode() and data.password == PASSWORD.encode()
        return AuthResult(success=correct, handled=False)

    async def serve(security: SmtpSecurity) -> tuple[asyncio.Server, SmtpServer]:
        postman = Postman()
        signed_in = {"authenticator": authenticate, "auth_required": True}

        def protocol() -> SMTP:
            match security:
                case SmtpSecurity.PLAIN:
                    return SMTP(postman, hostname="localhost", loop=loop)
                case SmtpSecurity.STARTTLS:
                    return SMTP(
                        postman, hostname="localhost", loop=loop, tls_context=tls, require_starttls=True, **signed_in
                    )
                case SmtpSecurity.TLS:
                    return SMTP(
                        postman, hostname="localhost", loop=loop, auth_require_tls=False, authenticator=authenticate
                    )

        implicit = tls if security is SmtpSecurity.TLS else None
        server = await loop.create_server(protocol, HOST, 0, ssl=implicit)
        return server, SmtpServer(server.sockets[0].getsockname()[1], postman)

    running = {s: asyncio.run_coroutine_threadsafe(serve(s), loop).result(5) for s in SmtpSecurity}
    yield {security: server for security, (_, server) in running.items()}

    async def stop() -> None:
        for server, _ in running.values():
            server.close()
        rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    asyncio.run_coroutine_threadsafe(stop(), loop).result(5)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def inbox_sms(tmp_path: Path) -> SmsGateway:
    folder = tmp_path / "inbox"
    for number in (CHECKED_STOP, LISTED_STOP):
        opt_out(folder, number)
    return SmsGateway(
        InboxSmsSender(folder=folder, now=fixed_now),
        lambda: [SentSms(item.to, item.text) for item in read_inbox(folder)],
    )


@pytest.fixture
def sns_sms(moto: str) -> SmsGateway:
    def sent() -> list[SentSms]:
        return [SentSms(str(sms["phone_number"]), str(sms["message"])) for sms in moto_data(moto, "sns", "SMS")]

    return SmsGateway(SnsSmsSender(endpoint_url=moto, **AWS), sent)


@pytest.fixture(params=["inbox", "sns"])
def sms_gateway(request: pytest.FixtureRequest) -> SmsGateway:
    gateway: SmsGateway = request.getfixturevalue(f"{request.param}_sms")
    return gateway


@pytest.fixture(params=["inbox", "sns-refused", "sns-silent"])
def sms_outage(request: pytest.FixtureRequest, tmp_path: Path, refusing_port: int, silent_port: int) -> SmsSender:
    if request.param == "inbox":
        (tmp_path / "file").touch()
        return InboxSmsSender(folder=tmp_path / "file" / "inbox", now=fixed_now)
    port = refusing_port if request.param == "sns-refused" else silent_port
    return SnsSmsSender(endpoint_url=f"http://{HOST}:{port}", **AWS)


@pytest.fixture
def inbox_email(tmp_path: Path) -> EmailGateway:
    folder = tmp_path / "inbox"

    def items() -> list[ReceivedEmail]:
        return [
            ReceivedEmail(
                item.to,
                item.sender,
                item.reply_to,
                item.subject or "",
                item.text,
                item.html,
                [
                    ReceivedFile(
                        file.filename,
                        file.content_type.partition(";")[0],
                        "PUBLISH" if "method=PUBLISH" in file.content_type else None,
                        file.content,
                    )
                    for file in item.attachments
                ],
            )
            for item in read_inbox(folder)
        ]

    return EmailGateway(InboxEmailSender(folder=folder, now=fixed_now), items)


@pytest.fixture
def ses_email(moto: str) -> EmailGateway:
    def parsed() -> list[ReceivedEmail]:
        return [
            received(
                str(raw["destinations"][0]),  # type: ignore[index]  # moto's JSON
                email.message_from_string(str(raw["raw_data"]), policy=email.policy.default),
            )
            for raw in moto_data(moto, "ses", "RawMessage")
        ]

    return EmailGateway(SesEmailSender(endpoint_url=moto, now=fixed_now, **AWS), parsed)


@pytest.fixture
def smtp_gateway(smtp_servers: dict[SmtpSecurity, SmtpServer], certificate: Certificate) -> SmtpGateway:
    def gateway(security: SmtpSecurity) -> EmailGateway:
        server = smtp_servers[security]
        server.postman.delivered.clear()
        server.postman.farewell = "221 Bye"
        protected = security is not SmtpSecurity.PLAIN
        sender = SmtpEmailSender(
            host=HOST,
            port=server.port,
            security=security,
            username=USERNAME if protected else None,
            password=PASSWORD if protected else None,
            ca_file=certificate.certificate_file if protected else None,
            now=fixed_now,
        )
        return EmailGateway(sender, lambda: [received(to, message) for to, message in server.postman.delivered])

    return gateway


@pytest.fixture(params=["inbox", "smtp-plain", "smtp-starttls", "smtp-tls", "ses"])
def email_gateway(request: pytest.FixtureRequest) -> EmailGateway:
    kind, _, security = request.param.partition("-")
    gateway: EmailGateway
    if kind == "smtp":
        gateway = request.getfixturevalue("smtp_gateway")(SmtpSecurity(security))
    else:
        gateway = request.getfixturevalue(f"{kind}_email")
    return gateway


@pytest.fixture(params=["inbox", "smtp-refused", "smtp-silent", "smtps-silent", "ses-refused", "ses-silent"])
def email_outage(request: pytest.FixtureRequest, tmp_path: Path, refusing_port: int, silent_port: int) -> EmailSender:
    kind, _, how = request.param.partition("-")
    port = refusing_port if how == "refused" else silent_port
    match kind:
        case "inbox":
            (tmp_path / "file").touch()
            return InboxEmailSender(folder=tmp_path / "file" / "inbox", now=fixed_now)
        case "ses":
            return SesEmailSender(endpoint_url=f"http://{HOST}:{port}", now=fixed_now, **AWS)
        case _:
            security = SmtpSecurity.TLS if kind == "smtps" else SmtpSecurity.PLAIN
            return SmtpEmailSender(host=HOST, port=port, security=security, now=fixed_now)


@pytest.fixture
def letter() -> Email:
    return Email(
        to="ana.sousa@example.com",
        subject="A sua consulta",
        text="Até já.",
        sender="Clínica São João, Lda <no-reply@clinic.example>",
    )
