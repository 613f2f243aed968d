"""Series against series and single holds for the same days, in eight processes: all of a series or nothing, no deadlock."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from clinic_portal.booking.models import Appointment, Series
from clinic_portal.booking.steps.series import SeriesChoice
from clinic_portal.core.ids import FacilityId, PatientId, PractitionerId, ServiceId
from tests.booking.arena import TUESDAY_NINE, Arena
from tests.booking.rivals import Ask

pytestmark = pytest.mark.processes

PEOPLE, ROUNDS = 16, 6
A_DAY, QUARTER = timedelta(days=1), timedelta(minutes=15)


def series(arena: Arena, who: int, *starts: datetime) -> Ask:
    clinic, person = arena.clinic, arena.people[who]
    wanted = SeriesChoice(
        ServiceId(clinic.massage.id), FacilityId(clinic.lisbon.id), PractitionerId(clinic.ines.id),
        PatientId(person.patient.id), starts, per_week=1,
    )  # fmt: skip
    return Ask(arena.choice(starts[0], clinic.ines), person.actor, series=wanted)


def test_series_that_overlap_and_single_holds(arena: Arena) -> None:
    """Same days in every order, shifted by a quarter of an hour, and holds in the middle of them."""
    rounds = list[list[Ask]]()
    for number in range(ROUNDS):
        # A round has three days of its own: from Tuesday to Thursday, week after week.
        tuesday = TUESDAY_NINE + timedelta(days=7 * number)
        days = [tuesday + A_DAY * day for day in range(3)]
        asks: list[Ask] = []
        for index in range(PEOPLE):
            shift = QUARTER * (index % 3)
            starts = [day + shift for day in days]
            asks.append(series(arena, index, *(starts if index % 2 else reversed(starts))))
            asks.append(Ask(arena.choice(days[index % 3] + shift, arena.clinic.ines if index % 4 else None)))
        rounds.append(asks)
    outcomes = arena.outcomes(rounds)
    results = {outcome.result for outcome in outcomes}
    assert results <= {"booked", "held", "series.times_lost", "appointment.slot_taken"}
    assert len(outcomes) == 2 * PEOPLE * ROUNDS
    arena.check()
    with arena.sessions() as db:
        sessions = db.execute(
            select(Series.id, Series.planned, func.count(Appointment.id)).outerjoin(
                Appointment, Appointment.series_id == Series.id
            ).group_by(Series.id, Series.planned)
        ).all()  # fmt: skip
    # A series is whole or not there.
    assert all(planned == count == 3 for _, planned, count in sessions)
    assert len(sessions) == sum(outcome.result == "booked" for outcome in outcomes)


def test_two_desks_and_the_patients_never_have_the_same_session(arena: Arena) -> None:
    """Receptionists for one patient each, with a written reason and without, against patients at their own pages."""
    rounds = list[list[Ask]]()
    for number in range(ROUNDS):
        days = [TUESDAY_NINE + timedelta(days=7 * number + day) for day in range(3)]
        asks = list[Ask]()
        for index in range(PEOPLE):
            ask = series(arena, index, *(days if index % 2 else reversed(days)))
            at_desk = replace(ask, actor=arena.desk, note="agreed by phone" if index % 4 else "")
            asks.append(ask if index % 3 == 0 else at_desk)
        rounds.append(asks)
    have_one_winner(arena, rounds)


def test_one_of_many_rivals_gets_the_whole_series(arena: Arena) -> None:
    rounds = list[list[Ask]]()
    for number in range(ROUNDS):
        days = [TUESDAY_NINE + timedelta(days=7 * number + day) for day in range(3)]
        rounds.append([series(arena, index, *(days if index % 2 else reversed(days))) for index in range(PEOPLE)])
    have_one_winner(arena, rounds)


def have_one_winner(arena: Arena, rounds: list[list[Ask]]) -> None:
    outcomes = arena.outcomes(rounds)
    for number in range(ROUNDS):
        of_round = [outcome.result for outcome in outcomes if outcome.round == number]
        # Two rivals are one person: whoever asks twice for one patient hears the same answer twice.
        assert of_round.count("booked") == 2
        assert of_round.count("series.times_lost") == 2 * PEOPLE - 2
    arena.check()
