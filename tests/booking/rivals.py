"""Rivals for one time: processes with threads, each with its own connection, let go at the same moment."""

import contextlib
import multiprocessing
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from multiprocessing.synchronize import Barrier
from uuid import UUID

import psycopg
from sqlalchemy import event, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.booking.steps import NewTime
from clinic_portal.booking.use_cases.book_series import SeriesChoice, book_series
from clinic_portal.booking.use_cases.hold_time import Choice, hold_time
from clinic_portal.booking.use_cases.move_appointment import move_appointment
from clinic_portal.core import cache, events, jobs, live
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.db import make_engine
from clinic_portal.core.errors import DomainError
from clinic_portal.core.ids import AppointmentId, FacilityId, new_id, spoken_code
from clinic_portal.core.modes import Mode
from clinic_portal.notifications import sources
from clinic_portal.wiring import MESSAGE_SOURCES, REACTIONS
from tests.support import servers

PROCESSES, THREADS = 4, 8
RIVALS = PROCESSES * THREADS
TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Ask:
    """What one rival asks for in one round: to hold the choice, or with `visit` to move that visit to it.

    `blind`: inserts (or updates) without looking and without ON CONFLICT (the control).
    """

    choice: Choice
    actor: Actor | None = None
    blind: "Blind | None" = None
    visit: AppointmentId | None = None
    #: Sessions to book at once, in place of the choice.
    series: SeriesChoice | None = None


@dataclass(frozen=True)
class Blind:
    """What a plain insert needs to know."""

    practitioner_id: UUID
    room_id: UUID
    minutes: int


@dataclass(frozen=True)
class Outcome:
    """What became of it: "held", "moved", or the code of the refusal, or the name of an error that no user should meet."""

    round: int
    result: str


class Silent:
    """No worker and no page is there to be told."""

    def nudge(self, queue: str, function: str, *args: str | int) -> None:
        pass

    def queue_changed(self, facility_id: FacilityId, version: int) -> None:
        pass


#: What a session of a rival carries.
INFO = {
    events.SESSION_KEY: REACTIONS,
    sources.SESSION_KEY: MESSAGE_SOURCES,
    jobs.SESSION_KEY: Silent(),
    live.SESSION_KEY: Silent(),
    cache.SESSION_KEY: cache.VersionedCache("redis://127.0.0.1:1/0", is_on=False),
}


@contextlib.contextmanager
def own_database(name: str) -> Iterator[sessionmaker[Session]]:
    """A database that the rivals may commit to."""
    engine = make_engine(servers.clone_template(name))
    try:
        yield sessionmaker(engine, expire_on_commit=False, info=dict(INFO))
    finally:
        engine.dispose()
        servers.drop_database(name)


def race(
    database: str, now: datetime, rounds: Sequence[Sequence[Ask]], processes_count: int = PROCESSES
) -> list[Outcome]:
    """Run the rounds one after the other, in each of them all rivals at once; return every outcome."""
    # Each process comes from one that has everything loaded.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.booking.rivals"])
    barrier, queue = context.Barrier(RIVALS), context.Queue()
    processes = [
        context.Process(
            target=_process, args=(database, now, rounds, number, RIVALS // processes_count, barrier, queue)
        )
        for number in range(processes_count)
    ]
    for process in processes:
        process.start()
    outcomes = [outcome for _ in processes for outcome in queue.get(timeout=TIMEOUT_S)]
    for process in processes:
        process.join(timeout=10)
        assert process.exitcode == 0
    return outcomes


def wait_longer(connection: psycopg.Connection, _record: object) -> None:
    """Let a rival wait for a lock for as long as a busy machine takes: "try again" is another test's."""
    connection.execute("SET lock_timeout = '30s'")
    connection.commit()


def _process(
    database: str,
    now: datetime,
    rounds: Sequence[Sequence[Ask]],
    number: int,
    thread_count: int,
    barrier: Barrier,
    queue: "multiprocessing.Queue[list[Outcome]]",
) -> None:
    engine = make_engine(servers.database_url(database), pool_size=thread_count)
    event.listen(engine, "connect", wait_longer)
    found: list[Outcome] = []

    def rival(index: int) -> None:
        for count, asks in enumerate(rounds):
            with Session(engine, expire_on_commit=False, info=dict(INFO)) as db:
                db.execute(text("SELECT 1"))
                db.rollback()
                barrier.wait(timeout=TIMEOUT_S)
                found.append(Outcome(count, _ask(db, now, asks[index % len(asks)], f"{count}-{index}")))

    threads = [threading.Thread(target=rival, args=(number * thread_count + index,)) for index in range(thread_count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    engine.dispose()
    queue.put(found)


def _ask(db: Session, now: datetime, ask: Ask, key: str) -> str:
    try:
        if ask.visit is not None:
            _move(db, now, ask, ask.visit)
            return "moved"
        if ask.series is not None and ask.actor is not None:
            book_series(db, FixedClock(now), choice=ask.series, actor=ask.actor)
            return "booked"
        if ask.blind is not None:
            _insert_blindly(db, now, ask, ask.blind)
        else:
            hold_time(db, FixedClock(now), choice=ask.choice, hold_key=key, actor=ask.actor)
    except DomainError as refusal:
        return refusal.code
    except Exception as error:
        return type(error).__name__
    return "held"


def _move(db: Session, now: datetime, ask: Ask, visit: AppointmentId) -> None:
    choice = ask.choice
    if ask.blind is None and ask.actor is not None:
        to = NewTime(choice.facility_id, choice.starts_at, choice.practitioner_id)
        move_appointment(db, FixedClock(now), appointment_id=visit, actor=ask.actor, to=to)
    elif ask.blind is not None:
        end = choice.starts_at + timedelta(minutes=ask.blind.minutes)
        db.execute(
            update(Appointment)
            .where(Appointment.id == visit)
            .values(
                starts_at=choice.starts_at, ends_at=end, busy_from=choice.starts_at, busy_until=end,
                practitioner_id=ask.blind.practitioner_id, room_id=ask.blind.room_id,
            )
        )  # fmt: skip
        db.commit()


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
