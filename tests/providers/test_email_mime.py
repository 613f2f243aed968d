"""The wire form of an e-mail: nothing that a person typed becomes a header."""

import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clinic_portal.providers.email.base import Attachment, Email
from clinic_portal.providers.email.mime import build_envelope, parse_mailbox
from clinic_portal.providers.errors import ProviderError

KEY = UUID("0190f3a8-0000-7000-8000-000000000001")
HEADERS = sorted(
    [
        "From",
        "To",
        "Reply-To",
        "Subject",
        "Message-ID",
        "Auto-Submitted",
        "MIME-Version",
        "Content-Type",
        "Content-Transfer-Encoding",
    ]
)

hostile = st.one_of(
    st.text(),
    st.lists(
        st.sampled_from(
            [
                "\r\n",
                "\n",
                "\r",
                "\x0b",
                "\x85",
                "\u2028",
                "\x00",
                "\udcff",
                " ",
                "Bcc: eva@example.com",
                "=?utf-8?q?",
                "?=",
                "=0D=0ABcc:_eva@example.com",
                "=?utf-8?b?DQpCY2M6IHg=?=",
                '"',
                "\\",
                "<",
                ">",
                ";",
                ",",
                "(",
                "é",
                "😀",
                "a" * 70,
            ]
        ),
        max_size=12,
    ).map("".join),
)


def letter(**changes: Any) -> Email:
    fields = {
        "to": "ana@example.com",
        "subject": "Olá",
        "text": "t",
        "sender": "Clínica <no-reply@clinic.example>",
        "reply_to": "desk@clinic.example",
    }
    return Email(**(fields | changes))


def wire(message: Email) -> bytes:
    return build_envelope(message, idempotency_key=KEY, date=None).as_bytes()


def parse(raw: bytes) -> EmailMessage:
    return email.message_from_bytes(raw, policy=email.policy.default)


def visible(text: str) -> str:
    return "".join(text.split())


@given(hostile)
@example("Hi\r\nBcc: eva@example.com\r\n\r\nbody")
@example("=?utf-8?q?a=0D=0ABcc:_eva@example.com?=")
def test_a_subject_never_adds_a_header_and_reads_as_it_was_typed(subject: str) -> None:
    raw = wire(letter(subject=subject))

    parsed = parse(raw)
    assert sorted(parsed.keys()) == HEADERS
    assert parsed.get_content().strip() == "t"
    raw.decode("ascii")
    printable = "".join(c for c in subject.encode("utf-8", "replace").decode() if c.isprintable() or c.isspace())
    if printable == subject and "=?" not in subject:
        assert visible(parsed["Subject"]) == visible(subject)


@given(
    hostile,
    st.sampled_from(["to", "sender", "reply_to"]),
    st.sampled_from(["{}", "{} <ana@example.com>", "{}@example.com", "ana@{}"]),
)
@example("eva@example.com\nBcc: x", "to", "{}")
@example("=?utf-8?q?=0ABcc:_x?=", "sender", "{}@example.com")
@example("Sousa, Ana", "to", "{} <ana@example.com>")
@example("0" * 72 + "::", "sender", "{} <ana@example.com>")
@example("Sousa, " * 20, "to", "{} <ana@example.com>")
def test_an_address_never_adds_a_header_or_a_recipient(text: str, field: str, form: str) -> None:
    try:
        envelope = build_envelope(letter(**{field: form.format(text)}), idempotency_key=KEY, date=None)
    except ProviderError as error:
        assert (error.code.rpartition("_")[2], error.retryable) == ("invalid", False)
        return

    parsed = parse(envelope.as_bytes())
    assert sorted(parsed.keys()) == HEADERS
    for name in ("From", "To", "Reply-To"):
        assert len(parsed[name].addresses) == 1
    assert parsed["To"].addresses[0].addr_spec == envelope.to
    assert parsed["From"].addresses[0].addr_spec == envelope.sender


@given(hostile)
@example('a"\r\nContent-Type: text/html\r\n\r\n<script>.ics')
def test_a_file_name_never_adds_a_header_or_a_part(filename: str) -> None:
    attachment = Attachment(filename, "text/calendar; method=REQUEST; charset=utf-8", b"BEGIN:VCALENDAR\r\n")

    parsed = parse(wire(letter(attachments=(attachment,))))

    (part,) = parsed.iter_attachments()
    assert sorted(part.keys()) == [
        "Content-Disposition",
        "Content-Transfer-Encoding",
        "Content-Type",
        "MIME-Version",
    ]
    assert part["Content-Type"].params == {"method": "REQUEST", "charset": "utf-8"}
    assert part.get_payload(decode=True) == attachment.content


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n\t .")))
def test_text_and_html_arrive_as_they_were_written(text: str) -> None:
    parsed = parse(wire(letter(text=text, html=text)))

    for kind in ("plain", "html"):
        body = parsed.get_body((kind,))
        assert body is not None
        assert body.get_content().replace("\r\n", "\n").removesuffix("\n") == text.removesuffix("\n")


@given(st.binary(max_size=2000))
def test_attachments_arrive_byte_for_byte(content: bytes) -> None:
    parsed = parse(wire(letter(attachments=(Attachment("a.txt", "text/plain", content),))))

    (part,) = parsed.iter_attachments()
    assert part.get_payload(decode=True) == content


def test_a_repeat_of_the_key_carries_the_same_message_id() -> None:
    first, again = (build_envelope(letter(subject=s), idempotency_key=KEY, date=None) for s in ("a", "b"))

    assert first.message_id == again.message_id == f"<{KEY}@clinic.example>"


def test_the_date_is_the_clocks_or_absent() -> None:
    dated = build_envelope(letter(), idempotency_key=KEY, date=datetime(2026, 11, 21, 9, 30, tzinfo=UTC))

    assert dated.message["Date"] == "Sat, 21 Nov 2026 09:30:00 +0000"
    assert build_envelope(letter(), idempotency_key=KEY, date=None).message["Date"] is None


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("ana@example.com", "", "ana@example.com"),
        ("<ana@example.com>", "", "ana@example.com"),
        ("Clínica São João, Lda <a@x.example>", "Clínica São João, Lda", "a@x.example"),
        ('"Sousa, Ana" <a@x.example>', "Sousa, Ana", "a@x.example"),
        ("geral@clínica.example", "", "geral@xn--clnica-4va.example"),
        ("ana+visit@localhost", "", "ana+visit@localhost"),
    ],
)
def test_reads_one_address(text: str, name: str, address: str) -> None:
    mailbox = parse_mailbox(text, code="email.recipient_invalid")

    assert (mailbox.display_name, mailbox.addr_spec) == (name, address)


@pytest.mark.parametrize(
    "text",
    [
        "", "ana", "@example.com", "ana@", "a b@x.example", "a@x.example b@x.example", "a@x.example,b@x.example",
        "A <a@x.example> <b@x.example>", "friends: a@x.example;", "a@[127.0.0.1]", '"a b"@x.example', "a@x..example",
        "a@-x.example", "joão@x.example", "A\n<a@x.example>", "a@" + "x" * 64 + ".example", "x" * 65 + "@x.example",
        "a@" + ".".join(["x" * 60] * 5), "=?utf-8?q?a?=@x.example", "a@x.example\x00",
    ],
)  # fmt: skip
def test_refuses_what_is_not_exactly_one_address(text: str) -> None:
    with pytest.raises(ProviderError) as caught:
        parse_mailbox(text, code="email.recipient_invalid")

    assert (caught.value.code, caught.value.retryable) == ("email.recipient_invalid", False)
