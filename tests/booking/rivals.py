"""Rivals for one time: processes with threads, each with its own connection, let go at the same moment."""

import contextlib
import multiprocessing
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from multiprocessing.synchronize import Barrier
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.booking.use_cases.hold_time import Choice, hold_time
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.db import make_engine
from clinic_portal.core.errors import DomainError
from clinic_portal.core.ids import new_id, spoken_code
from clinic_portal.core.modes import Mode
from tests.support import servers

PROCESSES, THREADS = 4, 8
RIVALS = PROCESSES * THREADS
TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Ask:
    """What one rival asks for in one round. `blind`: inserts without looking and without ON CONFLICT (the control)."""

    choice: Choice
    actor: Actor | None = None
    blind: "Blind | None" = None


@dataclass(frozen=True)
class Blind:
    """What a plain insert needs to know."""

    practitioner_id: UUID
    room_id: UUID
    minutes: int


@dataclass(frozen=True)
class Outcome:
    """What became of it: "held", or the code of the refusal, or the name of an error that no user should meet."""

    round: int
    result: str


@contextlib.contextmanager
def own_database(name: str) -> Iterator[sessionmaker[Session]]:
    """A database that the rivals may commit to."""
    engine = make_engine(servers.clone_template(name))
    try:
        yield sessionmaker(engine, expire_on_commit=False)
    finally:
        engine.dispose()
        servers.drop_database(name)


def race(database: str, now: datetime, rounds: Sequence[Sequence[Ask]]) -> list[Outcome]:
    """Run the rounds one after the other, in each of them all rivals at once; return every outcome."""
    context = multiprocessing.get_context("spawn")
    barrier, queue = context.Barrier(RIVALS), context.Queue()
    processes = [
        context.Process(target=_process, args=(database, now, rounds, number, barrier, queue))
        for number in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    outcomes = [outcome for _ in processes for outcome in queue.get(timeout=TIMEOUT_S)]
    for process in processes:
        process.join(timeout=10)
        assert process.exitcode == 0
    return outcomes


def _process(
    database: str,
    now: datetime,
    rounds: Sequence[Sequence[Ask]],
    number: int,
    barrier: Barrier,
    queue: "multiprocessing.Queue[list[Outcome]]",
) -> None:
    engine = make_engine(servers.database_url(database), pool_size=THREADS)
    found: list[Outcome] = []

    def rival(index: int) -> None:
        for count, asks in enumerate(rounds):
            with Session(engine, expire_on_commit=False) as db:
                db.execute(text("SELECT 1"))
                db.rollback()
                barrier.wait(timeout=TIMEOUT_S)
                found.append(Outcome(count, _ask(db, now, asks[index % len(asks)], f"{count}-{index}")))

    threads = [threading.Thread(target=rival, args=(number * THREADS + index,)) for index in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    engine.dispose()
    queue.put(found)


def _ask(db: Session, now: datetime, ask: Ask, key: str) -> str:
    try:
        if ask.blind is not None:
            _insert_blindly(db, now, ask, ask.blind)
        else:
            hold_time(db, FixedClock(now), choice=ask.choice, hold_key=key, actor=ask.actor)
    except DomainError as refusal:
        return refusal.code
    except Exception as error:
        return type(error).__name__
    return "held"


def _insert_blindly(db: Session, now: datetime, ask: Ask, blind: Blind) -> None:
    db.add(
        Appointment(
            id=new_id(), reference=spoken_code(8), state=AppointmentState.PROPOSED, mode=Mode.IN_PERSON,
            practitioner_id=blind.practitioner_id, room_id=blind.room_id, service_id=ask.choice.service_id,
            facility_id=ask.choice.facility_id, starts_at=ask.choice.starts_at,
            ends_at=ask.choice.starts_at + timedelta(minutes=blind.minutes), price_minor=1000,
            held_until=now + timedelta(minutes=10), created_at=now,
        )
    )  # fmt: skip
    try:
        db.commit()
    except IntegrityError as error:
        db.rollback()
        raise ConstraintSaysNo(getattr(error.orig, "sqlstate", "?")) from error


class ConstraintSaysNo(Exception):
    """The database refused, as it should."""
