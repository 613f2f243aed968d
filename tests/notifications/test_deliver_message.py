"""One message, from the outbox to the vendor."""

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from clinic_portal.core.db import transaction
from clinic_portal.core.ids import new_id
from clinic_portal.notifications.delivery import Outcome, Senders, claim, record
from clinic_portal.notifications.models import Message
from clinic_portal.notifications.queries import lock_message
from clinic_portal.notifications.rules import MAX_ATTEMPTS, RETRY_DELAYS, Channel, MessageEvent, MessageState
from clinic_portal.notifications.steps import void_messages
from clinic_portal.patients.models import Patient
from tests.notifications.conftest import Post, make_person
from tests.notifications.senders import CuttingSender, ImpatientSender, WatchedSender


def test_both_channels_reach_the_inbox_once(post: Post) -> None:
    queued = post.queue(make_person(post.db), Channel.SMS, Channel.EMAIL)
    assert [post.deliver(message_id) for message_id in queued] == [MessageState.SENT] * 2
    assert [post.deliver(message_id) for message_id in queued] == [None] * 2
    email, sms = sorted(post.inbox(), key=lambda item: item.channel)
    assert (sms.to, email.to) == ("+351912345601", "marta@example.org")
    assert sms.text == "Good day, Marta: Thursday 26 November, 10:30, http://localhost/visits"
    assert email.subject == "Good day, Marta"
    assert email.html is not None
    assert "Good day, Marta" in email.html
    assert [attachment.filename for attachment in email.attachments] == ["visit.ics"]
    for row in post.messages():
        assert (row.sent_at, row.attempts, row.provider, row.claimed_at) == (post.clock.now(), 1, "inbox", None)
        assert row.provider_id == f"inbox:{row.channel}-{row.id}"


def test_the_text_is_made_from_the_row_as_it_is_when_it_is_sent(post: Post) -> None:
    person_id = make_person(post.db, "Marta")
    [message_id] = post.queue(person_id)
    person = post.db.get(Patient, person_id)
    assert person is not None
    person.given_name, person.phone = "Beatriz", "+351912345609"
    post.db.commit()
    assert post.deliver(message_id) is MessageState.SENT
    [sms] = post.inbox()
    assert (sms.to, sms.text[:17]) == ("+351912345609", "Good day, Beatriz")


@pytest.mark.parametrize(
    ("language", "sms"),
    [
        ("pt_PT", "Bom dia, Marta: Quinta-feira, 26 de novembro, 10:30, http://localhost/visits"),
        ("en", "Good day, Marta: Thursday 26 November, 10:30, http://localhost/visits"),
        # Nobody should be in the table with a language that we do not speak; they are written to in English.
        ("ja", "Good day, Marta: Thursday 26 November, 10:30, http://localhost/visits"),
    ],
)
def test_everybody_is_written_to_in_their_language(post: Post, language: str, sms: str) -> None:
    [message_id] = post.queue(make_person(post.db, language=language))
    post.deliver(message_id)
    assert [item.text for item in post.inbox()] == [sms]


def test_what_is_no_longer_true_is_cancelled(post: Post) -> None:
    [message_id] = post.queue(new_id())
    assert post.deliver(message_id) is MessageState.CANCELLED
    assert post.message(message_id).error_code == "message.no_longer_true"
    assert post.inbox() == []


@pytest.mark.parametrize(("channel", "missing"), [(Channel.SMS, "phone"), (Channel.EMAIL, "email")])
def test_nobody_without_an_address_is_written_to(post: Post, channel: Channel, missing: str) -> None:
    [message_id] = post.queue(make_person(post.db, **{missing: None}), channel)
    assert post.deliver(message_id) is MessageState.CANCELLED
    assert post.message(message_id).error_code == "message.no_address"


def test_a_voided_message_is_not_sent(post: Post) -> None:
    person_id = make_person(post.db)
    [message_id] = post.queue(person_id)
    with transaction(post.db):
        void_messages(post.db, post.clock, subject_id=person_id)
    assert post.deliver(message_id) is None
    assert post.inbox() == []


def test_a_message_is_not_sent_before_its_time(post: Post) -> None:
    [message_id] = post.queue(make_person(post.db), due_at=post.clock.now() + timedelta(minutes=10))
    assert post.deliver(message_id) is None
    post.clock.advance(timedelta(minutes=10))
    assert post.deliver(message_id) is MessageState.SENT


def test_a_message_that_comes_too_late_is_not_sent(post: Post) -> None:
    [message_id] = post.queue(make_person(post.db), expires_at=post.clock.now() + timedelta(minutes=10))
    post.clock.advance(timedelta(minutes=10))
    assert post.deliver(message_id) is None
    assert post.message(message_id).state is MessageState.EXPIRED
    assert post.inbox() == []


def test_what_the_vendor_refuses_for_good_has_failed(post: Post) -> None:
    [message_id] = post.queue(make_person(post.db, phone="+351000"))
    assert post.deliver(message_id) is MessageState.FAILED
    assert post.message(message_id).error_code == "sms.number_invalid"
    assert post.deliver(message_id) is None


def test_an_outage_is_waited_for_longer_and_longer_and_a_day_at_most(post: Post, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    post.settings = replace(post.settings, inbox_folder=tmp_path / "file")
    [message_id] = post.queue(make_person(post.db))
    started_at = post.clock.now()
    for delay in RETRY_DELAYS:
        assert post.deliver(message_id) is MessageState.RETRY_WAIT
        assert post.message(message_id).error_code == "sms.inbox_unwritable"
        assert post.message(message_id).due_at == post.clock.now() + delay
        post.clock.advance(delay - timedelta(seconds=1))
        assert post.deliver(message_id) is None
        post.clock.advance(timedelta(seconds=1))
    assert post.deliver(message_id) is MessageState.FAILED
    assert post.message(message_id).attempts == MAX_ATTEMPTS
    assert timedelta(hours=23) < post.clock.now() - started_at < timedelta(hours=25)


def test_after_an_outage_the_message_goes_out_once(post: Post, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    post.settings = replace(post.settings, inbox_folder=blocked)
    [message_id] = post.queue(make_person(post.db))
    assert post.deliver(message_id) is MessageState.RETRY_WAIT
    blocked.unlink()
    post.clock.advance(RETRY_DELAYS[0])
    assert post.deliver(message_id) is MessageState.SENT
    row = post.message(message_id)
    assert (row.attempts, row.error_code, len(post.inbox())) == (2, None, 1)


@pytest.mark.parametrize("kind", ["broken", "wordless"])
def test_a_mistake_of_ours_waits_for_its_repair(post: Post, kind: str) -> None:
    [message_id] = post.queue(make_person(post.db), kind=kind)
    assert post.deliver(message_id) is MessageState.RETRY_WAIT
    assert post.message(message_id).error_code == "message.broken"
    assert post.inbox() == []


def test_an_adapter_that_breaks_its_promise_does_not_stop_the_worker(post: Post) -> None:
    [message_id] = post.queue(make_person(post.db))
    senders = Senders(sms=ImpatientSender(), email=post.senders.email)
    assert post.deliver(message_id, senders) is MessageState.RETRY_WAIT
    assert post.message(message_id).error_code == "message.broken"


def test_a_message_that_is_not_there_is_no_error(post: Post) -> None:
    assert post.deliver(new_id()) is None


def test_no_transaction_is_open_while_the_vendor_is_called(
    real_sessions: sessionmaker[Session], real_engine: Engine, post: Post
) -> None:
    with real_sessions() as db:
        post.db = db
        [message_id] = post.queue(make_person(db))
        sender = WatchedSender(post.senders.sms, real_engine, [])
        assert post.deliver(message_id, Senders(sms=sender, email=post.senders.email)) is MessageState.SENT
    assert sender.seen == [(MessageState.IN_FLIGHT, 0)]


def test_two_workers_that_take_one_message_send_it_once(real_sessions: sessionmaker[Session], post: Post) -> None:
    """Eight threads with connections of their own, released together, for each of twelve messages."""
    with real_sessions() as db:
        post.db = db
        person_id = make_person(db)
        queued = [post.queue(person_id, key=str(number))[0] for number in range(12)]
    for message_id in queued:
        states = _deliver_at_once(real_sessions, post, message_id, workers=8)
        assert sorted(states, key=str) == [None] * 7 + [MessageState.SENT]
    with real_sessions() as db:
        assert {row.attempts for row in db.scalars(select(Message))} == {1}
    assert len(post.inbox()) == 12


def _deliver_at_once(
    sessions: sessionmaker[Session], post: Post, message_id: UUID, *, workers: int
) -> list[MessageState | None]:
    barrier = threading.Barrier(workers)
    states: list[MessageState | None] = []

    def work() -> None:
        with sessions() as db:
            own = Post(db, post.clock, post.settings)
            db.connection()
            barrier.wait()
            states.append(own.deliver(message_id))

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return states


def test_a_worker_slower_than_its_lease_undoes_nothing(post: Post) -> None:
    """It lost the message to the sweeper: its failure is no news, but what the vendor took is."""
    [message_id] = post.queue(make_person(post.db))
    with transaction(post.db):
        row = lock_message(post.db, message_id, wait=True)
        assert row is not None
        slow = claim(row, now=post.clock.now())
    post.clock.advance(timedelta(minutes=2))
    post.settings, working = replace(post.settings, inbox_folder=Path("/dev/null")), post.settings
    assert post.sweep().taken_back == 1
    assert post.message(message_id).attempts == 2
    due_at = post.message(message_id).due_at
    with transaction(post.db):
        refused = Outcome(MessageEvent.REFUSED, "sms.refused", provider="inbox")
        assert record(post.db, post.clock, slow, refused) is MessageState.RETRY_WAIT
    assert post.message(message_id).due_at == due_at
    with transaction(post.db):
        accepted = Outcome(MessageEvent.ACCEPTED, provider="inbox", provider_id="late")
        assert record(post.db, post.clock, slow, accepted) is MessageState.SENT
    post.settings = working
    post.clock.advance(timedelta(days=1))
    assert post.sweep().tried == 0


def test_an_outcome_that_cannot_be_written_is_repaired_by_the_sweeper(
    real_sessions: sessionmaker[Session], real_engine: Engine, post: Post
) -> None:
    """The connection breaks between the vendor's answer and our note of it."""
    with real_sessions() as db:
        post.db = db
        [message_id] = post.queue(make_person(db))
        cutting = CuttingSender(post.senders.sms, real_engine)
        with pytest.raises(OperationalError):
            post.deliver(message_id, Senders(sms=cutting, email=post.senders.email))
    with real_sessions() as db:
        post.db = db
        assert post.message(message_id).state is MessageState.IN_FLIGHT
        db.rollback()
        assert post.sweep().tried == 0
        post.clock.advance(timedelta(seconds=61))
        swept = post.sweep()
    assert (swept.taken_back, swept.sent, len(post.inbox())) == (1, 1, 1)
