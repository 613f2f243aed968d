"""A phone that answered STOP: nothing goes there, and nothing is lost."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from clinic_portal.core.clock import Clock, FixedClock
from clinic_portal.core.db import transaction
from clinic_portal.core.settings import Settings
from clinic_portal.notifications.delivery import Senders
from clinic_portal.notifications.models import StoppedAddress
from clinic_portal.notifications.queries import sms_stop, stopped_numbers, stopped_subjects
from clinic_portal.notifications.rules import Channel, MessageState
from clinic_portal.notifications.sources import GROUPS_KEY, SESSION_KEY, MessageFacts, MessageGroup
from clinic_portal.notifications.steps import note_stop, void_messages
from clinic_portal.patients.models import Patient
from tests.notifications.conftest import SOURCES, Post, make_person, probe_source
from tests.providers.servers import CHECKED_STOP, moto_data


def note(post: Post, number: str = CHECKED_STOP) -> None:
    with transaction(post.db):
        note_stop(post.db, post.clock, number)


def test_the_vendors_refusal_is_remembered_and_an_e_mail_says_it_at_once(post: Post, sns: Senders, amazon: str) -> None:
    [message_id] = post.queue(make_person(post.db, phone=CHECKED_STOP))
    assert post.deliver(message_id, sns) is MessageState.FAILED
    assert post.message(message_id).error_code == "sms.opted_out"
    assert moto_data(amazon, "sns", "SMS") == []
    assert stopped_numbers(post.db, [CHECKED_STOP, "+351912345601", None]) == {CHECKED_STOP}
    [instead] = [row for row in post.messages() if row.id != message_id]
    assert (instead.channel, instead.state, instead.due_at) == (Channel.EMAIL, MessageState.QUEUED, post.clock.now())
    assert post.deliver(instead.id, sns) is MessageState.SENT
    assert [(mail.to, mail.subject) for mail in post.inbox()] == [("marta@example.org", "Good day, Marta")]


def test_the_vendor_is_not_asked_again_about_a_phone_that_is_known(post: Post, sns: Senders, amazon: str) -> None:
    # Nobody answers there: whoever asked would be told that the vendor is away.
    away = replace(sns, sms=type(sns.sms)(region="eu-west-1", endpoint_url="http://127.0.0.1:9"))
    note(post)
    [message_id] = post.queue(make_person(post.db, phone=CHECKED_STOP))
    assert post.deliver(message_id, away) is MessageState.CANCELLED
    assert post.message(message_id).error_code == "sms.opted_out"
    assert [row.channel for row in post.messages()] == [Channel.SMS, Channel.EMAIL]


def test_nobody_is_told_twice_whose_e_mail_goes_beside_the_sms(post: Post) -> None:
    note(post)
    queued = post.queue(make_person(post.db, phone=CHECKED_STOP), Channel.SMS, Channel.EMAIL)
    for message_id in queued:
        post.deliver(message_id)
    assert len(post.messages()) == 2
    assert [item.channel for item in post.inbox()] == ["email"]


def test_an_e_mail_that_did_not_arrive_or_tells_of_something_older_does_not_count(post: Post) -> None:
    person_id = make_person(post.db, phone=CHECKED_STOP)
    [older] = post.queue(person_id, Channel.EMAIL, key="1")
    post.deliver(older)
    post.clock.at += timedelta(minutes=1)
    note(post)
    text, mail = sorted(
        post.queue(person_id, Channel.SMS, Channel.EMAIL, key="2"), key=lambda id_: post.message(id_).channel != "sms"
    )
    post.message(mail).state = MessageState.BOUNCED
    post.db.commit()
    post.deliver(text)
    assert post.sweep().sent == 1
    assert len(post.inbox()) == 2


def test_without_an_e_mail_address_the_story_says_so(post: Post) -> None:
    note(post)
    [message_id] = post.queue(make_person(post.db, phone=CHECKED_STOP, email=None))
    assert post.deliver(message_id) is MessageState.CANCELLED
    post.sweep()
    assert [(row.channel, row.error_code) for row in post.messages()] == [
        (Channel.SMS, "sms.opted_out"),
        (Channel.EMAIL, "message.no_address"),
    ]
    assert post.inbox() == []


def test_what_is_voided_takes_the_e_mail_that_was_to_stand_in_along(post: Post) -> None:
    note(post)
    person_id = make_person(post.db, phone=CHECKED_STOP)
    [message_id] = post.queue(person_id)
    post.deliver(message_id)
    with transaction(post.db):
        assert void_messages(post.db, post.clock, subject_id=person_id) == 1
    assert post.sweep().sent == 0
    assert post.inbox() == []


def test_a_kind_that_is_only_an_sms_stays_one(post: Post) -> None:
    note(post)
    folder = post.settings.root / "templates" / "messages" / "wordless"
    (folder / "body.txt").rename(folder / "body.away")
    try:
        post.db.info[SESSION_KEY] = SOURCES | {"wordless": probe_source}
        [message_id] = post.queue(make_person(post.db, phone=CHECKED_STOP), kind="wordless")
        post.deliver(message_id)
    finally:
        (folder / "body.away").rename(folder / "body.txt")
    assert len(post.messages()) == 1


def test_what_one_sms_would_have_told_together_is_one_e_mail(post: Post) -> None:
    people = [make_person(post.db, name, phone=CHECKED_STOP) for name in ("Marta", "Rui")]

    def together(
        db: Session, clock: Clock, settings: Settings, subjects: list[UUID], channel: Channel
    ) -> MessageFacts | None:
        facts = probe_source(db, clock, settings, subjects[0])
        names = [person.given_name for id_ in subjects if (person := db.get(Patient, id_))]
        return facts and replace(facts, context=facts.context | {"name": " and ".join(sorted(names))})

    group = MessageGroup(companions=lambda db, clock, subject, channel: set(people) - {subject}, facts=together)
    post.db.info[GROUPS_KEY] = {"probe": group}
    note(post)
    [first], [second] = (post.queue(person_id) for person_id in people)
    assert post.deliver(first) is MessageState.CANCELLED
    assert post.message(second).state is MessageState.JOINED
    assert post.sweep().sent == 1
    assert [mail.subject for mail in post.inbox()] == ["Good day, Marta and Rui"]


def test_noting_a_stop_again_keeps_the_first_time_until_it_ended(post: Post) -> None:
    note(post)
    first = post.clock.now()
    post.clock.at += timedelta(days=1)
    note(post)
    stop = sms_stop(post.db, post.clock, CHECKED_STOP)
    assert stop is not None
    assert stop.since == first
    row = post.db.scalars(select(StoppedAddress)).one()
    row.open_again(now=post.clock.now())
    post.db.commit()
    assert sms_stop(post.db, post.clock, CHECKED_STOP) is None
    assert not stopped_numbers(post.db, [CHECKED_STOP])
    note(post)
    stop = sms_stop(post.db, post.clock, CHECKED_STOP)
    assert stop is not None
    assert stop.since == post.clock.now()


@pytest.mark.parametrize("number", [None, "", "+351912345601"])
def test_of_other_phones_nothing_is_known(post: Post, number: str | None) -> None:
    note(post)
    assert sms_stop(post.db, post.clock, number) is None


def test_what_did_not_go_is_found_by_when_it_is_worth_something(db: Session, clock: FixedClock) -> None:
    """The desk asks with every change of its day: what is over, more with every year, must not be read for it."""
    found = select(stopped_subjects(("reminder",), now=clock.now()))
    sql = found.compile(db.get_bind(), compile_kwargs={"literal_binds": True})
    db.execute(text("SET LOCAL enable_seqscan = off"))
    plan = "\n".join(db.scalars(text(f"EXPLAIN {sql}")))
    assert "ix_message_opted_out" in plan
    assert "Index Cond: (expires_at > " in plan
