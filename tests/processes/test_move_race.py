"""32 processes move their visits to one time, slot after slot, through HTTP. The control shows that the test can fail."""

import multiprocessing
import queue
from collections import Counter, defaultdict
from datetime import timedelta
from multiprocessing.synchronize import Barrier

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from clinic_portal.core.clock import SystemClock
from clinic_portal.core.db import make_engine
from clinic_portal.patients.models import Patient
from tests.booking.factory import make_appointment
from tests.processes.test_race import BARRIER_TIMEOUT_S, RIVALS, booked_rows, overlaps
from tests.support.running import Running
from tests.support.seed import Seeded, seed
from tests.support.visitor import Visitor

pytestmark = pytest.mark.processes

ROUNDS = 6


def rival(
    url: str, email: str, visit: str, asks: list[tuple[str, str]], barrier: Barrier, results: "multiprocessing.Queue"
) -> None:
    """Sign in, then press at the same moment as all others, round after round: (status, other times shown)."""
    visitor = Visitor(url)
    visitor.session.headers["Connection"] = "close"
    visitor.sign_in(email)
    outcomes = []
    for number, (slot, practitioner) in enumerate(asks):
        barrier.wait(BARRIER_TIMEOUT_S)
        answer = visitor.move(visit, slot, practitioner=practitioner)
        outcomes.append((number, answer.status_code, answer.text.count('role="alert"')))
    results.put(outcomes)


def race(url: str, seeded: Seeded, visits: list[str], asks: list[tuple[str, str]]) -> list[tuple[int, int, int]]:
    """Run all rivals, each with a visit of its own."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.processes.test_move_race"])
    barrier, results = context.Barrier(len(visits)), context.Queue()
    processes = [
        context.Process(target=rival, args=(url, email, visit, asks, barrier, results))
        for email, visit in zip(seeded.emails, visits, strict=True)
    ]
    for process in processes:
        process.start()
    outcomes = []
    for _ in processes:
        while True:
            try:
                outcomes.extend(results.get(timeout=1))
                break
            except queue.Empty:
                assert not [process for process in processes if process.exitcode], "a rival died"
    for process in processes:
        process.join(30)
        assert process.exitcode == 0
    return outcomes


@pytest.fixture
def clinic(portal: Running) -> Seeded:
    seeded = seed(portal.database, RIVALS)
    portal.start("web")
    return seeded


@pytest.fixture
def visits(portal: Running, clinic: Seeded) -> list[str]:
    """A visit for each patient, in the nights from five weeks on, where nobody else books."""
    start = SystemClock().now().replace(hour=2, minute=0, second=0, microsecond=0) + timedelta(days=40)
    engine = make_engine(portal.database)
    with Session(engine, expire_on_commit=False) as db:
        people = {person.email: person for person in db.scalars(select(Patient))}
        rows = [
            make_appointment(db, clinic.clinic, people[email], at=start + timedelta(days=number))
            for number, email in enumerate(clinic.emails)
        ]
    engine.dispose()
    return [str(row.id) for row in rows]


def test_one_of_32_moves_to_each_time_and_the_others_keep_theirs(
    portal: Running, clinic: Seeded, visits: list[str]
) -> None:
    ines = str(clinic.clinic.ines.id)
    starts = clinic.starts(clinic.clinic.massage.id, clinic.clinic.ines.id, ROUNDS)
    outcomes = race(portal.url, clinic, visits, [(start, ines) for start in starts])
    assert {status for _, status, _ in outcomes} == {303, 409}, Counter(status for _, status, _ in outcomes)
    assert all(alerts for _, status, alerts in outcomes if status == 409)
    assert Counter(number for number, status, _ in outcomes if status == 303) == dict.fromkeys(range(ROUNDS), 1)
    assert len(booked_rows(portal.database)) == RIVALS
    assert overlaps(portal.database) == 0
    engine = make_engine(portal.database)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM appointment")) == RIVALS, "no claim is left"
        statement = text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        assert connection.scalar(statement) == 0
    engine.dispose()


def test_control_without_the_constraints_two_move_to_one_time(
    portal: Running, clinic: Seeded, visits: list[str]
) -> None:
    """If this ever fails, the test above proves nothing: its rivals do not meet."""
    engine = make_engine(portal.database)
    with engine.begin() as connection:
        for name in ("practitioner", "room"):
            connection.execute(text(f"ALTER TABLE appointment DROP CONSTRAINT ex_appointment_{name}"))
    engine.dispose()
    starts = clinic.starts(clinic.clinic.massage.id, clinic.clinic.ines.id, ROUNDS)
    race(portal.url, clinic, visits, [(start, str(clinic.clinic.ines.id)) for start in starts])
    times = defaultdict(set)
    for practitioner, start, reference in booked_rows(portal.database):
        times[practitioner, start].add(reference)
    assert max(len(references) for references in times.values()) > 1
