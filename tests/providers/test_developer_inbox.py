"""The folder behind the developer's inbox: whole messages or none, and nothing foreign breaks it."""

import json
import os
import pickle
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from clinic_portal.providers.base import Accepted, Channel
from clinic_portal.providers.email.base import Attachment, Email
from clinic_portal.providers.email.inbox import InboxEmailSender
from clinic_portal.providers.errors import ProviderError
from clinic_portal.providers.inbox import clear_inbox, read_inbox, scan_inbox
from clinic_portal.providers.sms.base import Sms
from clinic_portal.providers.sms.inbox import InboxSmsSender

HERE = Path(__file__).parent
REPOSITORY = HERE.parent.parent
NINE = datetime(2026, 11, 21, 9, tzinfo=UTC)
SMS = Sms(to="+351912345601", text="Até amanhã", sender="Clinica")
EMAIL = Email(
    to="Ana <ana@example.com>",
    subject="Olá 😀",
    text="texto",
    html="<p>texto</p>",
    sender="no-reply@clinic.example",
    reply_to="desk@clinic.example",
    attachments=(Attachment("v.ics", "text/calendar; method=PUBLISH", b"\x00\xff"),),
)


def put_sms(folder: Path, key: UUID | None = None, *, at: datetime = NINE, sms: Sms = SMS) -> Accepted:
    return InboxSmsSender(folder=folder, now=lambda: at).send(sms, idempotency_key=key or uuid4(), timeout_s=1)


def put_email(folder: Path, key: UUID | None = None, *, at: datetime = NINE) -> Accepted:
    return InboxEmailSender(folder=folder, now=lambda: at).send(EMAIL, idempotency_key=key or uuid4(), timeout_s=1)


class TestReading:
    def test_shows_both_channels_newest_first_in_utc(self, tmp_path: Path) -> None:
        azores = timezone(timedelta(hours=-1))
        put_sms(tmp_path, at=NINE)
        put_email(tmp_path, at=datetime(2026, 11, 21, 8, 30, tzinfo=azores))
        put_sms(tmp_path, at=NINE - timedelta(days=1))

        items = read_inbox(tmp_path)

        assert [(item.channel, item.sent_at) for item in items] == [
            (Channel.EMAIL, NINE + timedelta(minutes=30)),
            (Channel.SMS, NINE),
            (Channel.SMS, NINE - timedelta(days=1)),
        ]
        assert all(item.sent_at.utcoffset() == timedelta(0) for item in items)

    def test_gives_back_everything_that_was_sent(self, tmp_path: Path) -> None:
        key = uuid4()
        put_email(tmp_path, key)

        (item,) = read_inbox(tmp_path)

        assert item.id == f"email-{key}"
        assert (item.to, item.subject, item.text, item.html) == (EMAIL.to, EMAIL.subject, EMAIL.text, EMAIL.html)
        assert (item.sender, item.reply_to, item.attachments) == (EMAIL.sender, EMAIL.reply_to, EMAIL.attachments)

    def test_an_sms_and_an_email_of_one_key_are_two_messages(self, tmp_path: Path) -> None:
        key = uuid4()
        put_sms(tmp_path, key)
        put_email(tmp_path, key)

        assert len(read_inbox(tmp_path)) == 2

    def test_a_repeat_with_other_words_leaves_the_first_message(self, tmp_path: Path) -> None:
        key = uuid4()
        first = put_sms(tmp_path, key)
        again = put_sms(tmp_path, key, sms=replace(SMS, text="other"))

        assert first == again
        assert [item.text for item in read_inbox(tmp_path)] == [SMS.text]

    def test_a_folder_that_does_not_exist_is_empty(self, tmp_path: Path) -> None:
        assert read_inbox(tmp_path / "nowhere") == []
        assert clear_inbox(tmp_path / "nowhere") == 0

    @pytest.mark.parametrize(
        "change",
        [
            lambda data: "not json",
            lambda data: json.dumps(data)[:-20],
            lambda data: "[]",
            lambda data: "[" * 100_000,
            lambda data: json.dumps(data | {"sent_at": "yesterday"}),
            lambda data: json.dumps(data | {"sent_at": "2026-11-21T09:00:00"}),
            lambda data: json.dumps(data | {"channel": "pigeon"}),
            lambda data: json.dumps(data | {"text": 7}),
            lambda data: json.dumps(data | {"html": 7}),
            lambda data: json.dumps(data | {"attachments": None}),
            lambda data: json.dumps(data | {"attachments": ["a"]}),
            lambda data: json.dumps(data | {"attachments": [{"filename": "a", "content_type": "b", "content": "é"}]}),
        ],
    )
    def test_a_broken_message_is_named_and_the_others_are_read(
        self, tmp_path: Path, change: Callable[[dict[str, object]], str]
    ) -> None:
        broken, whole = uuid4(), uuid4()
        put_sms(tmp_path, broken)
        put_sms(tmp_path, whole)
        path = tmp_path / f"sms-{broken}.json"
        path.write_text(change(json.loads(path.read_text())))

        scan = scan_inbox(tmp_path)

        assert [item.id for item in scan.items] == [f"sms-{whole}"]
        assert scan.unreadable == [path.name]

    def test_foreign_files_are_named_and_never_deleted(self, tmp_path: Path) -> None:
        put_sms(tmp_path)
        (tmp_path / "notes.txt").write_text("mine")
        (tmp_path / f"sms-{uuid4()}.json.bak").write_text("mine")
        (tmp_path / "folder").mkdir()

        assert len(scan_inbox(tmp_path).unreadable) == 3
        assert clear_inbox(tmp_path) == 1
        assert len(list(tmp_path.iterdir())) == 3

    def test_a_folder_in_the_place_of_a_message_is_named(self, tmp_path: Path) -> None:
        (tmp_path / f"sms-{UUID(int=1)}.json").mkdir()

        assert len(scan_inbox(tmp_path).unreadable) == 1

    def test_clearing_also_takes_what_a_dead_writer_left(self, tmp_path: Path) -> None:
        put_sms(tmp_path)
        put_email(tmp_path)
        (tmp_path / ".unfinished-abc").write_text('{"half')

        assert len(read_inbox(tmp_path)) == 2
        assert scan_inbox(tmp_path).unreadable == []
        assert clear_inbox(tmp_path) == 2
        assert list(tmp_path.iterdir()) == []


class TestWriting:
    def test_sixteen_writers_with_one_key_make_one_message(self, tmp_path: Path) -> None:
        key = uuid4()
        start = threading.Barrier(16)
        failures = []

        def write() -> None:
            start.wait()
            try:
                put_email(tmp_path, key)
            except ProviderError as error:
                failures.append(error)

        writers = [threading.Thread(target=write) for _ in range(16)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()

        assert failures == []
        assert [path.name for path in tmp_path.iterdir()] == [f"email-{key}.json"]

    def test_only_the_owner_can_read_a_message(self, tmp_path: Path) -> None:
        put_sms(tmp_path)

        (path,) = tmp_path.iterdir()
        assert path.stat().st_mode & 0o077 == 0

    def test_death_at_any_line_leaves_a_whole_message_or_none_and_a_repeat_makes_it_one(self, tmp_path: Path) -> None:
        answer = subprocess.run(
            [sys.executable, HERE / "crash_writer.py", tmp_path],
            capture_output=True,
            check=True,
            env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
            timeout=120,
        )

        deaths = json.loads(answer.stdout)
        # Deaths on both sides of the moment that counts, or else the test proves nothing.
        assert [] in [death["after_death"] for death in deaths]
        assert [True] in [death["after_death"] for death in deaths]
        assert all(death["after_death"] in ([], [True]) for death in deaths)
        assert all(death["after_repeat"] == [True] for death in deaths)

    def test_killed_at_random_moments_the_folder_holds_only_whole_messages(self, tmp_path: Path) -> None:
        program = f"""
import sys
from datetime import datetime, UTC
from pathlib import Path
from uuid import uuid4
from clinic_portal.providers.email.base import Email
from clinic_portal.providers.email.inbox import InboxEmailSender
sender = InboxEmailSender(folder=Path({str(tmp_path)!r}), now=lambda: datetime(2026, 1, 1, tzinfo=UTC))
email = Email(to="ana@example.com", subject="s", text="x" * 300_000 + "end", sender="a@clinic.example")
while True:
    key = uuid4()
    sender.send(email, idempotency_key=key, timeout_s=1)
    print(key, flush=True)
"""
        accepted = []
        for _ in range(5):
            writer = subprocess.Popen(
                [sys.executable, "-c", program],
                stdout=subprocess.PIPE,
                text=True,
                env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
            )
            assert writer.stdout is not None
            accepted.append(writer.stdout.readline().strip())
            time.sleep(random.uniform(0.01, 0.1))
            writer.send_signal(signal.SIGKILL)
            accepted += writer.stdout.read().split()
            writer.stdout.close()
            writer.wait()

        scan = scan_inbox(tmp_path)
        assert scan.unreadable == []
        assert all(item.text.endswith("end") for item in scan.items)
        assert {f"email-{key}" for key in accepted if len(key) == 36} <= {item.id for item in scan.items}


def test_a_provider_error_crosses_to_another_process() -> None:
    copy = pickle.loads(pickle.dumps(ProviderError("sms.throttled", retryable=True)))

    assert (copy.code, copy.retryable, str(copy)) == ("sms.throttled", True, "sms.throttled")
