"""Two presses at once write somebody down once: the database refuses the second."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import Engine, event, func, select, text
from sqlalchemy.orm import Session, sessionmaker

from clinic_portal.core.actor import Actor, Role
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import Conflict
from clinic_portal.core.ids import PatientId
from clinic_portal.patients.models import Patient
from clinic_portal.patients.use_cases.add_patient import NewPatient, add_patient
from tests.booking.rivals import own_database
from tests.support.cast import make_account

pytestmark = pytest.mark.processes

NEW = NewPatient("Beatriz", "Fontes", date(1990, 3, 4), "+351912345688", "pt_PT")
CLOCK = FixedClock(datetime(2026, 11, 23, 10, 12, tzinfo=UTC))
LONG_S = 60.0


@pytest.fixture
def sessions(worker_number: int) -> Iterator[sessionmaker[Session]]:
    with own_database(f"clinic_two_presses_{worker_number}") as made:
        yield made


@pytest.fixture
def desk(sessions: sessionmaker[Session]) -> Actor:
    with sessions() as db:
        paula = make_account(db, CLOCK, Role.RECEPTIONIST, "Paula", "Reis", "paula@example.org")
        db.commit()
        return paula.actor()


def press_twice(sessions: sessionmaker[Session], desk: Actor, *others: PatientId) -> list[str]:
    """Two presses, each of which has seen that nobody is known before either writes; returns what became of them."""
    both = threading.Barrier(2, timeout=LONG_S)

    def wait_for_the_other(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("INSERT INTO patient "):
            both.wait()

    def press(_: int) -> str:
        with sessions() as db:
            try:
                add_patient(db, CLOCK, new=NEW, actor=desk, others=others)
            except Conflict as refused:
                return refused.code
            return "added"

    engine = sessions.kw["bind"]
    assert isinstance(engine, Engine)
    event.listen(engine, "before_cursor_execute", wait_for_the_other)
    with ThreadPoolExecutor(2) as pool:
        found = sorted(pool.map(press, range(2)))
    event.remove(engine, "before_cursor_execute", wait_for_the_other)
    return found


def count(sessions: sessionmaker[Session]) -> int:
    with sessions() as db:
        return db.scalar(select(func.count()).select_from(Patient)) or 0


def test_two_presses_at_once_write_somebody_down_once(sessions: sessionmaker[Session], desk: Actor) -> None:
    assert press_twice(sessions, desk) == ["added", "patient.known"]
    assert count(sessions) == 1
    with sessions() as db:
        first = PatientId(db.scalars(select(Patient.id)).one())
    assert press_twice(sessions, desk, first) == ["added", "patient.known"], "another person, pressed twice"
    assert count(sessions) == 2


def test_the_control_without_the_index_there_are_two(sessions: sessionmaker[Session], desk: Actor) -> None:
    with sessions() as db:
        db.execute(text("DROP INDEX ix_patient_namesake"))
        db.commit()
    assert press_twice(sessions, desk) == ["added", "added"]
    assert count(sessions) == 2
