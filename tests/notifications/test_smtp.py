"""Delivery over real SMTP, which cannot drop a repeat: what docs/messages.md admits is what happens, and no more."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from clinic_portal.core.settings import SmtpSettings
from clinic_portal.notifications.delivery import Senders
from clinic_portal.notifications.rules import Channel, MessageState
from tests.notifications.conftest import Post, make_person
from tests.notifications.senders import CuttingSender
from tests.providers.servers import Postman


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def postman(post: Post) -> Iterator[Postman]:
    """A mail server, and the settings that lead to it."""
    postman = Postman()
    controller = Controller(postman, hostname="127.0.0.1", port=free_port())
    controller.start()
    smtp = SmtpSettings(host="127.0.0.1", port=controller.port, user="", password="", security="none")
    post.settings = replace(post.settings, email_provider="smtp", smtp=smtp)
    yield postman
    controller.stop()


def test_an_email_arrives_whole(post: Post, postman: Postman) -> None:
    [message_id] = post.queue(make_person(post.db), Channel.EMAIL)
    assert post.deliver(message_id) is MessageState.SENT
    [(recipient, message)] = postman.delivered
    assert (recipient, message["Subject"]) == ("marta@example.org", "Good day, Marta")
    assert post.message(message_id).provider_id == message["Message-ID"]
    kinds = [part.get_content_type() for part in message.walk()]
    assert kinds == ["multipart/mixed", "multipart/alternative", "text/plain", "text/html", "text/calendar"]


@pytest.mark.parametrize(
    ("email", "state", "code"),
    [
        ("nobody@example.org", MessageState.FAILED, "email.recipient_refused"),
        ("greylisted@example.org", MessageState.RETRY_WAIT, "email.recipient_deferred"),
        ("full@example.org", MessageState.RETRY_WAIT, "email.deferred"),
    ],
)
@pytest.mark.usefixtures("postman")
def test_what_the_server_says_decides(post: Post, email: str, state: MessageState, code: str) -> None:
    [message_id] = post.queue(make_person(post.db, email=email), Channel.EMAIL)
    assert post.deliver(message_id) is state
    assert post.message(message_id).error_code == code


def test_a_mail_server_that_is_away_is_waited_for(post: Post, postman: Postman) -> None:
    working = post.settings
    assert working.smtp is not None
    post.settings = replace(working, smtp=replace(working.smtp, port=free_port()))
    [message_id] = post.queue(make_person(post.db), Channel.EMAIL)
    assert post.deliver(message_id) is MessageState.RETRY_WAIT
    assert post.message(message_id).error_code == "email.unreachable"
    post.settings = working
    post.clock.advance(timedelta(seconds=30))
    assert post.sweep().sent == 1
    assert len(postman.delivered) == 1


def test_a_worker_lost_after_the_server_took_it_means_two_with_one_message_id(
    post: Post, postman: Postman, real_sessions: sessionmaker[Session], real_engine: Engine
) -> None:
    with real_sessions() as db:
        post.db = db
        [message_id] = post.queue(make_person(db), Channel.EMAIL)
        cutting = CuttingSender(post.senders.email, real_engine)
        with pytest.raises(OperationalError):
            post.deliver(message_id, Senders(sms=post.senders.sms, email=cutting))
    with real_sessions() as db:
        post.db = db
        post.clock.advance(timedelta(seconds=61))
        assert post.sweep().sent == 1
    assert [message["Message-ID"] for _, message in postman.delivered] == [f"<{message_id}@clinic.example>"] * 2
