"""Times that go to whoever is first: to how many they are told, how a long stretch is shared out, and who is asked again."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import FreedTime, WaitingEntry, WaitingOffer
from clinic_portal.booking.rules import MANY_AT_ONCE, OfferState
from clinic_portal.booking.steps.waiting import Freed, note_freed_time
from clinic_portal.booking.use_cases.accept_offer import accept_offer
from clinic_portal.booking.use_cases.decline_offer import decline_offer
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import FacilityId, FreedTimeId, OfferId, PractitionerId
from tests.booking.waiting import TUESDAY, by_phone, first_come, free_a_time, offer_all, offers, somebody, sweep_offers
from tests.support.cast import Cast
from tests.support.clinic import Clinic

HALF_HOUR = timedelta(minutes=30)


def many_wait(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, count: int, **asked: object
) -> list[WaitingEntry]:
    """So many people wait for a massage, in this order."""
    people = [somebody(db, clock, phone=f"+3519123457{number:02}") for number in range(count)]
    entries = [by_phone(db, clock, clinic, cast, one, **asked) for one in people]
    for number, entry in enumerate(entries):
        entry.created_at += timedelta(seconds=number)
    db.commit()
    return entries


def free_hours(db: Session, clock: FixedClock, clinic: Clinic, start: datetime, end: datetime) -> FreedTimeId:
    """Hours of Inês in Lisbon come free at once."""
    freed = Freed(PractitionerId(clinic.ines.id), FacilityId(clinic.lisbon.id), start, end)
    with transaction(db):
        note_freed_time(db, clock, freed)
    return FreedTimeId(db.scalars(select(FreedTime.id).where(FreedTime.starts_at == start)).one())


def told(db: Session) -> list[WaitingOffer]:
    return [one for one in offers(db) if one.state is OfferState.OPEN]


def test_ten_are_told_of_a_time_and_the_next_only_when_one_of_them_has_answered(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    first_come(db, clinic)
    entries = many_wait(db, clock, clinic, cast, MANY_AT_ONCE + 2)
    freed = free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person)
    assert offer_all(db, clock, freed) == MANY_AT_ONCE
    assert offer_all(db, clock, freed) == 0
    assert {one.entry_id for one in told(db)} == {one.id for one in entries[:MANY_AT_ONCE]}
    # The time is not closed for them: their turn comes.
    assert db.get_one(FreedTime, freed, populate_existing=True).closed_at is None
    decline_offer(db, clock, offer_id=OfferId(offers(db)[3].id))
    assert offer_all(db, clock, freed) == 1
    assert offers(db)[-1].entry_id == entries[MANY_AT_ONCE].id
    accept_offer(db, clock, offer_id=OfferId(offers(db)[0].id))
    sweep_offers(db, clock)
    assert offer_all(db, clock, freed) == 0
    assert db.get_one(FreedTime, freed, populate_existing=True).closed_at == clock.now()


def test_a_long_stretch_is_shared_out(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    """Four times for six people: each is told to somebody before one is told twice."""
    first_come(db, clinic)
    many_wait(db, clock, clinic, cast, 6)
    freed = free_hours(db, clock, clinic, TUESDAY, TUESDAY + 4 * HALF_HOUR)
    assert offer_all(db, clock, freed) == 6
    assert Counter(one.starts_at for one in offers(db)) == {
        TUESDAY: 2, TUESDAY + HALF_HOUR: 2, TUESDAY + 2 * HALF_HOUR: 1, TUESDAY + 3 * HALF_HOUR: 1,
    }  # fmt: skip


def test_whose_time_went_to_somebody_faster_is_told_of_another_of_the_same_stretch(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    first_come(db, clinic)
    fast, slow = many_wait(db, clock, clinic, cast, 2)
    freed = free_hours(db, clock, clinic, TUESDAY, TUESDAY + 2 * HALF_HOUR)
    assert offer_all(db, clock, freed) == 2
    hers, his = told(db)
    assert (hers.entry_id, hers.starts_at, his.entry_id, his.starts_at) == (
        fast.id, TUESDAY, slow.id, TUESDAY + HALF_HOUR,
    )  # fmt: skip
    # Somebody books what he was told of: nine o'clock is told to him as well. Nobody else is asked again.
    lost = his.starts_at
    his.state, his.ended_at = OfferState.LOST, clock.now()
    db.commit()
    assert offer_all(db, clock, freed) == 1
    assert [(one.entry_id, one.starts_at) for one in told(db)] == [(fast.id, TUESDAY), (slow.id, TUESDAY)]
    accept_offer(db, clock, offer_id=OfferId(hers.id))
    sweep_offers(db, clock)
    # He knows both times by now.
    assert offer_all(db, clock, freed) == 0
    assert {one.starts_at for one in offers(db) if one.entry_id == slow.id} == {
        TUESDAY, lost,
    }  # fmt: skip


def test_who_said_no_is_not_asked_about_another_time_of_the_same_stretch(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    first_come(db, clinic)
    many_wait(db, clock, clinic, cast, 1)
    freed = free_hours(db, clock, clinic, TUESDAY, TUESDAY + 2 * HALF_HOUR)
    assert offer_all(db, clock, freed) == 1
    decline_offer(db, clock, offer_id=OfferId(offers(db)[0].id))
    assert offer_all(db, clock, freed) == 0
    assert db.get_one(FreedTime, freed, populate_existing=True).closed_at is not None


def test_the_clock_change_takes_no_time_from_a_long_stretch(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    """Monday 29 March 2027, after the clock went forward: nine o'clock in Lisbon is eight in UTC."""
    first_come(db, clinic)
    monday = datetime(2027, 3, 29, 8, 0, tzinfo=UTC)
    clock.at = monday - timedelta(days=3)
    many_wait(db, clock, clinic, cast, 2, from_day=date(2027, 3, 29), until_day=date(2027, 3, 29))
    freed = free_hours(db, clock, clinic, monday, monday + 2 * HALF_HOUR)
    assert offer_all(db, clock, freed) == 2
    assert [one.starts_at for one in offers(db)] == [monday, monday + HALF_HOUR]
