"""Series against series and single holds for the same days, in eight processes: all of a series or nothing, no deadlock."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from clinic_portal.booking.models import Appointment, Series
from clinic_portal.booking.use_cases.book_series import SeriesChoice
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.ids import FacilityId, PatientId, PractitionerId, ServiceId
from clinic_portal.patients.models import Patient
from tests.booking.rivals import Ask, own_database, race
from tests.booking.test_race import NOW, TUESDAY_NINE, Arena
from tests.support.cast import make_patient

pytestmark = pytest.mark.processes

PEOPLE, ROUNDS, PROCESSES = 16, 6, 8
A_DAY, QUARTER = timedelta(days=1), timedelta(minutes=15)


class SeriesArena(Arena):
    """With as many patients as there are rivals for series."""

    def people(self) -> list[tuple[Actor, Patient]]:
        found = []
        with self.sessions() as db:
            for number in range(PEOPLE):
                account, person = make_patient(
                    db, FixedClock(NOW), "Ana", f"Silva {number}", f"ana{number}@example.org", f"+3519123457{number:02}"
                )
                found.append((account.actor(), person))
            db.commit()
        return found

    def series(self, who: tuple[Actor, Patient], *starts: datetime) -> Ask:
        clinic, (actor, person) = self.clinic, who
        wanted = SeriesChoice(
            ServiceId(clinic.massage.id), FacilityId(clinic.lisbon.id), PractitionerId(clinic.ines.id),
            PatientId(person.id), starts, per_week=1,
        )  # fmt: skip
        return Ask(self.choice(starts[0], clinic.ines), actor, series=wanted)


@pytest.fixture
def arena(worker_number: int) -> Iterator[SeriesArena]:
    name = f"clinic_series_race_{worker_number}"
    with own_database(name) as sessions:
        yield SeriesArena(name, sessions)


def test_series_that_overlap_and_single_holds(arena: SeriesArena) -> None:
    """Same days in every order, shifted by a quarter of an hour, and holds in the middle of them."""
    people, rounds = arena.people(), list[list[Ask]]()
    for number in range(ROUNDS):
        # A round has three days of its own: from Tuesday to Thursday, week after week.
        tuesday = TUESDAY_NINE + timedelta(days=7 * number)
        days = [tuesday + A_DAY * day for day in range(3)]
        asks: list[Ask] = []
        for index, who in enumerate(people):
            shift = QUARTER * (index % 3)
            starts = [day + shift for day in days]
            asks.append(arena.series(who, *(starts if index % 2 else reversed(starts))))
            asks.append(Ask(arena.choice(days[index % 3] + shift, arena.clinic.ines if index % 4 else None)))
        rounds.append(asks)
    outcomes = race(arena.name, NOW, rounds, PROCESSES)
    results = {outcome.result for outcome in outcomes}
    assert results <= {"booked", "held", "series.times_lost", "appointment.slot_taken"}
    assert len(outcomes) == 2 * PEOPLE * ROUNDS
    assert arena.overlaps() == 0
    assert arena.deadlocks() == 0
    with arena.sessions() as db:
        sessions = db.execute(
            select(Series.id, Series.planned, func.count(Appointment.id)).outerjoin(
                Appointment, Appointment.series_id == Series.id
            ).group_by(Series.id, Series.planned)
        ).all()  # fmt: skip
    # A series is whole or not there.
    assert all(planned == count == 3 for _, planned, count in sessions)
    assert len(sessions) == sum(outcome.result == "booked" for outcome in outcomes)


def test_one_of_many_rivals_gets_the_whole_series(arena: SeriesArena) -> None:
    people, rounds = arena.people(), list[list[Ask]]()
    for number in range(ROUNDS):
        days = [TUESDAY_NINE + timedelta(days=7 * number + day) for day in range(3)]
        rounds.append([arena.series(who, *(days if index % 2 else reversed(days))) for index, who in enumerate(people)])
    outcomes = race(arena.name, NOW, rounds, PROCESSES)
    for number in range(ROUNDS):
        of_round = [outcome.result for outcome in outcomes if outcome.round == number]
        # Two rivals are one person: whoever asks twice hears the same answer twice.
        assert of_round.count("booked") == 2
        assert of_round.count("series.times_lost") == 2 * PEOPLE - 2
    assert arena.overlaps() == 0
    assert arena.deadlocks() == 0
