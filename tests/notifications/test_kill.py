"""The worker is killed between any two lines: afterwards there is neither no message nor two."""

import json
import subprocess
import sys
from datetime import timedelta

import pytest
from redis import Redis
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, sessionmaker

from clinic_portal.notifications.models import Message
from clinic_portal.notifications.rules import MessageState
from clinic_portal.patients.models import Patient
from tests.notifications.conftest import Post
from tests.support.servers import ROOT


@pytest.mark.processes
def test_a_worker_killed_before_any_line_sends_neither_none_nor_two(
    real_engine: Engine, real_sessions: sessionmaker[Session], post: Post, valkey: Redis
) -> None:
    killed = _kill_before_every_line(real_engine, post)
    assert killed > 80, "too few lines were counted: the test no longer looks at the code that matters"
    with real_sessions() as db:
        post.db = db
        post.clock.advance(timedelta(seconds=61))
        states = {row.state for row in post.messages()}
        assert {MessageState.QUEUED, MessageState.IN_FLIGHT, MessageState.SENT} <= states
        db.rollback()
        while post.sweep().tried:
            pass
        changed = set(db.scalars(select(Patient.given_name)))
        told = [item.text.removeprefix("Good day, ").partition(":")[0] for item in post.inbox()]
        assert 10 < len(changed) < killed, "some died before their change was committed, some after"
        assert sorted(told) == sorted(changed), "every change that was committed is told once, and no other"
        assert {row.state for row in db.scalars(select(Message))} == {MessageState.SENT}


def _kill_before_every_line(engine: Engine, post: Post) -> int:
    environ = {
        "CLINIC_ENV": "test",
        "DATABASE_URL": engine.url.render_as_string(hide_password=False),
        "REDIS_URL": post.settings.redis_url,
        "SECRET_KEY": post.settings.secret_key,
        "INBOX_FOLDER": str(post.settings.inbox_folder),
        "PUBLIC_URL": post.settings.public_url,
    }
    options = json.dumps({"environ": environ, "root": str(post.settings.root)})
    done = subprocess.run(
        [sys.executable, "-m", "tests.notifications.killed_worker", options],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return int(done.stdout)
