"""Rivals for one time: processes with threads, each with its own connection, let go at the same moment."""

import contextlib
import multiprocessing
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import Engine, event, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.booking.steps import NewTime
from clinic_portal.booking.steps.series import SeriesChoice
from clinic_portal.booking.use_cases.book_appointment import Answers, book_appointment
from clinic_portal.booking.use_cases.book_by_phone import PhoneBooking, book_by_phone
from clinic_portal.booking.use_cases.book_series import book_series
from clinic_portal.booking.use_cases.book_series_by_phone import book_series_by_phone
from clinic_portal.booking.use_cases.hold_time import Choice, hold_time
from clinic_portal.booking.use_cases.move_appointment import move_appointment
from clinic_portal.booking.use_cases.move_by_clinic import move_by_clinic
from clinic_portal.core import cache, events, jobs, live
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.db import make_engine
from clinic_portal.core.errors import DomainError
from clinic_portal.core.ids import AppointmentId, FacilityId, new_id, spoken_code
from clinic_portal.core.modes import Mode
from clinic_portal.notifications import sources
from clinic_portal.wiring import MESSAGE_GROUPS, MESSAGE_SOURCES, REACTIONS
from tests.support import servers

PROCESSES, RIVALS = 8, 32
#: How long a busy machine may take for one round of all rivals.
TIMEOUT_S = 240.0


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
    sources.GROUPS_KEY: MESSAGE_GROUPS,
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


@dataclass(frozen=True)
class Seat:
    """One rival's place in the race."""

    index: int
    engine: Engine
    barrier: Barrier

    def session(self) -> Session:
        """A session that has its connection already."""
        db = Session(self.engine, expire_on_commit=False, info=dict(INFO))
        db.execute(text("SELECT 1"))
        db.rollback()
        return db

    def wait_for_all(self) -> None:
        self.barrier.wait(timeout=TIMEOUT_S)


#: What every rival does; it goes to the processes, so it is made of plain data.
Work = Callable[[Seat], Iterable[Any]]


class Crew:
    """Eight processes that stay for all races of a test run; some races need fewer of them, with more threads each."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("forkserver")
        # Each process comes from one that has everything loaded.
        context.set_forkserver_preload(["tests.booking.mix", "tests.booking.rivals"])
        self._barrier = context.Barrier(RIVALS)
        # No queues: each would keep a thread for as long as the tests of this process run.
        pipes = [context.Pipe() for _ in range(PROCESSES)]
        self._ours = [ours for ours, _ in pipes]
        self._processes = [
            context.Process(target=_serve, args=(theirs, self._barrier), daemon=True) for _, theirs in pipes
        ]
        for process, (_, theirs) in zip(self._processes, pipes, strict=True):
            process.start()
            theirs.close()

    def run(self, database: str, work: Work, processes: int = PROCESSES) -> list[Any]:
        """Have all rivals do the work, and return what they found."""
        url, share = servers.database_url(database), RIVALS // processes
        working = self._ours[:processes]
        for number, connection in enumerate(working):
            connection.send((url, work, range(number * share, (number + 1) * share)))
        answers = [connection.recv() for connection in working if connection.poll(5 * TIMEOUT_S)]
        assert len(answers) == processes, "a process of rivals gave no answer"
        failures = [answer for answer in answers if isinstance(answer, str)]
        if failures:
            self._barrier.reset()
            raise AssertionError("\n".join(failures))
        return [one for answer in answers for one in answer]

    def close(self) -> None:
        for connection in self._ours:
            connection.send(None)
        for process in self._processes:
            process.join(timeout=30)


def _serve(connection: Connection, barrier: Barrier) -> None:
    while (task := connection.recv()) is not None:
        connection.send(_run(*task, barrier))


def _run(url: str, work: Work, indices: Sequence[int], barrier: Barrier) -> list[Any] | str:
    engine = make_engine(url, pool_size=len(indices))
    event.listen(engine, "connect", wait_longer)
    found, failures = list[Any](), list[str]()

    def rival(index: int) -> None:
        try:
            found.extend(work(Seat(index, engine, barrier)))
        except Exception:
            failures.append(traceback.format_exc())
            barrier.abort()

    threads = [threading.Thread(target=rival, args=(index,)) for index in indices]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    engine.dispose()
    return "\n".join(failures) if failures else found


def wait_longer(connection: psycopg.Connection, _record: object) -> None:
    """Let a rival wait for a lock for as long as a busy machine takes: "try again" is another test's."""
    connection.execute("SET lock_timeout = '60s'; SET statement_timeout = '120s'")
    connection.commit()


@dataclass(frozen=True)
class Blind:
    """What a plain insert (or update) needs to know: one without looking and without ON CONFLICT, for the controls."""

    practitioner_id: UUID
    room_id: UUID
    minutes: int


@dataclass(frozen=True)
class Ask:
    """What one rival asks for in one round: to hold the choice, or what the other fields say instead."""

    choice: Choice
    actor: Actor | None = None
    blind: Blind | None = None
    #: Move this visit to the choice; with a `note` as staff do, to this place whatever the hours say.
    visit: AppointmentId | None = None
    to: NewTime | None = None
    note: str = ""
    #: Book what is held.
    book: bool = False
    #: Sessions to book at once, in place of the choice; staff book them at the desk, with a `note` beside the rules.
    series: SeriesChoice | None = None
    #: A booking at the desk, in place of the choice.
    phone: PhoneBooking | None = None
    #: The browser that asks; by itself each asks from a new one, which holds nothing.
    hold_key: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of it: "held", "booked", "moved", or the code of the refusal, or an error that no user should meet."""

    round: int
    result: str
    took_s: float


@dataclass(frozen=True)
class Rounds:
    """Round after round, in each of them all rivals at once. None sits a round out."""

    now: datetime
    rounds: Sequence[Sequence[Ask | None]] = field(repr=False)

    def __call__(self, seat: Seat) -> Iterator[Outcome]:
        for number, asks in enumerate(self.rounds):
            ask = asks[seat.index % len(asks)]
            with seat.session() as db:
                seat.wait_for_all()
                if ask is not None:
                    before = time.perf_counter()
                    result = _ask(db, FixedClock(self.now), ask, f"{number}-{seat.index}")
                    yield Outcome(number, result, time.perf_counter() - before)


def _ask(db: Session, clock: FixedClock, ask: Ask, key: str) -> str:
    try:
        return _do(db, clock, ask, ask.hold_key or key)
    except DomainError as refusal:
        return refusal.code
    except Exception as error:
        return type(error).__name__


def _do(db: Session, clock: FixedClock, ask: Ask, key: str) -> str:
    choice, actor = ask.choice, ask.actor
    if ask.blind is not None:
        return _do_blindly(db, clock, ask, ask.blind)
    if ask.phone is not None and actor is not None:
        book_by_phone(db, clock, booking=ask.phone, actor=actor)
        return "booked"
    if ask.series is not None and actor is not None:
        if actor.is_staff:
            book_series_by_phone(db, clock, choice=ask.series, actor=actor, note=ask.note)
        else:
            book_series(db, clock, choice=ask.series, actor=actor)
        return "booked"
    if ask.visit is not None and actor is not None:
        to = ask.to or NewTime(choice.facility_id, choice.starts_at, choice.practitioner_id)
        if ask.note:
            move_by_clinic(
                db, clock, appointment_id=ask.visit, facility_id=choice.facility_id, actor=actor, to=to, note=ask.note
            )
        else:
            move_appointment(db, clock, appointment_id=ask.visit, actor=actor, to=to)
        return "moved"
    held = hold_time(db, clock, choice=choice, hold_key=key, actor=actor)
    if ask.book and actor is not None:
        answers = Answers(choice.patient_id)
        book_appointment(db, clock, appointment_id=held.id, hold_key=key, actor=actor, answers=answers)
        return "booked"
    return "held"


def _do_blindly(db: Session, clock: FixedClock, ask: Ask, blind: Blind) -> str:
    start, end = ask.choice.starts_at, ask.choice.starts_at + timedelta(minutes=blind.minutes)
    if ask.visit is not None:
        time_ = {"starts_at": start, "ends_at": end, "busy_from": start, "busy_until": end}
        who = {"practitioner_id": blind.practitioner_id, "room_id": blind.room_id}
        db.execute(update(Appointment).where(Appointment.id == ask.visit).values(**time_, **who))
        db.commit()
        return "moved"
    db.add(
        Appointment(
            id=new_id(), reference=spoken_code(8), state=AppointmentState.PROPOSED, mode=Mode.IN_PERSON,
            practitioner_id=blind.practitioner_id, room_id=blind.room_id, service_id=ask.choice.service_id,
            facility_id=ask.choice.facility_id, starts_at=start, ends_at=end, price_minor=1000,
            held_until=clock.now() + timedelta(minutes=10), created_at=clock.now(),
        )
    )  # fmt: skip
    try:
        db.commit()
    except IntegrityError as error:
        db.rollback()
        raise ConstraintSaysNo(getattr(error.orig, "sqlstate", "?")) from error
    return "held"


class ConstraintSaysNo(Exception):
    """The database refused, as it should."""
