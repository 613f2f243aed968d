"""A program that books (well, registers) somebody, queues a text about it, delivers it, and is killed on the way.

For N = 1, 2, 3 … a forked child does all of that and is ended by SIGKILL before the Nth line of our code, until a child
comes through. The product knows nothing of it: the lines are counted by `sys.settrace`. Prints how many children died.
"""

import json
import os
import signal
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import FrameType
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from clinic_portal import wiring
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.db import make_engine, transaction
from clinic_portal.core.ids import MessageId, new_id
from clinic_portal.core.settings import Settings
from clinic_portal.notifications.delivery import make_senders
from clinic_portal.notifications.sources import SESSION_KEY
from clinic_portal.notifications.steps import queue_message
from clinic_portal.notifications.use_cases.deliver_message import deliver_message
from clinic_portal.patients.models import Patient
from config import load_settings
from tests.notifications.conftest import SOURCES

#: Between any two lines of these the program may die.
WATCHED = (
    "core/db.py",
    "notifications/delivery.py",
    "notifications/models.py",
    "notifications/queries.py",
    "notifications/steps.py",
    "notifications/use_cases/deliver_message.py",
    "providers/inbox.py",
    "providers/sms/inbox.py",
)


class Killer:
    """Counts lines and kills this process before one of them."""

    def __init__(self, line: int) -> None:
        self.left = line

    def __call__(self, frame: FrameType, event: str, argument: Any) -> "Killer | None":
        if not frame.f_code.co_filename.endswith(WATCHED):
            return None
        if event == "line":
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return self


def work(settings: Settings, engine: Engine, line: int) -> None:
    """Change something, tell of it, and deliver what was told."""
    clock = FixedClock()
    info = {**wiring.session_info(settings), SESSION_KEY: SOURCES}
    with Session(engine, expire_on_commit=False, info=info) as db:
        person = Patient(
            id=new_id(),
            given_name=f"Number {line}",
            family_name="Araújo",
            birth_date=date(1985, 3, 9),
            language="en",
            phone="+351912345601",
            created_at=clock.now(),
        )
        sys.settrace(Killer(line))
        with transaction(db):
            db.add(person)
            [message_id] = queue_message(db, clock, "probe", subject_id=person.id, channels=["sms"])
        deliver_message(
            db,
            clock,
            message_id=MessageId(message_id),
            settings=settings,
            senders=make_senders(settings, clock.now),
        )
        sys.settrace(None)


def main() -> None:
    options = json.loads(sys.argv[1])
    settings = replace(load_settings(options["environ"]), root=Path(options["root"]))
    engine = make_engine(settings.database_url)
    # Once without a kill: statements and templates are compiled before the children are forked.
    work(settings, engine, line=sys.maxsize)
    engine.dispose()
    killed = 0
    while True:
        child = os.fork()
        if child == 0:
            work(settings, engine, line=killed + 1)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            killed += 1
            continue
        sys.stdout.write(f"{killed}\n")
        sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
