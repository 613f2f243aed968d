"""Several messages of one recipient that go out as one: joined, released, never lost, never told twice."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, sessionmaker

from clinic_portal.core.clock import Clock, FixedClock
from clinic_portal.core.db import transaction
from clinic_portal.core.settings import Settings
from clinic_portal.notifications.delivery import Senders
from clinic_portal.notifications.models import Message
from clinic_portal.notifications.rules import Channel, MessageState
from clinic_portal.notifications.sources import GROUPS_KEY, MessageFacts, MessageGroup
from clinic_portal.notifications.steps import queue_message, void_messages
from clinic_portal.patients.models import Patient
from tests.notifications.conftest import Post, make_person, probe_source
from tests.notifications.senders import ImpatientSender

LATER = timedelta(hours=1)


def same_phone(db: Session, clock: Clock, subject_id: UUID, channel: Channel) -> list[UUID]:
    me = db.get(Patient, subject_id, populate_existing=True)
    if me is None or not me.family_name:
        return []
    return list(db.scalars(select(Patient.id).where(Patient.phone == me.phone, Patient.id != me.id)))


def all_names(
    db: Session, clock: Clock, settings: Settings, subject_ids: list[UUID], channel: Channel
) -> MessageFacts | None:
    """The living ones of them, named in one message."""
    found = [facts for id_ in subject_ids if (facts := probe_source(db, clock, settings, id_))]
    if not found:
        return None
    names = " and ".join(sorted(str(facts.context["name"]) for facts in found))
    return MessageFacts(
        email=found[0].email,
        phone=found[0].phone,
        language="en",
        context={**found[0].context, "name": names},
    )


GROUPS = {"probe": MessageGroup(companions=same_phone, facts=all_names)}  # type: ignore[arg-type]


@pytest.fixture
def grouped(post: Post) -> Post:
    post.db.info[GROUPS_KEY] = GROUPS
    return post


def vendor_is_down(post: Post) -> Senders:
    return replace(post.senders, sms=ImpatientSender())


def states(post: Post) -> list[MessageState]:
    return [message.state for message in post.messages()]


def gone_out(post: Post) -> list[str]:
    return sorted(item.text for item in post.inbox())


def named(post: Post) -> list[str]:
    """Who is named in each text that went out."""
    people = ("Ana", "Bea", "Caio")
    return sorted(" ".join(name for name in people if name in text) for text in gone_out(post))


def two_waiting(post: Post) -> tuple[UUID, UUID]:
    ana, bea = make_person(post.db, "Ana"), make_person(post.db, "Bea")
    post.queue(ana, due_at=post.clock.now() + LATER)
    post.queue(bea, due_at=post.clock.now() + 2 * LATER)
    post.clock.advance(LATER)
    return ana, bea


def test_what_waits_for_one_recipient_goes_out_with_the_first(grouped: Post) -> None:
    two_waiting(grouped)
    other = make_person(grouped.db, "Caio", phone="+351912345699")
    grouped.queue(other)
    grouped.sweep()
    assert named(grouped) == ["Ana Bea", "Caio"]
    assert states(grouped) == [MessageState.SENT, MessageState.JOINED, MessageState.SENT]
    grouped.clock.advance(2 * LATER)
    assert grouped.sweep().tried == 0


def test_what_is_queued_after_it_went_out_tells_only_of_itself(grouped: Post) -> None:
    two_waiting(grouped)
    grouped.sweep()
    grouped.queue(make_person(grouped.db, "Caio"))
    grouped.sweep()
    assert named(grouped) == ["Ana Bea", "Caio"]


def test_channels_do_not_mix(grouped: Post) -> None:
    ana, bea = make_person(grouped.db, "Ana"), make_person(grouped.db, "Bea")
    grouped.queue(ana, Channel.SMS)
    grouped.queue(bea, Channel.EMAIL)
    grouped.sweep()
    assert states(grouped) == [MessageState.SENT, MessageState.SENT]


@pytest.mark.parametrize("first", [True, False])
def test_a_change_before_it_goes_out_leaves_the_other(grouped: Post, first: bool) -> None:
    people = two_waiting(grouped)
    with transaction(grouped.db):
        void_messages(grouped.db, grouped.clock, subject_id=people[0 if first else 1])
    grouped.clock.advance(2 * LATER)
    grouped.sweep()
    assert named(grouped) == ["Bea" if first else "Ana"]


@pytest.mark.parametrize("first", [True, False])
def test_a_change_while_it_is_tried_again_loses_nobody(grouped: Post, first: bool) -> None:
    """The vendor is down at the first try: by then one row speaks for both."""
    people = two_waiting(grouped)
    due = {message.subject_id: message.due_at for message in grouped.messages()}
    leader = grouped.messages()[0].id
    grouped.deliver(leader, vendor_is_down(grouped))
    assert states(grouped) == [MessageState.RETRY_WAIT, MessageState.JOINED]
    gone, stays = (people[0], "Bea") if first else (people[1], "Ana")
    with transaction(grouped.db):
        assert void_messages(grouped.db, grouped.clock, subject_id=gone) == 1
    grouped.clock.advance(2 * LATER)
    grouped.sweep()
    assert named(grouped) == [stays]
    # What was void gave its place back, joined or not.
    assert grouped.queue(gone, due_at=due[gone])
    assert not grouped.queue(people[1] if first else people[0], due_at=due[people[1] if first else people[0]])


def test_one_that_is_no_companion_any_more_goes_out_by_itself(grouped: Post) -> None:
    _, bea = two_waiting(grouped)
    grouped.deliver(grouped.messages()[0].id, vendor_is_down(grouped))
    person = grouped.db.get(Patient, bea)
    assert person is not None
    person.phone = "+351912345699"
    grouped.db.commit()
    grouped.clock.advance(2 * LATER)
    grouped.sweep()
    assert named(grouped) == ["Ana", "Bea"]
    assert {item.to for item in grouped.inbox()} == {"+351912345601", "+351912345699"}


def test_the_first_died_and_the_other_goes_out(grouped: Post) -> None:
    ana, _ = two_waiting(grouped)
    grouped.deliver(grouped.messages()[0].id, vendor_is_down(grouped))
    person = grouped.db.get(Patient, ana)
    assert person is not None
    person.family_name = ""
    grouped.db.commit()
    grouped.clock.advance(2 * LATER)
    grouped.sweep()
    grouped.sweep()
    assert named(grouped) == ["Bea"]


def test_a_third_one_joins_a_message_that_already_speaks_for_two(grouped: Post) -> None:
    two_waiting(grouped)
    leader, second = grouped.messages()
    leader.state, leader.due_at = MessageState.QUEUED, grouped.clock.now() + 5 * LATER
    second.state, second.joined_id = MessageState.JOINED, leader.id
    grouped.db.commit()
    grouped.queue(make_person(grouped.db, "Caio"))
    grouped.sweep()
    assert named(grouped) == ["Ana Bea Caio"]
    assert sorted(states(grouped)) == [MessageState.JOINED, MessageState.JOINED, MessageState.SENT]


def test_it_is_of_use_as_long_as_one_of_them_is(grouped: Post) -> None:
    now = grouped.clock.now()
    grouped.queue(make_person(grouped.db, "Ana"), expires_at=now + LATER)
    grouped.queue(make_person(grouped.db, "Bea"), expires_at=now + 3 * LATER, due_at=now + LATER)
    leader = grouped.messages()[0]
    grouped.deliver(leader.id, vendor_is_down(grouped))
    assert grouped.message(leader.id).expires_at == now + 3 * LATER


def test_while_somebody_else_has_one_of_them_the_message_waits(
    real_engine: Engine, real_sessions: sessionmaker[Session], clock: FixedClock, post: Post
) -> None:
    """A cancellation holds the second row: nobody waits for anybody, and the next sweep sends what is left."""
    with real_sessions() as db, real_sessions() as other:
        db.info[GROUPS_KEY] = GROUPS
        real = Post(db, clock, post.settings)
        ana, bea = make_person(db, "Ana"), make_person(db, "Bea")
        for person in (ana, bea):
            with transaction(db):
                queue_message(db, clock, "probe", subject_id=person, channels=(Channel.SMS,))
        with transaction(other):
            void_messages(other, clock, subject_id=bea)
            assert real.sweep().tried == 0
        assert real.sweep().sent == 1
        assert named(real) == ["Ana"]
        assert [row.state for row in db.scalars(select(Message).order_by(Message.id))] == [
            MessageState.SENT,
            MessageState.CANCELLED,
        ]
