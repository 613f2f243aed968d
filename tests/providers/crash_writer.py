"""Dies by SIGKILL at each line of the inbox writer in turn, then repeats the key; run by test_developer_inbox.

Its own process, because it forks: argv[1] is an empty folder. Prints one JSON list with what every death left behind.
"""

import json
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from uuid import UUID

from clinic_portal.providers import inbox
from clinic_portal.providers.sms.base import Sms
from clinic_portal.providers.sms.inbox import InboxSmsSender

KEY = UUID(int=7)
TEXT = "á" * 1600


def send(folder: Path) -> None:
    sender = InboxSmsSender(folder=folder, now=lambda: datetime(2026, 11, 21, tzinfo=UTC))
    sender.send(Sms(to="+351912345601", text=TEXT, sender="Clinica"), idempotency_key=KEY, timeout_s=1)


def die_at_line(number: int, folder: Path) -> bool:
    """Whether the writer reached that line before it was done."""
    child = os.fork()
    if child == 0:
        seen = 0

        def trace(frame: FrameType, event: str, argument: object) -> object:
            nonlocal seen
            if frame.f_code.co_filename != inbox.__file__:
                return None
            seen += event == "line"
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return trace

        sys.settrace(trace)
        send(folder)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def describe(folder: Path) -> list[bool]:
    """For each message: is it whole?"""
    scan = inbox.scan_inbox(folder)
    return [item.text == TEXT for item in scan.items] + [False for _ in scan.unreadable]


def main(root: Path) -> None:
    results = []
    number = 1
    while die_at_line(number, folder := root / str(number)):
        after_death = describe(folder)
        send(folder)
        results.append({"after_death": after_death, "after_repeat": describe(folder)})
        number += 1
    print(json.dumps(results))  # noqa: T201 - the parent reads it


main(Path(sys.argv[1]))
