"""A message kind of the tests' own, with a living row behind it, and databases for tests that need real commits."""

import io
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import pytest
from babel.messages import Catalog
from babel.messages.mofile import write_mo
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, sessionmaker

from clinic_portal import wiring
from clinic_portal.core.clock import Clock, FixedClock
from clinic_portal.core.db import make_engine, transaction
from clinic_portal.core.ids import MessageId, new_id
from clinic_portal.core.money import Money
from clinic_portal.core.settings import Settings
from clinic_portal.notifications.delivery import Senders, make_senders
from clinic_portal.notifications.models import Message
from clinic_portal.notifications.rules import Channel, MessageState
from clinic_portal.notifications.sources import SESSION_KEY, Attachment, MessageFacts
from clinic_portal.notifications.steps import queue_message
from clinic_portal.notifications.use_cases.deliver_message import deliver_message
from clinic_portal.notifications.use_cases.sweep_outbox import Sweep, sweep_outbox
from clinic_portal.patients.models import Patient
from clinic_portal.providers.inbox import InboxItem, read_inbox
from clinic_portal.providers.sms.sns import SnsSmsSender
from tests.providers.servers import AWS, CannedAws, reset_moto, running_canned_aws, running_moto
from tests.support import servers

KINDS = Path(__file__).parent / "kinds"
STARTS = datetime(2026, 11, 26, 10, 30, tzinfo=UTC)


def probe_source(db: Session, clock: Clock, settings: Settings, subject_id: UUID) -> MessageFacts | None:
    """The facts of a patient; nothing to tell about one who is not there or has no family name any more."""
    patient = db.get(Patient, subject_id)
    if patient is None or not patient.family_name:
        return None
    return MessageFacts(
        email=patient.email,
        phone=patient.phone,
        language=patient.language,
        context={
            "name": patient.given_name,
            "at": STARTS,
            "price": Money(4500),
            "service": {"en": "Massage", "pt_PT": "Massagem"},
        },
        attachments=(Attachment("visit.ics", "text/calendar; method=PUBLISH", b"BEGIN:VCALENDAR\r\n"),),
    )


def broken_source(db: Session, clock: Clock, settings: Settings, subject_id: UUID) -> MessageFacts | None:
    """A mistake of ours."""
    raise ZeroDivisionError


def wordless_source(db: Session, clock: Clock, settings: Settings, subject_id: UUID) -> MessageFacts | None:
    """Facts that lack what the template names."""
    facts = probe_source(db, clock, settings, subject_id)
    return facts and replace(facts, context={})


SOURCES = {"probe": probe_source, "broken": broken_source, "wordless": wordless_source}


def make_root(folder: Path, real: Path) -> Path:
    """A root with the real layouts, the tests' own kinds, and a catalogue of one sentence."""
    shutil.copytree(real / "templates" / "messages", folder / "templates" / "messages")
    for kind in ("probe", "wordless", "broken"):
        shutil.copytree(KINDS / "probe", folder / "templates" / "messages" / kind)
    catalogue = Catalog(locale="pt_PT")
    catalogue.add("Good day, %(name)s", "Bom dia, %(name)s")
    buffer = io.BytesIO()
    write_mo(buffer, catalogue)
    messages = folder / "clinic_portal" / "translations" / "pt_PT" / "LC_MESSAGES"
    messages.mkdir(parents=True)
    (messages / "messages.mo").write_bytes(buffer.getvalue())
    return folder


def make_person(db: Session, given_name: str = "Marta", **changes: str | None) -> UUID:
    """Insert a patient to write to."""
    values: dict[str, str | None] = {"phone": "+351912345601", "email": "marta@example.org", "language": "en"}
    person = Patient(
        id=new_id(),
        given_name=given_name,
        family_name="Araújo",
        birth_date=date(1985, 3, 9),
        created_at=STARTS,
        **(values | changes),
    )
    db.add(person)
    db.commit()
    return person.id


@dataclass
class Post:
    """The outbox with everything that it needs."""

    db: Session
    clock: FixedClock
    settings: Settings

    @property
    def senders(self) -> Senders:
        return make_senders(self.settings, self.clock.now)

    def queue(self, subject_id: UUID, *channels: Channel, kind: str = "probe", **options: object) -> list[UUID]:
        with transaction(self.db):
            return queue_message(
                self.db,
                self.clock,
                kind,
                subject_id=subject_id,
                channels=channels or (Channel.SMS,),
                **options,  # type: ignore[arg-type]
            )

    def deliver(self, message_id: UUID, senders: Senders | None = None) -> MessageState | None:
        return deliver_message(
            self.db,
            self.clock,
            message_id=MessageId(message_id),
            settings=self.settings,
            senders=senders or self.senders,
        )

    def sweep(self) -> Sweep:
        return sweep_outbox(self.db, self.clock, settings=self.settings, senders=self.senders)

    def message(self, message_id: UUID) -> Message:
        found = self.db.get(Message, message_id, populate_existing=True)
        assert found is not None
        return found

    def messages(self) -> list[Message]:
        return list(self.db.scalars(select(Message).order_by(Message.id).execution_options(populate_existing=True)))

    def inbox(self) -> list[InboxItem]:
        return read_inbox(self.settings.inbox_folder)


@pytest.fixture(scope="session")
def message_root(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_root(tmp_path_factory.mktemp("root"), settings.root)


@pytest.fixture
def post(db: Session, clock: FixedClock, settings: Settings, message_root: Path, inbox: Path) -> Post:
    """The outbox in the test's transaction."""
    db.info[SESSION_KEY] = SOURCES
    return Post(db, clock, replace(settings, root=message_root, inbox_folder=inbox))


@pytest.fixture(scope="session")
def amazon() -> Iterator[str]:
    with running_moto() as url:
        yield url


@pytest.fixture
def sns(post: Post, amazon: str) -> Senders:
    """Texts through SNS, e-mails into the inbox."""
    reset_moto(amazon)
    return replace(post.senders, sms=SnsSmsSender(endpoint_url=amazon, **AWS))


@pytest.fixture
def canned_aws() -> Iterator[CannedAws]:
    """An Amazon that says what the test wants."""
    with running_canned_aws() as canned:
        yield canned


@pytest.fixture
def real_engine(worker_number: int) -> Iterator[Engine]:
    """A database of the test's own, where commits are commits."""
    name = f"clinic_messages_{worker_number}"
    engine = make_engine(servers.clone_template(name))
    yield engine
    engine.dispose()
    servers.drop_database(name)


@pytest.fixture
def real_sessions(real_engine: Engine, settings: Settings) -> sessionmaker[Session]:
    info = {**wiring.session_info(settings), SESSION_KEY: SOURCES}
    return sessionmaker(bind=real_engine, expire_on_commit=False, info=info)
