"""32 processes ask for one time, slot after slot, through HTTP. The control shows that the test can fail."""

import multiprocessing
from collections import Counter
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier

import pytest

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


@pytest.fixture
def clinic(portal: Running) -> Seeded:
    seeded = seed(portal.database, RIVALS)
    portal.start("web")
    return seeded


def check_all_answered(outcomes: list[Outcome]) -> None:
    """Everybody got a clear answer: a held time that was then booked, or 409 with other times to press."""
    assert {outcome.held for outcome in outcomes} <= {303, 409}, Counter(outcome.held for outcome in outcomes)
    assert {outcome.booked for outcome in outcomes if outcome.held == 303} == {303}
    assert all("/booked" in outcome.location for outcome in outcomes if outcome.held == 303)
    assert all(outcome.nearest >= 3 for outcome in outcomes if outcome.held == 409)


def test_one_of_32_gets_each_of_50_times(portal: Running, clinic: Seeded) -> None:
    starts = clinic.starts(clinic.clinic.massage.id, clinic.clinic.ines.id, 50)
    asks, log = [Ask("massage", start, str(clinic.clinic.ines.id)) for start in starts], log_of(portal.database)
    outcomes = race(rival, [(portal.url, email, asks) for email in clinic.emails])
    check_all_answered(outcomes)
    winners = Counter(outcome.round for outcome in outcomes if outcome.held == 303)
    assert winners == dict.fromkeys(range(50), 1)
    assert log.deadlocks() == 0
    assert len(booked_rows(portal.database)) == 50
    assert overlaps(portal.database) == 0


def test_with_no_preference_each_time_goes_to_as_many_as_there_are_practitioners(
    portal: Running, clinic: Seeded
) -> None:
    starts = clinic.starts(clinic.clinic.massage.id, None, 25)
    asks = [Ask("massage", start, "any") for start in starts]
    outcomes = race(rival, [(portal.url, email, asks) for email in clinic.emails])
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
    asks = [[evaluation, first_half, second_half][number % 3] for number in range(RIVALS)]
    outcomes = race(rival, [(portal.url, email, mine) for email, mine in zip(clinic.emails, asks, strict=True)])
    check_all_answered(outcomes)
    winners = Counter(outcome.round for outcome in outcomes if outcome.held == 303)
    assert set(winners) == set(range(16))
    assert max(winners.values()) <= 2
    assert len(booked_rows(portal.database)) == sum(winners.values())
    assert overlaps(portal.database) == 0


def test_control_without_the_constraints_one_time_is_booked_twice(portal: Running, clinic: Seeded) -> None:
    """If this ever fails, the tests above prove nothing: their rivals do not meet."""
    drop_constraints(portal.database, "practitioner", "room", "patient")
    starts = clinic.starts(clinic.clinic.massage.id, clinic.clinic.ines.id, 8 * MEETINGS)
    for turn in range(MEETINGS):
        asks = [Ask("massage", start, str(clinic.clinic.ines.id)) for start in starts[8 * turn : 8 * turn + 8]]
        race(rival, [(portal.url, email, asks) for email in clinic.emails])
        if most_at_one_time(portal.database) > 1:
            return
    pytest.fail("no two rivals ever met")
