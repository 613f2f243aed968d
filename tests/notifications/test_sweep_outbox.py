"""The sweeper: what is due, what was left behind, what is too late."""

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from redis import Redis
from rq import Queue
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from clinic_portal.core import jobs
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import new_id
from clinic_portal.notifications.delivery import claim
from clinic_portal.notifications.models import Message
from clinic_portal.notifications.queries import lock_message
from clinic_portal.notifications.rules import LEASE, MAX_ATTEMPTS, Channel, MessageState
from clinic_portal.notifications.use_cases import sweep_outbox as module
from tests.notifications.conftest import Post, make_person


def abandon(post: Post, message_id: UUID) -> None:
    """Take a message and die."""
    with transaction(post.db):
        row = lock_message(post.db, message_id, wait=True)
        assert row is not None
        claim(row, now=post.clock.now())


def test_a_message_whose_nudge_was_lost_goes_out_with_the_next_sweep(post: Post) -> None:
    """Valkey is down: nothing listens at this address. Queueing works all the same, and says so only in the log."""
    post.db.info[jobs.SESSION_KEY] = jobs.RqNudger("redis://127.0.0.1:1/0")
    [message_id] = post.queue(make_person(post.db))
    assert post.message(message_id).state is MessageState.QUEUED
    done = post.sweep()
    assert (done.tried, done.sent, len(post.inbox())) == (1, 1, 1)


def test_a_nudge_after_the_sweep_sends_nothing_twice(post: Post) -> None:
    [message_id] = post.queue(make_person(post.db))
    assert post.sweep().sent == 1
    assert post.deliver(message_id) is None
    assert post.sweep().tried == 0
    assert len(post.inbox()) == 1


def test_messages_go_out_when_their_time_has_come_the_oldest_first(post: Post) -> None:
    person_id = make_person(post.db)
    now = post.clock.now()
    for hours in (3, 1, 2):
        post.queue(person_id, due_at=now + timedelta(hours=hours))
    assert post.sweep().tried == 0
    post.clock.advance(timedelta(hours=2))
    assert post.sweep().sent == 2
    post.clock.advance(timedelta(hours=1))
    assert post.sweep().sent == 1


def test_a_killed_workers_message_comes_back_after_the_lease_and_not_before(post: Post) -> None:
    [message_id] = post.queue(make_person(post.db))
    abandon(post, message_id)
    post.clock.advance(LEASE - timedelta(seconds=1))
    assert post.sweep().tried == 0
    post.clock.advance(timedelta(seconds=1))
    done = post.sweep()
    assert (done.taken_back, done.sent) == (1, 1)
    assert post.message(message_id).attempts == 2


def test_a_message_that_kills_every_worker_is_given_up(post: Post) -> None:
    [message_id] = post.queue(make_person(post.db))
    for _ in range(MAX_ATTEMPTS):
        row = post.message(message_id)
        post.clock.at = max(post.clock.at, row.due_at)
        abandon(post, message_id)
        post.clock.advance(LEASE)
        with transaction(post.db):
            module._take_back(post.db, post.clock)
    row = post.message(message_id)
    assert (row.state, row.error_code) == (MessageState.FAILED, "message.worker_lost")
    assert post.sweep().tried == 0


def test_a_bad_message_blocks_no_other(post: Post) -> None:
    person_id = make_person(post.db)
    [broken] = post.queue(person_id, kind="broken")
    [wordless] = post.queue(person_id, kind="wordless")
    [refused] = post.queue(make_person(post.db, phone="+351000"))
    [gone] = post.queue(new_id())
    [good] = post.queue(person_id)
    done = post.sweep()
    assert (done.tried, done.sent) == (5, 1)
    states = [post.message(message_id).state for message_id in (broken, wordless, refused, gone, good)]
    assert states == [
        MessageState.RETRY_WAIT,
        MessageState.RETRY_WAIT,
        MessageState.FAILED,
        MessageState.CANCELLED,
        MessageState.SENT,
    ]
    assert post.sweep().tried == 0


def test_what_nobody_needs_any_more_expires(post: Post) -> None:
    person_id = make_person(post.db)
    [message_id] = post.queue(person_id, expires_at=post.clock.now() + timedelta(minutes=10))
    [later] = post.queue(person_id, key="later", expires_at=post.clock.now() + timedelta(minutes=11))
    post.clock.advance(timedelta(minutes=10))
    done = post.sweep()
    assert (done.expired, done.sent) == (1, 1)
    assert post.message(message_id).state is MessageState.EXPIRED
    assert post.message(later).state is MessageState.SENT


def test_an_outage_keeps_everything_until_it_is_over(post: Post, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    working, post.settings = post.settings, replace(post.settings, inbox_folder=blocked)
    person_id = make_person(post.db)
    for number in range(5):
        post.queue(person_id, Channel.SMS, Channel.EMAIL, key=str(number))
    done = post.sweep()
    assert (done.tried, done.sent) == (10, 0)
    post.settings = working
    post.clock.advance(timedelta(seconds=30))
    assert post.sweep().sent == 10
    assert len(post.inbox()) == 10


def test_one_sweep_ends_and_the_next_goes_on(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_MESSAGES", 3)
    person_id = make_person(post.db)
    for number in range(5):
        post.queue(person_id, key=str(number))
    assert [post.sweep().sent for _ in range(3)] == [3, 2, 0]


def test_sweeps_at_once_share_the_work_and_send_nothing_twice(
    real_sessions: sessionmaker[Session], post: Post, valkey: Redis
) -> None:
    with real_sessions() as db:
        post.db = db
        person_id = make_person(db)
        for number in range(60):
            post.queue(person_id, key=str(number))
    assert Queue("notify", connection=valkey).count == 60
    barrier = threading.Barrier(4)
    done: list[module.Sweep] = []

    def work() -> None:
        with real_sessions() as db:
            barrier.wait()
            done.append(Post(db, post.clock, post.settings).sweep())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(sweep.sent for sweep in done) == len(post.inbox()) == 60
    with real_sessions() as db:
        assert {(row.state, row.attempts) for row in db.scalars(select(Message))} == {(MessageState.SENT, 1)}
