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

from clinic_portal.core.jobs import JobRuntime, start_runtime
from clinic_portal.notifications import jobs
from clinic_portal.notifications.rules import MessageState
from clinic_portal.notifications.sources import SESSION_KEY
from tests.notifications.conftest import SOURCES, Post, make_person
from tests.support.servers import ROOT


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
