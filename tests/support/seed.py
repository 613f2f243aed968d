"""A committed clinic with many patients, for tests and benchmarks on real processes."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy.orm import Session, sessionmaker

from clinic_portal.booking.queries import Wish, free_times
from clinic_portal.core.clock import FixedClock, SystemClock, local_day
from clinic_portal.core.db import make_engine
from clinic_portal.core.ids import FacilityId, PractitionerId, ServiceId
from tests.support.cast import make_patient
from tests.support.clinic import Clinic, make_clinic


@dataclass(frozen=True)
class Seeded:
    """Who and what is in the database. `starts` of a service: what the page offers, as its buttons say it."""

    clinic: Clinic
    emails: list[str]
    database: str

    def starts(self, service: UUID, practitioner: UUID | None, count: int) -> list[str]:
        engine = make_engine(self.database)
        with Session(engine) as db:
            clock = SystemClock()
            wish = Wish(
                ServiceId(service),
                PractitionerId(practitioner) if practitioner else None,
                FacilityId(self.clinic.lisbon.id),
            )
            tomorrow = local_day(clock.now(), "Europe/Lisbon") + timedelta(days=1)
            found = free_times(db, clock, wish, from_day=tomorrow, days=80)
        engine.dispose()
        starts = [f"{time.start:%Y-%m-%dT%H:%MZ}" for day in found.days for time in day.times]
        assert len(starts) >= count
        return starts[:count]


def seed(database: str, patients: int) -> Seeded:
    """Commit the small clinic and this many patients with accounts."""
    engine = make_engine(database)
    with sessionmaker(engine, expire_on_commit=False)() as db:
        clock = FixedClock(SystemClock().now())
        clinic = make_clinic(db, clock)
        emails = [f"patient{number}@example.org" for number in range(patients)]
        for number, email in enumerate(emails):
            make_patient(db, clock, f"Given{number}", f"Family{number}", email, f"+3519123{number:05d}")
        db.commit()
        db.expunge_all()
    engine.dispose()
    return Seeded(clinic, emails, database)
