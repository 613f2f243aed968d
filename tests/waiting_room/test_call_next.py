"""Calling whoever is next, also when many call at once."""

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from clinic_portal import wiring
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.db import make_engine
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import FacilityId
from clinic_portal.core.settings import Settings
from clinic_portal.waiting_room import queries
from clinic_portal.waiting_room.models import Queue, Ticket
from clinic_portal.waiting_room.rules import TicketState
from clinic_portal.waiting_room.use_cases.call_next import call_next
from clinic_portal.waiting_room.use_cases.call_ticket import call_ticket
from tests.support import servers
from tests.support.cast import make_cast
from tests.support.clinic import make_clinic
from tests.waiting_room.desk import Desk

CALLERS = 32


def test_the_first_in_the_order_to_the_room_of_the_appointment(desk: Desk) -> None:
    later, sooner = desk.arrive(desk.person("Late"), minutes=30), desk.arrive(desk.person("Soon"))
    assert call_next(desk.db, desk.clock, **desk.ask()).id == sooner
    facts = call_next(desk.db, desk.clock, room_id=desk.room_2, **desk.ask())
    assert (facts.id, facts.room_id) == (later, desk.room_2)


def test_one_practitioners_own(desk: Desk) -> None:
    desk.arrive(desk.person("Inês' patient"))
    rui = desk.arrive(desk.person("Rui's patient"), minutes=30, practitioner=desk.clinic.rui)
    assert call_next(desk.db, desk.clock, practitioner_id=desk.rui, **desk.ask()).id == rui
    with pytest.raises(Conflict, match=r"ticket\.nobody_waiting"):
        call_next(desk.db, desk.clock, practitioner_id=desk.rui, **desk.ask())


def test_any_prefers_a_practitioner_who_is_free(desk: Desk) -> None:
    first = desk.arrive(desk.person("A"))
    desk.arrive(desk.person("B"), minutes=30)
    rui = desk.arrive(desk.person("C"), minutes=30, practitioner=desk.clinic.rui)
    call_ticket(desk.db, desk.clock, ticket_id=first, **desk.ask())
    assert call_next(desk.db, desk.clock, **desk.ask()).id == rui


def test_nobody_waits(desk: Desk) -> None:
    with pytest.raises(Conflict, match=r"ticket\.nobody_waiting"):
        call_next(desk.db, desk.clock, **desk.ask())


def test_not_by_staff_of_another_facility(desk: Desk) -> None:
    desk.arrive(desk.cast.patient_person)
    with pytest.raises(NotFound):
        call_next(desk.db, desk.clock, facility_id=desk.facility_id, actor=desk.cast.far_receptionist.actor())


@dataclass(frozen=True)
class Rush:
    """32 people wait, 32 callers press "next" at one moment."""

    make_session: sessionmaker[Session]
    facility_id: FacilityId
    actor: Actor

    def press(self) -> list[UUID]:
        """Return whom each of the callers got; before that everybody waits again."""
        with self.make_session() as db:
            db.execute(update(Ticket).values(state=TicketState.WAITING, called_at=None, calls=0))
            db.commit()
        start = threading.Barrier(CALLERS)
        with ThreadPoolExecutor(CALLERS) as pool:
            callers = [pool.submit(self._call, start) for _ in range(CALLERS)]
            return [caller.result() for caller in callers]

    def _call(self, start: threading.Barrier) -> UUID:
        with self.make_session() as db:
            db.connection()  # Connected before the start: else the race is one for connections.
            db.rollback()
            start.wait()
            return call_next(db, FixedClock(), facility_id=self.facility_id, actor=self.actor).id


@pytest.fixture(scope="module")
def rush(worker_number: int, settings: Settings, shared_app: Flask) -> Iterator[Rush]:
    """In a database of its own, because racing sessions must really commit."""
    name = f"clinic_race_queue_{worker_number}"
    engine = make_engine(servers.clone_template(name), pool_size=CALLERS, max_overflow=2)
    make_session = sessionmaker(bind=engine, expire_on_commit=False, info=dict(wiring.session_info(settings)))
    clock = FixedClock()
    with make_session() as db:
        clinic = make_clinic(db, clock)
        desk = Desk(db, clock, make_cast(db, clock, clinic, shared_app), clinic)
        for index in range(CALLERS):
            person = desk.person(f"P{index}")
            desk.arrive(person, minutes=30 * (index - 20), practitioner=clinic.ines)
        yield Rush(make_session, desk.facility_id, desk.actor)
    engine.dispose()
    servers.drop_database(name)


def test_32_callers_get_32_different_patients(rush: Rush) -> None:
    for _ in range(3):
        assert len(set(rush.press())) == CALLERS


def test_control_without_the_locks_two_callers_get_one_patient(rush: Rush, monkeypatch: pytest.MonkeyPatch) -> None:
    def unlocked_queue(db: Session, facility_id: FacilityId) -> Queue | None:
        # Without a session: the version is then not written back, which would lock the row as well.
        queue = db.scalar(select(Queue).where(Queue.facility_id == facility_id))
        if queue is not None:
            db.expunge(queue)
        return queue

    def unlocked_waiting(db: Session, facility_id: FacilityId, day: date) -> Sequence[Ticket]:
        return db.scalars(
            select(Ticket).where(
                Ticket.facility_id == facility_id, Ticket.day == day, Ticket.state == TicketState.WAITING
            )
        ).all()

    monkeypatch.setattr(queries, "lock_queue", unlocked_queue)
    monkeypatch.setattr(queries, "lock_waiting", unlocked_waiting)
    called = Counter(rush.press())
    assert max(called.values()) > 1, "the race does not happen, so the test above proves nothing"
