"""The jobs of the waiting list: a nudge for each freed time, and the sweep that repairs what was lost."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from clinic_portal.booking.jobs import offer_freed_time, sweep_waiting_list
from clinic_portal.booking.models import FreedTime, WaitingEntry
from clinic_portal.booking.queries.over import over_entries
from clinic_portal.booking.rules import AppointmentState, EntryEnd, EntryState, OfferState
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.ids import new_id
from clinic_portal.patients.models import Patient
from tests.booking.factory import make_appointment
from tests.booking.holding import end_right
from tests.booking.waiting import TUESDAY, by_phone, free_a_time, join, offers, somebody
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.statements import statements

TODAY = date(2026, 11, 23)

#: Nothing of Marta's offer can be written any more, as if its row stayed locked.
LOCKED = """
CREATE FUNCTION refuse_expiry() RETURNS trigger AS $$
BEGIN RAISE lock_not_available; END $$ LANGUAGE plpgsql;
CREATE TRIGGER refuse_expiry BEFORE UPDATE ON waiting_offer FOR EACH ROW EXECUTE FUNCTION refuse_expiry();
"""


def test_a_nudge_offers_a_freed_time_once(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    join(db, clock, clinic, cast.patient, cast.patient_person)
    freed = free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person)
    for _ in range(2):
        offer_freed_time(str(freed))
    offer_freed_time(str(new_id()))
    assert [offer.state for offer in offers(db)] == [OfferState.OPEN]


def test_the_sweep_does_what_every_lost_nudge_should_have(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    first = join(db, clock, clinic, cast.patient, cast.patient_person)
    second = join(db, clock, clinic, cast.guardian, cast.child)
    visit = make_appointment(db, clinic, cast.guardian_person, practitioner=clinic.rui)
    gone = join(db, clock, clinic, cast.guardian, cast.guardian_person, visit=visit)
    visit.state = AppointmentState.CANCELLED
    free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person)
    sweep_waiting_list()
    assert [offer.entry_id for offer in offers(db)] == [first.id]
    assert db.get_one(WaitingEntry, gone.id, populate_existing=True).end_reason is EntryEnd.VISIT_OVER
    clock.advance(timedelta(minutes=31))
    for _ in range(2):
        sweep_waiting_list()
    assert [(offer.entry_id, offer.state) for offer in offers(db)] == [
        (first.id, OfferState.EXPIRED),
        (second.id, OfferState.OPEN),
    ]


def test_one_that_is_broken_keeps_nothing_from_the_others(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody has a row locked for longer than anybody waits: the next sweep comes round."""
    join(db, clock, clinic, cast.patient, cast.patient_person)
    free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person)
    sweep_waiting_list()
    clock.advance(timedelta(minutes=31))
    db.execute(text(LOCKED))
    db.commit()
    join(db, clock, clinic, cast.guardian, cast.child)
    free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person, at=TUESDAY + timedelta(hours=2))
    sweep_waiting_list()
    assert [offer.state for offer in offers(db)] == [OfferState.OPEN, OfferState.OPEN]
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == ["waiting_list_item_failed"]


def test_looking_through_a_quiet_list_asks_as_much_for_many_as_for_one(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    """Nobody's place is over, and the time that came free suits none of them: no row of theirs is even looked at."""

    def asked(*numbers: int) -> int:
        for number in numbers:
            patient = somebody(db, clock, phone=f"+3519123457{number:02}")
            by_phone(db, clock, clinic, cast, patient, weekdays=frozenset({4}))
        at = TUESDAY + timedelta(hours=len(numbers))
        freed = free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person, at=at)
        with statements(db) as seen:
            sweep_waiting_list()
        assert db.get_one(FreedTime, freed, populate_existing=True).closed_at is not None
        return len(seen)

    assert asked(0) == asked(1, 2, 3, 4, 5) > 0


def test_the_sweep_finds_whose_place_is_over(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    """As `end_entries` judges each: their visit, their days, a time that they found, the right of who asked, the account."""
    visit = make_appointment(db, clinic, cast.patient_person, practitioner=clinic.rui)
    gone = join(db, clock, clinic, cast.patient, cast.patient_person, visit=visit)
    over = by_phone(db, clock, clinic, cast, somebody(db, clock, phone="+351912345701"), until_day=TODAY)
    found = by_phone(db, clock, clinic, cast, somebody(db, clock, phone="+351912345702"))
    waits = by_phone(db, clock, clinic, cast, somebody(db, clock, phone="+351912345703"))
    right = join(db, clock, clinic, cast.guardian, cast.child)
    closed = join(db, clock, clinic, cast.stranger, cast.stranger_person)
    assert over_entries(db, clock) == []
    visit.state = AppointmentState.CANCELLED
    clock.advance(timedelta(days=2))
    at = TUESDAY + timedelta(days=7)
    make_appointment(db, clinic, db.get_one(Patient, found.patient_id), at=at, booked_at=clock.now())
    end_right(db, cast, clock)
    cast.stranger.ended_at = clock.now()
    db.commit()
    assert set(over_entries(db, clock)) == {gone.id, over.id, found.id, right.id, closed.id}
    sweep_waiting_list()
    assert over_entries(db, clock) == []
    assert db.scalars(select(WaitingEntry.id).where(WaitingEntry.state == EntryState.WAITING)).all() == [waits.id]
