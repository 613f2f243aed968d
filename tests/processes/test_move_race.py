"""32 processes move their visits to one time, slot after slot, through HTTP. The control shows that the test can fail."""

import multiprocessing
from collections import Counter
from datetime import timedelta
from multiprocessing.synchronize import Barrier

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from clinic_portal.core.clock import SystemClock
from clinic_portal.core.db import make_engine
from clinic_portal.patients.models import Patient
from tests.booking.factory import make_appointment
from tests.processes.crowd import (
    BARRIER_TIMEOUT_S,
    MEETINGS,
    RIVALS,
    booked_rows,
    drop_constraints,
    log_of,
    most_at_one_time,
    overlaps,
    race,
)
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


def everybody(
    portal: Running, clinic: Seeded, visits: list[str], asks: list[tuple[str, str]]
) -> list[tuple[str, str, str, list[tuple[str, str]]]]:
    """Each patient with a visit of their own."""
    return [(portal.url, email, visit, asks) for email, visit in zip(clinic.emails, visits, strict=True)]


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
    asks, log = [(start, ines) for start in starts], log_of(portal.database)
    outcomes = race(rival, everybody(portal, clinic, visits, asks))
    assert {status for _, status, _ in outcomes} == {303, 409}, Counter(status for _, status, _ in outcomes)
    assert all(alerts for _, status, alerts in outcomes if status == 409)
    assert Counter(number for number, status, _ in outcomes if status == 303) == dict.fromkeys(range(ROUNDS), 1)
    assert len(booked_rows(portal.database)) == RIVALS
    assert overlaps(portal.database) == 0
    engine = make_engine(portal.database)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM appointment")) == RIVALS, "no claim is left"
    engine.dispose()
    assert log.deadlocks() == 0


def test_control_without_the_constraints_two_move_to_one_time(
    portal: Running, clinic: Seeded, visits: list[str]
) -> None:
    """If this ever fails, the test above proves nothing: its rivals do not meet."""
    drop_constraints(portal.database, "practitioner", "room")
    starts, ines = (
        clinic.starts(clinic.clinic.massage.id, clinic.clinic.ines.id, ROUNDS * MEETINGS),
        clinic.clinic.ines.id,
    )
    for turn in range(MEETINGS):
        asks = [(start, str(ines)) for start in starts[ROUNDS * turn : ROUNDS * (turn + 1)]]
        race(rival, everybody(portal, clinic, visits, asks))
        if most_at_one_time(portal.database) > 1:
            return
    pytest.fail("no two rivals ever met")
