"""32 rivals × 50 times, in 2, 4 and 8 processes: one winner each, all answered soon, and no deadlock in the database's log.

"Soon" is a ratio: 40 times the median of one booking that nobody rivals, measured between the rounds of the same run.
In CI 50 times are fought for in each number of processes. On a developer's machine a race shares its 50 times out to the
three numbers, because all of it takes minutes; `RACES=full` has 50 for each there as well.
"""

import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from statistics import median

import pytest

from clinic_portal.core.ids import PatientId
from tests.booking.arena import TUESDAY_NINE, Arena, every
from tests.booking.rivals import RIVALS, Ask, Outcome

pytestmark = [pytest.mark.processes, pytest.mark.alone]

#: Processes → times that are fought for.
PLAN = {2: 16, 4: 16, 8: 18}
if os.environ.get("CI") or os.environ.get("RACES") == "full":
    PLAN = dict.fromkeys((2, 4, 8), 50)
#: How long the last of the rivals may wait for an answer, in bookings that nobody rivals.
BAR = 40.0
TAKEN = "appointment.slot_taken"
#: Where visits are before they are moved: long after what is fought for.
FAR = datetime(2027, 8, 2, 9, 0, tzinfo=TUESDAY_NINE.tzinfo)


def alone(arena: Arena, at: datetime, seat: int) -> list[Ask | None]:
    """One books while the others wait."""
    loner = arena.people[-1]
    choice = arena.choice(at, arena.clinic.rui, patient_id=PatientId(loner.patient.id))
    asks: list[Ask | None] = [None] * RIVALS
    asks[seat % RIVALS] = Ask(choice, loner.actor, book=True)
    return asks


def fight(arena: Arena, rounds: Sequence[Sequence[Ask]]) -> list[Counter[str]]:
    """Run the rounds in 2, 4 and 8 processes, each with times of its own, the first of them to warm up the connections.

    Returns how many heard what of each time.
    """
    left, quiet, answers = list(rounds), every(30, len(rounds)), list[Counter[str]]()
    for processes, times in PLAN.items():
        mine, left = left[: times + 1], left[times + 1 :]
        free, quiet = quiet[: times + 1], quiet[times + 1 :]
        both = [one for n, asks in enumerate(mine) for one in (alone(arena, free[n], 7 * n), asks)]
        outcomes = arena.outcomes(both, processes)
        check_time(outcomes, processes)
        answers += [Counter(one.result for one in outcomes if one.round == number) for number in range(3, len(both), 2)]
    assert len(answers) == sum(PLAN.values())
    assert all(counts.total() == RIVALS for counts in answers), "everybody is answered"
    arena.check()
    return answers


def check_time(outcomes: Sequence[Outcome], processes: int) -> None:
    quiet = [one for one in outcomes if one.round % 2 == 0]
    assert {one.result for one in quiet} == {"booked"}
    usual = median(one.took_s for one in quiet)
    rivals = sorted(one.took_s for one in outcomes if one.round % 2 and one.round > 1)
    ratios = f"median {median(rivals) / usual:.1f}, last {rivals[-1] / usual:.1f} of it"
    said = f"{processes} processes: alone {usual * 1000:.0f} ms; rivals {ratios}"
    sys.stdout.write(f"{said}\n")
    assert rivals[-1] <= BAR * usual, said


def starts(minutes: int = 30) -> list[datetime]:
    return every(minutes, sum(PLAN.values()) + len(PLAN))


def one_winner(answers: Sequence[Counter[str]], won: str) -> None:
    assert all(counts == {won: 1, TAKEN: RIVALS - 1} for counts in answers), answers


def test_bookings(arena: Arena) -> None:
    rounds = [
        [
            Ask(arena.choice(at, arena.clinic.ines, patient_id=PatientId(person.patient.id)), person.actor, book=True)
            for person in arena.people[:RIVALS]
        ]
        for at in starts()
    ]
    one_winner(fight(arena, rounds), "booked")


def test_holds_of_browsers_that_give_up_another_hold_for_it(arena: Arena) -> None:
    """Whoever won before gives up what they hold: while they wait for the new time, others may be waiting for the old one."""
    browsers = [f"browser-{n}" for n in range(RIVALS)]
    rounds = [[Ask(arena.choice(at, arena.clinic.ines), hold_key=key) for key in browsers] for at in starts()]
    one_winner(fight(arena, rounds), "held")


def test_moves(arena: Arena) -> None:
    visits = arena.give_visits(FAR, [arena.clinic.ines])
    rounds = [
        [Ask(arena.choice(at, arena.clinic.ines), arena.people[n].actor, visit=visit) for n, visit in enumerate(visits)]
        for at in starts()
    ]
    one_winner(fight(arena, rounds), "moved")
    arena.check_visits(visits)


def test_times_that_overlap_and_are_not_equal(arena: Arena) -> None:
    """Any two of the three overlap, so that one of them wins; no two of them start together."""
    clinic = arena.clinic
    rounds = []
    for at in starts(240):
        three = [
            Ask(arena.choice(at, clinic.ines, clinic.evaluation)),
            Ask(arena.choice(at + timedelta(minutes=30), clinic.ines, clinic.massage)),
            Ask(arena.choice(at + timedelta(minutes=45), clinic.ines, clinic.shock_waves)),
        ]
        rounds.append([replace(three[n % 3]) for n in range(RIVALS)])
    one_winner(fight(arena, rounds), "held")
