"""What other features do with the outbox inside their own transaction."""

from datetime import timedelta

import pytest
from redis import Redis
from rq import Queue

from clinic_portal.core.db import transaction
from clinic_portal.core.ids import new_id
from clinic_portal.notifications.queries import list_messages
from clinic_portal.notifications.rules import Channel, MessageState
from clinic_portal.notifications.steps import queue_message, void_messages
from tests.notifications.conftest import Post


def test_a_message_is_one_row_a_channel_and_one_nudge_for_all(post: Post, valkey: Redis) -> None:
    subject_id = new_id()
    queued = post.queue(subject_id, Channel.SMS, Channel.EMAIL)
    assert {(row.id, row.state, row.due_at) for row in post.messages()} == {
        (message_id, MessageState.QUEUED, post.clock.now()) for message_id in queued
    }
    assert {row.channel for row in post.messages()} == set(Channel)
    (job,) = Queue("notify", connection=valkey).jobs
    assert job.func_name == "clinic_portal.notifications.jobs.deliver_message"
    assert set(job.args) == {str(message_id) for message_id in queued}


def test_a_change_that_is_undone_leaves_no_message_and_no_nudge(post: Post, valkey: Redis) -> None:
    def change() -> None:
        with transaction(post.db):
            queue_message(post.db, post.clock, "probe", subject_id=new_id())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change()
    assert post.messages() == []
    assert Queue("notify", connection=valkey).count == 0


def test_queueing_again_changes_nothing(post: Post, valkey: Redis) -> None:
    subject_id = new_id()
    assert len(post.queue(subject_id)) == 1
    assert post.queue(subject_id) == []
    assert len(post.messages()) == 1
    assert Queue("notify", connection=valkey).count == 1


def test_another_due_time_and_another_key_are_other_messages(post: Post) -> None:
    subject_id, due_at = new_id(), post.clock.now() + timedelta(days=1)
    assert len(post.queue(subject_id)) == 1
    assert len(post.queue(subject_id, due_at=due_at)) == 1
    assert len(post.queue(subject_id, due_at=due_at + timedelta(days=1))) == 1
    assert len(post.queue(subject_id, key="2")) == 1
    assert post.queue(subject_id, due_at=due_at) == post.queue(subject_id, key="2", due_at=due_at) == []


def test_a_message_for_later_is_not_nudged(post: Post, valkey: Redis) -> None:
    post.queue(new_id(), due_at=post.clock.now() + timedelta(minutes=10))
    assert Queue("notify", connection=valkey).count == 0


def test_a_kind_without_a_source_is_refused_at_once(post: Post) -> None:
    with transaction(post.db), pytest.raises(KeyError, match="nonsense"):
        queue_message(post.db, post.clock, "nonsense", subject_id=new_id())


def test_voiding_cancels_what_waits_and_only_that(post: Post) -> None:
    subject_id, other_id = new_id(), new_id()
    later = post.clock.now() + timedelta(days=1)
    [reminder] = post.queue(subject_id, kind="probe", due_at=later)
    [news] = post.queue(subject_id, kind="wordless")
    [foreign] = post.queue(other_id, due_at=later)
    with transaction(post.db):
        assert void_messages(post.db, post.clock, subject_id=subject_id, kinds=["probe"]) == 1
    assert post.message(reminder).state is MessageState.CANCELLED
    assert post.message(reminder).error_code == "message.voided"
    assert post.message(news).state is MessageState.QUEUED
    assert post.message(foreign).state is MessageState.QUEUED
    with transaction(post.db):
        assert void_messages(post.db, post.clock, subject_id=subject_id) == 1
    assert post.message(news).state is MessageState.CANCELLED


def test_a_voided_message_may_be_queued_anew(post: Post) -> None:
    """A visit is moved away and back: the reminder for the first time is wanted again."""
    subject_id, due_at = new_id(), post.clock.now() + timedelta(days=1)
    for _ in range(3):
        assert len(post.queue(subject_id, due_at=due_at)) == 1
        with transaction(post.db):
            void_messages(post.db, post.clock, subject_id=subject_id)
    assert len(post.queue(subject_id, due_at=due_at)) == 1
    assert [row.state for row in post.messages()].count(MessageState.QUEUED) == 1


def test_the_messages_of_a_visit_are_listed_in_their_order(post: Post) -> None:
    subject_id = new_id()
    first = post.queue(subject_id)
    post.clock.advance(timedelta(minutes=1))
    second = post.queue(subject_id, kind="wordless")
    post.queue(new_id())
    lines = list_messages(post.db, subject_ids=[subject_id])
    assert [line.id for line in lines] == first + second
    assert [line.kind for line in lines] == ["probe", "wordless"]
    assert [line.id for line in list_messages(post.db, subject_ids=[subject_id], kinds=["probe"])] == first
