"""What RQ runs, run by RQ."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from redis import Redis
from rq import Queue, SimpleWorker

from clinic_portal.cli import PERIODIC
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.db import transaction
from clinic_portal.core.heartbeat import last_beat
from clinic_portal.core.jobs import JobRuntime, nudge_after_commit, start_runtime
from clinic_portal.notifications import jobs
from clinic_portal.notifications.models import StoppedAddress
from clinic_portal.notifications.queries import STOP_READER, stopped_numbers
from clinic_portal.notifications.rules import MessageState
from clinic_portal.notifications.sources import SESSION_KEY
from clinic_portal.notifications.use_cases.ask_for_sms_again import OPT_IN
from clinic_portal.providers.inbox import opt_out, opted_out
from tests.notifications.conftest import SOURCES, Post, make_person
from tests.support.servers import ROOT

MARTA = "+351912345601"


@pytest.fixture
def runtime(app: Flask, post: Post) -> Iterator[JobRuntime]:
    """Jobs use the test's transaction and the tests' own kinds of messages."""
    original: JobRuntime = app.extensions["clinic_portal"]["jobs"]

    def make_session():
        session = app.extensions["sqlalchemy"].session.session_factory()
        session.info[SESSION_KEY] = SOURCES
        return session

    runtime = replace(original, make_session=make_session, settings=post.settings)
    start_runtime(runtime)
    yield runtime
    start_runtime(original)


@pytest.mark.usefixtures("runtime")
def test_the_nudge_of_a_commit_has_the_worker_deliver(post: Post, valkey: Redis) -> None:
    [message_id] = post.queue(make_person(post.db))
    queue = Queue("notify", connection=valkey)
    worker = SimpleWorker([queue], connection=valkey)
    assert worker.work(burst=True, logging_level="ERROR")
    assert (queue.count, queue.failed_job_registry.count) == (0, 0)
    assert post.message(message_id).state is MessageState.SENT
    assert len(post.inbox()) == 1


@pytest.mark.usefixtures("runtime")
def test_the_sweep_runs_as_a_job(post: Post) -> None:
    [message_id] = post.queue(make_person(post.db))
    jobs.sweep_outbox()
    assert post.message(message_id).state is MessageState.SENT


@pytest.mark.usefixtures("runtime")
def test_from_stop_to_the_next_text(post: Post, valkey: Redis) -> None:
    person_id = make_person(post.db)
    opt_out(post.settings.inbox_folder, MARTA)
    queue = Queue("notify", connection=valkey)
    worker = SimpleWorker([queue], connection=valkey)
    [refused] = post.queue(person_id)
    assert worker.work(burst=True, logging_level="ERROR")
    # The text was refused, and the e-mail that says the same was nudged and sent by the same worker.
    assert post.message(refused).state is MessageState.FAILED
    assert [item.channel for item in post.inbox()] == ["email"]
    with transaction(post.db):
        row = post.db.get_one(StoppedAddress, ("sms", MARTA), populate_existing=True)
        row.asked_at = post.clock.now()
        nudge_after_commit(post.db, "notify", OPT_IN)
    assert worker.work(burst=True, logging_level="ERROR")
    assert opted_out(post.settings.inbox_folder) == frozenset()
    post.queue(person_id, key="next")
    assert worker.work(burst=True, logging_level="ERROR")
    assert sorted(item.channel for item in post.inbox()) == ["email", "sms"]
    assert (queue.count, queue.failed_job_registry.count) == (0, 0)


@pytest.mark.usefixtures("runtime")
def test_the_list_is_read_and_what_was_asked_is_done_as_a_job(post: Post, clock: FixedClock) -> None:
    make_person(post.db)
    opt_out(post.settings.inbox_folder, MARTA)
    jobs.read_stops()
    assert stopped_numbers(post.db, [MARTA]) == {MARTA}
    assert last_beat(post.db, STOP_READER) == clock.now()
    with transaction(post.db):
        post.db.get_one(StoppedAddress, ("sms", MARTA), populate_existing=True).asked_at = clock.now()
    jobs.read_stops()
    assert not stopped_numbers(post.db, [MARTA])
    assert (jobs.read_stops, "default", 600) in PERIODIC


def test_jobs_need_no_flask() -> None:
    """A worker that only delivers does not carry a web framework in its code."""
    script = "import sys, clinic_portal.notifications.jobs; sys.exit('flask' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env={**os.environ}, check=False)
    assert done.returncode == 0


@pytest.mark.usefixtures("runtime")
def test_one_message_that_cannot_be_delivered_does_not_keep_the_next(post: Post) -> None:
    [message_id] = post.queue(make_person(post.db))
    with pytest.raises(ValueError, match="badly formed"):
        jobs.deliver_message("no id", str(message_id))
    assert post.message(message_id).state is MessageState.SENT
