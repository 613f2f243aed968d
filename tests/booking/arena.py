"""A committed clinic in a database of its own, for races, and what must hold after each."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session, sessionmaker

from clinic_portal.accounts.models import Account
from clinic_portal.booking.models import Appointment
from clinic_portal.booking.rules import LIVE_STATES, AppointmentState
from clinic_portal.booking.use_cases.hold_time import Choice
from clinic_portal.core.actor import Actor, Role
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.ids import AppointmentId, FacilityId, PractitionerId, ServiceId
from clinic_portal.facilities.models import FacilityStaff, Service
from clinic_portal.patients.models import Patient
from clinic_portal.practitioners.models import Practitioner
from tests.booking.factory import make_appointment
from tests.booking.rivals import PROCESSES, RIVALS, Ask, Crew, Outcome, Rounds
from tests.support.cast import make_account, make_patient
from tests.support.clinic import Clinic, make_clinic
from tests.support.servers import ServerLog

NOW = datetime(2026, 11, 23, 10, 12, tzinfo=UTC)
TUESDAY_NINE = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)

_OVERLAPS = """
    SELECT count(*) FROM appointment a JOIN appointment b ON a.id < b.id
     WHERE a.state = ANY(:live) AND b.state = ANY(:live)
       AND (a.busy_from < b.busy_until AND b.busy_from < a.busy_until
            AND (a.practitioner_id = b.practitioner_id OR a.room_id = b.room_id)
         OR a.starts_at < b.ends_at AND b.starts_at < a.ends_at AND a.patient_id = b.patient_id)
"""


@dataclass(frozen=True)
class Person:
    """Somebody who books for themselves."""

    account: Account
    patient: Patient

    @property
    def actor(self) -> Actor:
        return self.account.actor()


class Arena:
    """The clinic, its receptionist, as many people as there are rivals and one more, and the server's log from now on."""

    def __init__(self, name: str, sessions: sessionmaker[Session], crew: Crew) -> None:
        self.name, self.sessions, self.crew, self.log = name, sessions, crew, ServerLog(name)
        clock = FixedClock(NOW)
        with sessions() as db:
            self.clinic: Clinic = make_clinic(db, clock)
            for service in (self.clinic.massage, self.clinic.evaluation, self.clinic.shock_waves):
                db.merge(service).horizon_days = 365
            self.people = [
                Person(*make_patient(db, clock, "Ana", f"Silva {n}", f"ana{n}@example.org", f"+3519123457{n:02}"))
                for n in range(RIVALS + 1)
            ]
            desk = make_account(db, clock, Role.RECEPTIONIST, "Paula", "Reis", "paula@clinic.example")
            db.add(FacilityStaff(facility_id=self.clinic.lisbon.id, account_id=desk.id))
            db.commit()
            self.desk = desk.actor()

    def choice(
        self, at: datetime, practitioner: Practitioner | None, service: Service | None = None, **other: Any
    ) -> Choice:
        return Choice(
            ServiceId((service or self.clinic.massage).id),
            FacilityId(self.clinic.lisbon.id),
            at,
            PractitionerId(practitioner.id) if practitioner else None,
            **other,
        )

    def give_visits(self, first: datetime, practitioners: Sequence[Practitioner]) -> list[AppointmentId]:
        """Everybody but the last has a visit, half an hour each, on the days from `first` on."""
        found = list[AppointmentId]()
        with self.sessions() as db:
            for number, person in enumerate(self.people[:RIVALS]):
                place, turn = divmod(number, len(practitioners))
                at = first + timedelta(days=place // 8, minutes=30 * (place % 8))
                row = make_appointment(db, self.clinic, person.patient, at=at, practitioner=practitioners[turn])
                found.append(AppointmentId(row.id))
        return found

    def outcomes(self, rounds: Sequence[Sequence[Ask | None]], processes: int = PROCESSES) -> list[Outcome]:
        return self.crew.run(self.name, Rounds(NOW, rounds), processes)

    def race(self, rounds: Sequence[Sequence[Ask | None]], processes: int = PROCESSES) -> list[Counter[str]]:
        """Run the rounds; return how many heard what in each."""
        outcomes = self.outcomes(rounds, processes)
        assert len(outcomes) == RIVALS * len(rounds), "everybody is answered"
        return [Counter(one.result for one in outcomes if one.round == number) for number in range(len(rounds))]

    def overlaps(self) -> int:
        """Pairs of live appointments that one practitioner, room or patient has at the same time."""
        with self.sessions() as db:
            return int(db.scalar(text(_OVERLAPS), {"live": [state.value for state in LIVE_STATES]}) or 0)

    def check(self) -> None:
        """Nothing overlaps, nobody deadlocked."""
        assert self.overlaps() == 0
        assert self.log.deadlocks() == 0

    def check_visits(self, visits: Sequence[AppointmentId]) -> None:
        """Everybody still has a visit, and no claim of a move is left."""
        with self.sessions() as db:
            rows = {row.id: row for row in db.scalars(select(Appointment))}
        assert {rows[id_].state for id_ in visits} == {AppointmentState.BOOKED}
        others = [row for row in rows.values() if row.id not in set(visits)]
        assert all(row.hold_key_hash or row.booked_at for row in others), "the claims of the moves are gone"

    def drop_constraints(self, *names: str) -> None:
        with self.sessions() as db:
            for name in names or ("practitioner", "room"):
                db.execute(text(f"ALTER TABLE appointment DROP CONSTRAINT ex_appointment_{name}"))
            db.commit()


def every(minutes: int, count: int, first: datetime = TUESDAY_NINE) -> list[datetime]:
    """Starts that many minutes apart, in the morning hours of one working day after the other."""
    found, day = list[datetime](), first
    while len(found) < count:
        if day.weekday() < 5:
            found += [day + timedelta(minutes=start) for start in range(0, 240, minutes)]
        day += timedelta(days=1)
    return found[:count]
