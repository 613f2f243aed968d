"""Moves against moves and holds for one time, in eight processes: one winner, nobody deadlocks, nobody loses a visit."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.ids import AppointmentId
from tests.booking.factory import make_appointment
from tests.booking.rivals import RIVALS, Ask, Blind, own_database, race
from tests.booking.test_race import NOW, TUESDAY_NINE, Arena, every
from tests.support.cast import make_patient

pytestmark = pytest.mark.processes

PROCESSES = 8
#: Where the visits are before anybody moves them: after every time for which the rivals meet.
FAR = TUESDAY_NINE + timedelta(days=14)


class MovingArena(Arena):
    """A clinic in which every rival has a visit."""

    def give_visits(self) -> None:
        with self.sessions() as db:
            self.visits: list[tuple[AppointmentId, Actor]] = []
            for number in range(RIVALS):
                email, phone = f"rival{number}@example.org", f"+3519123{number:05d}"
                account, person = make_patient(db, FixedClock(NOW), f"Rival{number}", "Moura", email, phone)
                who = self.clinic.ines if number % 2 else self.clinic.rui
                at = FAR + timedelta(days=number // 16, minutes=30 * ((number // 2) % 8))
                row = make_appointment(db, self.clinic, person, at=at, practitioner=who)
                self.visits.append((AppointmentId(row.id), account.actor()))
            db.commit()

    def race(self, rounds: Sequence[Sequence[Ask]]) -> dict[int, Counter[str]]:
        outcomes = race(self.name, NOW, rounds, PROCESSES)
        assert len(outcomes) == RIVALS * len(rounds)
        return {
            number: Counter(outcome.result for outcome in outcomes if outcome.round == number)
            for number in range(len(rounds))
        }

    def check_nothing_lost(self) -> None:
        """Every rival still has a booked visit, no claim is left, and nothing overlaps."""
        with self.sessions() as db:
            rows = {row.id: row for row in db.scalars(select(Appointment))}
        assert {rows[id_].state for id_, _ in self.visits} == {AppointmentState.BOOKED}
        others = [row for row in rows.values() if row.id not in {id_ for id_, _ in self.visits}]
        assert all(row.hold_key_hash for row in others), "the claims of the moves are gone"
        assert self.overlaps() == 0
        assert self.deadlocks() == 0


@pytest.fixture
def arena(worker_number: int) -> Iterator[MovingArena]:
    name = f"clinic_move_race_{worker_number}"
    with own_database(name) as sessions:
        arena = MovingArena(name, sessions)
        arena.give_visits()
        yield arena


def movers(arena: MovingArena, at: datetime, practitioner: object, count: int = RIVALS) -> list[Ask]:
    choice = arena.choice(at, practitioner)  # type: ignore[arg-type]  # a practitioner of the clinic, or none
    return [Ask(choice, actor, visit=visit) for visit, actor in arena.visits[:count]]


def test_one_of_many_movers_gets_a_time(arena: MovingArena) -> None:
    results = arena.race([movers(arena, at, arena.clinic.ines) for at in every(30, 6)])
    for outcome in results.values():
        assert outcome == {"moved": 1, "appointment.slot_taken": RIVALS - 1}
    arena.check_nothing_lost()


def test_with_no_preference_as_many_move_as_there_are_practitioners(arena: MovingArena) -> None:
    results = arena.race([movers(arena, at, None) for at in every(30, 6)])
    for outcome in results.values():
        assert outcome == {"moved": 2, "appointment.slot_taken": RIVALS - 2}
    arena.check_nothing_lost()


def test_moves_and_holds_of_times_that_overlap(arena: MovingArena) -> None:
    """Sixteen move, sixteen hold; times differ by a quarter of an hour, some name a practitioner and some do not."""
    clinic, rounds = arena.clinic, []
    for at in every(60, 6):
        asks = []
        for number, (visit, actor) in enumerate(arena.visits):
            start = at + timedelta(minutes=15 * (number % 3))
            choice = arena.choice(start, (clinic.ines, None, clinic.rui, None)[number % 4])
            asks.append(Ask(choice, actor, visit=visit) if number % 2 else Ask(choice))
        rounds.append(asks)
    for outcome in arena.race(rounds).values():
        assert set(outcome) <= {"moved", "held", "appointment.slot_taken"}
        assert 1 <= outcome["moved"] + outcome["held"] <= 4
    arena.check_nothing_lost()


def test_control_an_update_without_a_claim_is_refused_or_deadlocks(arena: MovingArena) -> None:
    """What the claim is for: with it, the tests above never see either of these."""
    ines, room = arena.clinic.ines, arena.clinic.room_1
    blind = Blind(ines.id, room.id, 30)
    rounds = [
        [Ask(arena.choice(at, ines), actor, blind, visit) for visit, actor in arena.visits] for at in every(30, 3)
    ]
    for outcome in arena.race(rounds).values():
        assert outcome["moved"] == 1
        assert set(outcome) <= {"moved", "IntegrityError", "OperationalError"}
        assert len(outcome) > 1


def test_control_without_the_constraint_two_have_one_time(arena: MovingArena) -> None:
    """The rivals do meet: only the constraint kept them apart."""
    arena.drop_constraints()
    arena.race([movers(arena, at, arena.clinic.ines) for at in every(30, 6)])
    assert arena.overlaps() > 0
