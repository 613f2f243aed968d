"""32 processes ask for one time, slot after slot, through HTTP. The control shows that the test can fail."""

import multiprocessing
import queue
from collections import Counter, defaultdict
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier

import pytest
from sqlalchemy import text

from clinic_portal.core.db import make_engine
from tests.support.running import Running
from tests.support.seed import Seeded, seed
from tests.support.visitor import Visitor

pytestmark = pytest.mark.processes

RIVALS = 32
BARRIER_TIMEOUT_S = 300.0


@dataclass(frozen=True)
class Ask:
    """One press of a button."""

    service: str
    slot: str
    practitioner: str


@dataclass(frozen=True)
class Outcome:
    """What a rival was told in one round."""

    round: int
    held: int
    booked: int
    location: str
    nearest: int


def rival(
    url: str, email: str, asks: list[Ask], barrier: Barrier, results: "multiprocessing.Queue[list[Outcome]]"
) -> None:
    """Sign in, then press at the same moment as all others, round after round; whoever holds the time books it."""
    visitor = Visitor(url)
    # A connection that waits at the barrier may be closed by the server in the moment in which it is used again.
    visitor.session.headers["Connection"] = "close"
    visitor.sign_in(email)
    outcomes = []
    for number, ask in enumerate(asks):
        barrier.wait(BARRIER_TIMEOUT_S)
        held = visitor.hold(ask.service, ask.slot, practitioner=ask.practitioner)
        booked, location = 0, ""
        if held.status_code == 303:
            visitor.get(held.headers["Location"])
            answer = visitor.book(held.headers["Location"])
            booked, location = answer.status_code, answer.headers.get("Location", "")
        nearest = held.text.count('name="slot"') if held.status_code == 409 else 0
        outcomes.append(Outcome(number, held.status_code, booked, location, nearest))
    results.put(outcomes)


def race(url: str, emails: list[str], asks_of: list[list[Ask]]) -> list[Outcome]:
    """Run all rivals; one list of asks each, of the same length."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.processes.test_race"])
    barrier = context.Barrier(len(asks_of))
    results = context.Queue()
    processes = [
        context.Process(target=rival, args=(url, email, asks, barrier, results))
        for email, asks in zip(emails, asks_of, strict=True)
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


def booked_rows(database: str) -> list[tuple[str, str, str]]:
    """(practitioner, start, reference) of every visit that is booked."""
    engine = make_engine(database)
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT practitioner_id::text, starts_at::text, reference FROM appointment WHERE state = 'booked'")
        ).all()
    engine.dispose()
    return [(row[0], row[1], row[2]) for row in rows]


def overlaps(database: str) -> int:
    """Pairs of live visits that overlap for a practitioner, a room or a patient."""
    engine = make_engine(database)
    with engine.connect() as connection:
        count = connection.scalar(
            text(
                "SELECT count(*) FROM appointment a JOIN appointment b ON a.id < b.id"
                " AND (a.practitioner_id = b.practitioner_id OR a.room_id = b.room_id OR a.patient_id = b.patient_id)"
                " AND tstzrange(a.starts_at, a.ends_at) && tstzrange(b.starts_at, b.ends_at)"
                " WHERE a.state NOT IN ('cancelled', 'noshow') AND b.state NOT IN ('cancelled', 'noshow')"
            )
        )
    engine.dispose()
    return int(count or 0)


def check_all_answered(outcomes: list[Outcome]) -> None:
    """Everybody got a clear answer: a held time that was then booked, or 409 with other times to press."""
    assert {outcome.held for outcome in outcomes} <= {303, 409}, Counter(outcome.held for outcome in outcomes)
    assert {outcome.booked for outcome in outcomes if outcome.held == 303} == {303}
    assert all("/booked" in outcome.location for outcome in outcomes if outcome.held == 303)
    assert all(outcome.nearest >= 3 for outcome in outcomes if outcome.held == 409)


def test_one_of_32_gets_each_of_50_times(portal: Running, clinic: Seeded) -> None:
    starts = clinic.starts(clinic.clinic.massage.id, clinic.clinic.ines.id, 50)
    asks = [Ask("massage", start, str(clinic.clinic.ines.id)) for start in starts]
    outcomes = race(portal.url, clinic.emails, [asks] * RIVALS)
    check_all_answered(outcomes)
    winners = Counter(outcome.round for outcome in outcomes if outcome.held == 303)
    assert winners == dict.fromkeys(range(50), 1)
    assert len(booked_rows(portal.database)) == 50
    assert overlaps(portal.database) == 0


def test_with_no_preference_each_time_goes_to_as_many_as_there_are_practitioners(
    portal: Running, clinic: Seeded
) -> None:
    starts = clinic.starts(clinic.clinic.massage.id, None, 25)
    asks = [Ask("massage", start, "any") for start in starts]
    outcomes = race(portal.url, clinic.emails, [asks] * RIVALS)
    check_all_answered(outcomes)
    assert Counter(outcome.round for outcome in outcomes if outcome.held == 303) == dict.fromkeys(range(25), 2)
    assert len(booked_rows(portal.database)) == 50
    assert overlaps(portal.database) == 0


def test_overlapping_but_unequal_times_never_both_win(portal: Running, clinic: Seeded) -> None:
    ines = str(clinic.clinic.ines.id)
    hours = clinic.starts(clinic.clinic.evaluation.id, clinic.clinic.ines.id, 16)
    halves = [start[:14] + "30Z" for start in hours]
    evaluation = [Ask("evaluation", start, ines) for start in hours]
    first_half = [Ask("massage", start, ines) for start in hours]
    second_half = [Ask("massage", start, ines) for start in halves]
    outcomes = race(
        portal.url, clinic.emails, [[evaluation, first_half, second_half][number % 3] for number in range(RIVALS)]
    )
    check_all_answered(outcomes)
    winners = Counter(outcome.round for outcome in outcomes if outcome.held == 303)
    assert set(winners) == set(range(16))
    assert max(winners.values()) <= 2
    assert len(booked_rows(portal.database)) == sum(winners.values())
    assert overlaps(portal.database) == 0


def test_control_without_the_constraints_one_time_is_booked_twice(portal: Running, clinic: Seeded) -> None:
    """If this ever fails, the tests above prove nothing: their rivals do not meet."""
    engine = make_engine(portal.database)
    with engine.begin() as connection:
        for name in ("practitioner", "room", "patient"):
            connection.execute(text(f"ALTER TABLE appointment DROP CONSTRAINT ex_appointment_{name}"))
    engine.dispose()
    starts = clinic.starts(clinic.clinic.massage.id, clinic.clinic.ines.id, 8)
    asks = [Ask("massage", start, str(clinic.clinic.ines.id)) for start in starts]
    race(portal.url, clinic.emails, [asks] * RIVALS)
    times = defaultdict(set)
    for practitioner, start, reference in booked_rows(portal.database):
        times[practitioner, start].add(reference)
    assert max(len(references) for references in times.values()) > 1
