"""Eight people press everything at one desk at once: nobody waits for a deadlock, and nobody is told that it is busy."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session, sessionmaker

from clinic_portal import wiring
from clinic_portal.accounts.models import Account
from clinic_portal.booking.models import Appointment
from clinic_portal.booking.queries import CancelReason
from clinic_portal.booking.queries.appointments import lock_appointment
from clinic_portal.booking.use_cases.cancel_appointment import cancel_appointment
from clinic_portal.check_in.use_cases.mark_arrived import mark_arrived
from clinic_portal.check_in.use_cases.mark_noshow import mark_noshow
from clinic_portal.check_in.use_cases.undo_arrival import undo_arrival
from clinic_portal.core import cache, events, jobs, live
from clinic_portal.core.actor import Actor, Role
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.db import make_engine, transaction
from clinic_portal.core.errors import DomainError
from clinic_portal.core.ids import AppointmentId, FacilityId, RoomId, TicketId
from clinic_portal.core.live import announce_queue_after_commit
from clinic_portal.facilities.models import FacilityStaff
from clinic_portal.notifications import sources
from clinic_portal.waiting_room import steps
from clinic_portal.waiting_room.models import Ticket
from clinic_portal.waiting_room.rules import TicketState
from clinic_portal.waiting_room.use_cases.call_next import call_next
from clinic_portal.waiting_room.use_cases.call_ticket import call_ticket
from clinic_portal.waiting_room.use_cases.enter_room import enter_room
from clinic_portal.waiting_room.use_cases.finish_ticket import finish_ticket
from clinic_portal.waiting_room.use_cases.mark_left import mark_left
from clinic_portal.waiting_room.use_cases.put_back import put_back
from clinic_portal.waiting_room.use_cases.recall_ticket import recall_ticket
from clinic_portal.waiting_room.use_cases.undo_move import undo_move
from tests.booking.factory import make_appointment
from tests.support import servers
from tests.support.cast import make_account, make_patient
from tests.support.clinic import Clinic, make_clinic

pytestmark = pytest.mark.processes

#: What one person does once, with dice to choose on what.
Press = Callable[[Session, random.Random], object]

THREADS = 8
PRESSES = 60
PATIENTS = 6


class Silent:
    """Stands where Valkey would be: what is tried here are the locks of the database, hundreds of times a second."""

    def nudge(self, queue: str, function: str, *args: str | int) -> None:
        """Nobody is nudged."""

    def queue_changed(self, facility_id: FacilityId, version: int) -> None:
        """Nobody listens."""


@dataclass
class Storm:
    """A committed desk of Lisbon with a few visits of today, in a database of its own."""

    database: str
    sessions: sessionmaker[Session]
    clinic: Clinic
    receptionist: Actor
    patients: Sequence[Account]
    visits: Sequence[AppointmentId]
    clock: FixedClock = field(default_factory=FixedClock)

    def blow(self, presses: Sequence[Press], *, times: int = PRESSES, seed: int = 0) -> Counter[str]:
        """Press at random from all threads, so many times each; return how often each answer came."""
        barrier, answers, lock = threading.Barrier(THREADS), Counter[str](), threading.Lock()

        def person(number: int) -> None:
            dice = random.Random(seed + number)
            barrier.wait(30)
            for _ in range(times):
                with self.sessions() as db:
                    answer = self._press(db, dice, presses)
                with lock:
                    answers[answer] += 1

        threads = [threading.Thread(target=person, args=(number,)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert not any(thread.is_alive() for thread in threads)
        assert answers.total() == THREADS * times
        return answers

    def _press(self, db: Session, dice: random.Random, presses: Sequence[Press]) -> str:
        try:
            dice.choice(presses)(db, dice)
        except DomainError as refusal:
            return refusal.code
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return "done"

    def deadlocks(self) -> int:
        """How many PostgreSQL has broken in this database."""
        with self.sessions() as db:
            db.execute(text("SELECT pg_stat_clear_snapshot(), pg_stat_force_next_flush()"))
            statement = text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
            return int(db.scalar(statement) or 0)


@pytest.fixture
def storm(worker_number: int) -> Iterator[Storm]:
    name = f"clinic_storm_{worker_number}"
    engine = make_engine(servers.clone_template(name), pool_size=THREADS + 1)
    silent = Silent()
    info = {
        events.SESSION_KEY: wiring.REACTIONS, sources.SESSION_KEY: wiring.MESSAGE_SOURCES,
        jobs.SESSION_KEY: silent, live.SESSION_KEY: silent,
        cache.SESSION_KEY: cache.VersionedCache("redis://127.0.0.1:1/0", is_on=False),
    }  # fmt: skip
    sessions = sessionmaker(engine, expire_on_commit=False, info=info)
    clock = FixedClock()
    with sessions() as db:
        clinic = make_clinic(db, clock)
        receptionist = make_account(db, clock, Role.RECEPTIONIST, "Paula", "Reis", "paula@clinic.example")
        db.add(FacilityStaff(facility_id=clinic.lisbon.id, account_id=receptionist.id))
        patients, visits = [], []
        for number in range(PATIENTS):
            mail, phone = f"patient{number}@example.org", f"+35191234561{number}"
            account, person = make_patient(db, clock, f"Given{number}", "Silva", mail, phone)
            practitioner = (clinic.ines, clinic.rui)[number % 2]
            at = clock.now() + timedelta(minutes=30 + 60 * (number // 2))
            visits.append(AppointmentId(make_appointment(db, clinic, person, at=at, practitioner=practitioner).id))
            patients.append(account)
        storm = Storm(name, sessions, clinic, receptionist.actor(), patients, visits, clock)
    try:
        yield storm
    finally:
        engine.dispose()
        servers.drop_database(name)


class Presses:
    """What can be pressed, each on a visit or ticket by chance."""

    def __init__(self, storm: Storm) -> None:
        self.storm = storm
        self.at: dict[str, Any] = {"facility_id": FacilityId(storm.clinic.lisbon.id), "actor": storm.receptionist}

    def visit(self, dice: random.Random) -> AppointmentId:
        return dice.choice(self.storm.visits)

    def ticket(self, db: Session, dice: random.Random) -> TicketId:
        ids: list[UUID] = sorted(db.scalars(select(Ticket.id)).all())
        db.rollback()
        return TicketId(dice.choice(ids)) if ids else TicketId(self.storm.clinic.lisbon.id)

    def room(self, dice: random.Random) -> RoomId | None:
        return dice.choice([None, RoomId(self.storm.clinic.room_1.id), RoomId(self.storm.clinic.room_2.id)])

    def arrive(self, db: Session, dice: random.Random) -> object:
        return mark_arrived(db, self.storm.clock, appointment_id=self.visit(dice), **self.at)

    def undo_arrival(self, db: Session, dice: random.Random) -> object:
        return undo_arrival(db, self.storm.clock, appointment_id=self.visit(dice), **self.at)

    def miss(self, db: Session, dice: random.Random) -> object:
        return mark_noshow(db, self.storm.clock, appointment_id=self.visit(dice), **self.at)

    def cancel(self, db: Session, dice: random.Random) -> object:
        # One of the visits only, or nobody would be left to press on.
        account, visit = self.storm.patients[-1], self.storm.visits[-1]
        reason = CancelReason.OTHER
        return cancel_appointment(db, self.storm.clock, appointment_id=visit, actor=account.actor(), reason=reason)

    def call_next(self, db: Session, dice: random.Random) -> object:
        return call_next(db, self.storm.clock, room_id=self.room(dice), **self.at)

    def call(self, db: Session, dice: random.Random) -> object:
        ticket = self.ticket(db, dice)
        return call_ticket(db, self.storm.clock, ticket_id=ticket, room_id=self.room(dice), **self.at)

    def on_ticket(self, act: Callable[..., object]) -> Press:
        return lambda db, dice: act(db, self.storm.clock, ticket_id=self.ticket(db, dice), **self.at)

    def undo(self, db: Session, dice: random.Random) -> object:
        state = dice.choice([state for state in TicketState if state is not TicketState.WAITING])
        return undo_move(db, self.storm.clock, ticket_id=self.ticket(db, dice), state=state, **self.at)

    def everything(self) -> list[Press]:
        acts = (enter_room, finish_ticket, mark_left, put_back, recall_ticket)
        own = [self.arrive, self.undo_arrival, self.miss, self.cancel, self.call_next, self.call, self.undo]
        return [*own, self.arrive, self.call_next, *(self.on_ticket(act) for act in acts)]

    def wrong_order(self, db: Session, dice: random.Random) -> None:
        """The control: queue first, then appointment."""
        with transaction(db):
            queue = steps.lock_queue(db, self.storm.clock, FacilityId(self.storm.clinic.lisbon.id))
            lock_appointment(db, self.visit(dice))
            announce_queue_after_commit(db, FacilityId(queue.facility_id), queue.version)


#: What somebody may be told who pressed a moment too late.
REFUSALS = {
    "done", "not_found", "ticket.moved_on", "ticket.nobody_waiting", "ticket.room_in_use", "appointment.state_changed",
    "appointment.already_started", "appointment.not_started",
}  # fmt: skip


def test_nobody_deadlocks_at_the_desk(storm: Storm) -> None:
    answers = storm.blow(Presses(storm).everything())
    assert set(answers) <= REFUSALS, answers
    assert answers["done"] > THREADS * PRESSES // 10
    assert storm.deadlocks() == 0
    with storm.sessions() as db:
        waiting = db.execute(
            select(Appointment.state, Ticket.state).join(Ticket, Ticket.appointment_id == Appointment.id)
        ).all()
        versions = text("SELECT version >= last_number FROM queue")
        assert db.scalar(versions)
    # The two tell the same story: whoever has a ticket has arrived, and is as far in one as in the other.
    fits = {"waiting": "arrived", "called": "arrived", "left": "arrived", "in_room": "checked-in", "done": "fulfilled"}
    assert all(fits[ticket.value] == visit.value for visit, ticket in waiting)


def test_control_the_other_order_does_deadlock(storm: Storm) -> None:
    """If this fails, the storm above proves nothing: its threads do not meet."""
    presses = Presses(storm)
    answers = Counter[str]()
    for seed in range(0, 200, THREADS):
        answers += storm.blow([presses.arrive, presses.undo_arrival, presses.wrong_order], times=3, seed=seed)
        if answers["busy"]:
            break
    assert answers["busy"] > 0
    assert storm.deadlocks() > 0
