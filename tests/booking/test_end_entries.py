"""Places on the list that are over by themselves."""

from datetime import UTC, date, datetime

from sqlalchemy.orm import Session

from clinic_portal.booking.models import WaitingEntry
from clinic_portal.booking.rules import EntryEnd
from clinic_portal.booking.use_cases.end_entries import end_entries
from clinic_portal.core.clock import FixedClock
from tests.booking.factory import make_appointment
from tests.booking.waiting import entry_id, join
from tests.support.cast import Cast
from tests.support.clinic import Clinic


def test_the_last_day_ends_waiting_on_the_day_after(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    entry = join(db, clock, clinic, cast.patient, cast.patient_person, until_day=date(2026, 11, 30))
    clock.at = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)
    assert not end_entries(db, clock, entry_id=entry_id(entry))
    clock.at = datetime(2026, 12, 2, 0, 0, tzinfo=UTC)
    assert end_entries(db, clock, entry_id=entry_id(entry))
    assert db.get_one(WaitingEntry, entry.id, populate_existing=True).end_reason is EntryEnd.TOO_LATE
    assert not end_entries(db, clock, entry_id=entry_id(entry))


def test_who_found_a_time_alone_waits_no_longer(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    before = make_appointment(db, clinic, cast.patient_person, at=datetime(2026, 11, 25, 9, 0, tzinfo=UTC))
    entry = join(db, clock, clinic, cast.patient, cast.patient_person)
    assert before.booked_at is not None
    assert not end_entries(db, clock, entry_id=entry_id(entry))
    make_appointment(db, clinic, cast.patient_person, booked_at=datetime(2026, 11, 23, 10, 13, tzinfo=UTC))
    assert end_entries(db, clock, entry_id=entry_id(entry))
    assert db.get_one(WaitingEntry, entry.id, populate_existing=True).end_reason is EntryEnd.BOOKED


def test_an_account_that_was_closed_waits_no_longer(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    entry = join(db, clock, clinic, cast.guardian, cast.child)
    assert not end_entries(db, clock, entry_id=entry_id(entry))
    cast.guardian.ended_at = clock.now()
    db.flush()
    assert end_entries(db, clock, entry_id=entry_id(entry))
    assert db.get_one(WaitingEntry, entry.id, populate_existing=True).end_reason is EntryEnd.NO_RIGHT
