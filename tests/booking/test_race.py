"""Many want one time at one moment: one gets it, the others hear so, and nobody meets a deadlock."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session, sessionmaker

from clinic_portal.accounts.models import Account
from clinic_portal.booking.models import Appointment, AppointmentHistory
from clinic_portal.booking.rules import LIVE_STATES
from clinic_portal.booking.use_cases.hold_time import Choice
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.ids import FacilityId, PatientId, PractitionerId, ServiceId
from clinic_portal.facilities.models import Service
from clinic_portal.patients.models import Patient
from clinic_portal.practitioners.models import Practitioner
from tests.booking.rivals import RIVALS, Ask, Blind, Outcome, own_database, race
from tests.support.cast import make_patient
from tests.support.clinic import Clinic, make_clinic

pytestmark = pytest.mark.processes

NOW = datetime(2026, 11, 23, 10, 12, tzinfo=UTC)
TUESDAY_NINE = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
ROUNDS = 8


class Arena:
    """A committed clinic in a database of its own."""

    def __init__(self, name: str, sessions: sessionmaker[Session]) -> None:
        self.name, self.sessions = name, sessions
        with sessions() as db:
            self.clinic: Clinic = make_clinic(db, FixedClock(NOW))
            account, person = make_patient(db, FixedClock(NOW), "Marta", "Araújo", "marta@example.org", "+351912345601")
            db.commit()
            self.account: Account = account
            self.person: Patient = person

    def choice(
        self, at: datetime, practitioner: Practitioner | None, service: Service | None = None, **other: object
    ) -> Choice:
        return Choice(
            ServiceId((service or self.clinic.massage).id),
            FacilityId(self.clinic.lisbon.id),
            at,
            PractitionerId(practitioner.id) if practitioner else None,
            **other,  # type: ignore[arg-type]
        )

    def run(self, rounds: Sequence[Sequence[Ask]]) -> dict[int, Counter[str]]:
        outcomes: list[Outcome] = race(self.name, NOW, rounds)
        assert len(outcomes) == RIVALS * len(rounds)
        return {
            number: Counter(outcome.result for outcome in outcomes if outcome.round == number)
            for number in range(len(rounds))
        }

    def overlaps(self) -> int:
        """Pairs of live appointments that one practitioner, room or patient has at the same time."""
        statement = text(
            "SELECT count(*) FROM appointment a JOIN appointment b ON a.id < b.id AND a.starts_at < b.ends_at"
            " AND b.starts_at < a.ends_at AND (a.practitioner_id = b.practitioner_id OR a.room_id = b.room_id"
            " OR a.patient_id = b.patient_id) WHERE a.state = ANY(:live) AND b.state = ANY(:live)"
        )
        with self.sessions() as db:
            return int(db.scalar(statement, {"live": [state.value for state in LIVE_STATES]}) or 0)

    def deadlocks(self) -> int:
        with self.sessions() as db:
            statement = text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
            return int(db.scalar(statement) or 0)

    def drop_constraints(self) -> None:
        with self.sessions() as db:
            for name in ("practitioner", "room"):
                db.execute(text(f"ALTER TABLE appointment DROP CONSTRAINT ex_appointment_{name}"))
            db.commit()


@pytest.fixture
def arena(worker_number: int) -> Iterator[Arena]:
    name = f"clinic_race_{worker_number}"
    with own_database(name) as sessions:
        yield Arena(name, sessions)


def every(minutes: int, count: int = ROUNDS) -> list[datetime]:
    """Starts that many minutes apart, in the morning hours of one day after the other."""
    a_day = 240 // minutes
    return [TUESDAY_NINE + timedelta(days=n // a_day, minutes=minutes * (n % a_day)) for n in range(count)]


def test_one_of_many_rivals_gets_a_time(arena: Arena) -> None:
    results = arena.run([[Ask(arena.choice(at, arena.clinic.ines))] for at in every(30)])
    for outcome in results.values():
        assert outcome == {"held": 1, "appointment.slot_taken": RIVALS - 1}
    assert arena.overlaps() == 0
    assert arena.deadlocks() == 0
    with arena.sessions() as db:
        held = db.scalars(select(Appointment.id)).all()
        written = db.scalars(select(AppointmentHistory.appointment_id)).all()
    assert sorted(held) == sorted(written)
    assert len(held) == ROUNDS


def test_with_no_preference_as_many_win_as_there_are_practitioners(arena: Arena) -> None:
    results = arena.run([[Ask(arena.choice(at, None))] for at in every(30)])
    for outcome in results.values():
        assert outcome == {"held": 2, "appointment.slot_taken": RIVALS - 2}
    assert arena.overlaps() == 0
    assert arena.deadlocks() == 0


def test_times_that_overlap_but_are_not_equal_exclude_each_other(arena: Arena) -> None:
    ines, clinic = arena.clinic.ines, arena.clinic
    rounds = [
        [
            Ask(arena.choice(at, ines, clinic.massage)),
            Ask(arena.choice(at + timedelta(minutes=15), ines, clinic.shock_waves)),
            Ask(arena.choice(at + timedelta(minutes=5), ines, clinic.evaluation)),
            Ask(arena.choice(at + timedelta(minutes=25), None, clinic.massage)),
        ]
        for at in every(120, 6)
    ]
    results = arena.run(rounds)
    for outcome in results.values():
        # One with Inês (any two of the four overlap), and one with Rui when "no preference" asked.
        assert 1 <= outcome["held"] <= 2
        assert set(outcome) == {"held", "appointment.slot_taken"}
    assert arena.overlaps() == 0
    assert arena.deadlocks() == 0


def test_one_patient_gets_one_of_two_times_that_overlap(arena: Arena) -> None:
    clinic = arena.clinic
    patient = {"patient_id": PatientId(arena.person.id)}
    actor = arena.account.actor()
    rounds = [
        [
            Ask(arena.choice(at, clinic.ines, **patient), actor),
            Ask(arena.choice(at + timedelta(minutes=15), clinic.rui, **patient), actor),
            *[Ask(arena.choice(at + timedelta(hours=5), None))] * 6,
        ]
        for at in every(60, 4)
    ]
    results = arena.run(rounds)
    for outcome in results.values():
        # One account holds one time: a later rival of the same account releases the earlier one's hold.
        assert outcome["held"] >= 1
        assert set(outcome) <= {"held", "appointment.slot_taken", "appointment.patient_overlap"}
    assert arena.overlaps() == 0
    assert arena.deadlocks() == 0


def blind_rounds(arena: Arena) -> list[list[Ask]]:
    ines, room = arena.clinic.ines, arena.clinic.room_1
    return [[Ask(arena.choice(at, ines), blind=Blind(ines.id, room.id, 30))] for at in every(30, 1)]


def test_control_without_our_care_the_constraint_stops_the_second(arena: Arena) -> None:
    """A plain insert is refused by the database (or deadlocks with its rival: why the use case does not use one)."""
    results = arena.run(blind_rounds(arena))
    for outcome in results.values():
        assert outcome["held"] == 1
        assert set(outcome) <= {"held", "ConstraintSaysNo", "OperationalError"}
    assert arena.overlaps() == 0


def test_control_without_the_constraint_two_appear(arena: Arena) -> None:
    """The race is a real one: only the constraint kept the rivals of the tests above apart."""
    arena.drop_constraints()
    arena.run([[Ask(arena.choice(at, arena.clinic.ines))] for at in every(30, 6)])
    assert arena.overlaps() > 0
