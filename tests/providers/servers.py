"""The other ends that the contract tests talk to, and what they remember."""

import email
import email.policy
import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from aiosmtpd.smtp import SMTP, Envelope, Session
from moto.server import ThreadedMotoServer

from clinic_portal.providers.sms.sns import SnsSmsSender

AWS = {"region": "eu-west-1", "access_key_id": "testing", "secret_access_key": "testing"}
NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
USERNAME, PASSWORD = "portal", "correct horse"
HOST = "127.0.0.1"
#: The XML name space of what SNS answers.
SNS = "http://sns.amazonaws.com/doc/2010-03-31/"

#: Phones that answered STOP, as moto has it: whatever ends in 99 when it is asked about one, and a list of its own.
CHECKED_STOP, LISTED_STOP = "+351912345699", "+447700900149"


def fixed_now() -> datetime:
    return NOW


def sns_error(code: str) -> bytes:
    """What SNS answers when it refuses, with its code."""
    return f"""<ErrorResponse xmlns="{SNS}"><Error><Type>Sender</Type>
<Code>{code}</Code><Message>no</Message></Error><RequestId>1</RequestId></ErrorResponse>""".encode()


def sns_list(*numbers: str, next_token: str = "") -> bytes:
    """A page of the phones that answered STOP; with a token there is another."""
    members = "".join(f"<member>{number}</member>" for number in numbers)
    more = f"<nextToken>{next_token}</nextToken>" if next_token else ""
    return f"""<ListPhoneNumbersOptedOutResponse xmlns="{SNS}"><ListPhoneNumbersOptedOutResult>
<phoneNumbers>{members}</phoneNumbers>{more}</ListPhoneNumbersOptedOutResult></ListPhoneNumbersOptedOutResponse>""".encode()


@contextmanager
def running_moto() -> Iterator[str]:
    """The address of an Amazon of our own, on a free port."""
    server = ThreadedMotoServer(ip_address=HOST, port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def reset_moto(url: str) -> None:
    """Have it forget everything."""
    urllib.request.urlopen(urllib.request.Request(f"{url}/moto-api/reset", method="POST"), timeout=5).close()


def moto_data(url: str, service: str, model: str) -> list[dict[str, object]]:
    with urllib.request.urlopen(f"{url}/moto-api/data.json", timeout=5) as answer:
        found: list[dict[str, object]] = json.load(answer).get(service, {}).get(model, [])
    return found


@dataclass
class CannedAws:
    """An HTTP server that gives one answer to everything and remembers what it was asked.

    `answers` are for one action each, status and body, one after the other.
    """

    url: str = ""
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    answers: dict[str, list[tuple[int, bytes]]] = field(default_factory=dict)

    @property
    def sender(self) -> SnsSmsSender:
        """What sends texts by it."""
        return SnsSmsSender(endpoint_url=self.url, **AWS)

    @property
    def actions(self) -> list[str]:
        """What was asked for, in order."""
        return [parse_qs(request)["Action"][0] for request in self.requests]

    def answer(self) -> tuple[int, bytes]:
        """The answer to the last request."""
        waiting = self.answers.get(self.actions[-1]) if self.answers else None
        return waiting.pop(0) if waiting else (self.status, self.body)


@contextmanager
def running_canned_aws() -> Iterator[CannedAws]:
    """An Amazon that says what the test wants, on a free port."""
    canned = CannedAws()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            canned.requests.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            status, body = canned.answer()
            self.send_response(status)
            for name, value in canned.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Stay quiet."""

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        canned.url = f"http://{HOST}:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield canned
        finally:
            server.shutdown()
            thread.join()


class Postman:
    """The other end of SMTP: what a local part starts with says how it is treated."""

    def __init__(self) -> None:
        self.delivered: list[tuple[str, EmailMessage]] = []
        self.farewell = "221 Bye"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        if address.startswith("nobody"):
            return "550 5.1.1 No such mailbox"
        if address.startswith("greylisted"):
            return "451 4.7.1 Come back later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        recipient = envelope.rcpt_tos[0]
        if recipient.startswith("spam"):
            return "554 5.7.1 Content refused"
        if recipient.startswith("full"):
            return "452 4.2.2 Mailbox full"
        if recipient.startswith("huge"):
            return "552 5.3.4 Too big"
        content = envelope.original_content
        assert content is not None
        message = email.message_from_bytes(content, policy=email.policy.default)
        self.delivered.append((recipient, message))
        return "250 OK"

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        return self.farewell


@dataclass(frozen=True)
class SmtpServer:
    port: int
    postman: Postman
    username: str = USERNAME
    password: str = PASSWORD


@dataclass(frozen=True)
class Certificate:
    certificate_file: str
    key_file: str
