"""Whom no message reaches, the desk phones: their offers are made, and run, only while somebody is there to phone."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment, FreedTime, VisitPolicy, WaitingPolicy
from clinic_portal.booking.queries.desk_hours import desk_hours
from clinic_portal.booking.rules import OfferMode, OfferState
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.ids import FacilityId, FreedTimeId
from clinic_portal.core.modes import Mode
from clinic_portal.facilities.models import Closure, OpenHoliday
from clinic_portal.facilities.queries import facility_by_id
from clinic_portal.practitioners.models import Absence, ExtraHours, WeeklyHours
from tests.booking.factory import THURSDAY
from tests.booking.online import work_online
from tests.booking.waiting import (
    TUESDAY,
    by_phone,
    first_come,
    free_a_time,
    join,
    offer_all,
    offers,
    sweep_offers,
    wait_unreachable,
)
from tests.support.cast import Cast
from tests.support.clinic import Clinic

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)


def monday(hour: int, minute: int = 0) -> datetime:
    return MONDAY.replace(hour=hour, minute=minute)


def is_open(db: Session, freed: FreedTimeId) -> bool:
    return db.get_one(FreedTime, freed, populate_existing=True).closed_at is None


def hours_at_desk(db: Session, clinic: Clinic, first: datetime, until: datetime) -> list[tuple[str, str]]:
    facility = facility_by_id(db, FacilityId(clinic.lisbon.id))
    found = desk_hours(db, facility, now=first, until=until)
    return [(f"{start:%a %H:%M}", f"{end:%a %H:%M}") for start, end in found]


def test_while_the_desk_is_open_they_are_offered_it_as_everybody(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    wait_unreachable(db, clock, clinic, cast)
    freed = free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person)
    assert offer_all(db, clock, freed) == 1
    assert offers(db)[0].ends_at == clock.now() + timedelta(minutes=30)


def test_an_evening_does_not_use_up_the_time_to_answer(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    wait_unreachable(db, clock, clinic, cast)
    clock.at = monday(17, 50)
    freed = free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person, at=THURSDAY)
    assert offer_all(db, clock, freed) == 1
    (offer,) = offers(db)
    # Ten minutes on Monday, twenty more on Tuesday from nine on.
    assert offer.ends_at == TUESDAY + timedelta(minutes=20)
    assert db.get_one(Appointment, offer.hold_id).held_until == offer.ends_at
    page = cast.browser(cast.receptionist).page(f"/desk/lisbon/waiting-list/{offer.entry_id}")
    assert "Held for them until Tuesday 24 November, 09:20." in page.text
    clock.at = TUESDAY + timedelta(minutes=19)
    assert sweep_offers(db, clock) == 0
    clock.at = TUESDAY + timedelta(minutes=20)
    assert sweep_offers(db, clock) == 1


def test_with_the_desk_closed_who_can_be_written_to_is_asked_and_the_others_when_it_opens(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    wait_unreachable(db, clock, clinic, cast)
    later = join(db, clock, clinic, cast.patient, cast.patient_person)
    later.created_at += timedelta(minutes=1)
    clock.at = monday(19)
    freed = free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person, at=THURSDAY)
    assert offer_all(db, clock, freed) == 1
    assert [one.entry_id for one in offers(db)] == [later.id]
    clock.advance(timedelta(minutes=30))
    sweep_offers(db, clock)
    # Nobody is at the desk: nobody is asked, and the time is not given up.
    assert offer_all(db, clock, freed) == 0
    assert is_open(db, freed)
    clock.at = TUESDAY
    assert offer_all(db, clock, freed) == 1
    assert offers(db)[1].ends_at == TUESDAY + timedelta(minutes=30)


def test_a_time_that_is_over_before_the_desk_opens_waits_for_nobody(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    wait_unreachable(db, clock, clinic, cast)
    clock.at = monday(19)
    freed = free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person, at=TUESDAY + timedelta(minutes=30))
    assert offer_all(db, clock, freed) == 0
    assert not is_open(db, freed)


def test_who_wants_something_else_does_not_keep_the_time_from_being_closed(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    wait_unreachable(db, clock, clinic, cast, weekdays=frozenset({0}))
    clock.at = monday(19)
    freed = free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person, at=THURSDAY)
    assert offer_all(db, clock, freed) == 0
    assert not is_open(db, freed)


def test_a_child_is_told_through_the_parent_at_any_hour(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    by_phone(db, clock, clinic, cast, cast.child)
    clock.at = monday(19)
    freed = free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person, at=THURSDAY)
    assert offer_all(db, clock, freed) == 1


def test_many_at_once_are_told_as_far_as_messages_reach(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    first_come(db, clinic)
    wait_unreachable(db, clock, clinic, cast)
    told = join(db, clock, clinic, cast.patient, cast.patient_person)
    clock.at = monday(19)
    freed = free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person, at=THURSDAY)
    assert offer_all(db, clock, freed) == 1
    assert [one.entry_id for one in offers(db)] == [told.id]
    clock.at = TUESDAY
    assert offer_all(db, clock, freed) == 1
    assert {one.state for one in offers(db)} == {OfferState.OPEN}


def test_an_offer_of_a_day_is_a_day_at_the_desk(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    db.add(
        WaitingPolicy(
            facility_id=clinic.lisbon.id, mode=OfferMode.ONE_AT_A_TIME, offer_minutes=600, stop_minutes=0
        )
    )  # fmt: skip
    wait_unreachable(db, clock, clinic, cast)
    clock.at = monday(10)
    freed = free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person, at=THURSDAY)
    assert offer_all(db, clock, freed) == 1
    assert offers(db)[0].ends_at == TUESDAY + timedelta(hours=2)


def test_the_desk_is_open_from_the_first_visit_that_can_be_to_the_last(db: Session, clinic: Clinic) -> None:
    sunday, next_monday = MONDAY - timedelta(days=1), MONDAY + timedelta(days=7)
    days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Mon")
    usual = [(f"{day} 09:00", f"{day} 18:00") for day in days]
    assert hours_at_desk(db, clinic, sunday, next_monday) == usual
    db.add(Closure(facility_id=clinic.lisbon.id, day=date(2026, 11, 24), reason="Painting"))
    for who in (clinic.ines, clinic.rui):
        away = MONDAY + timedelta(days=2), MONDAY + timedelta(days=2, hours=13)
        db.add(Absence(practitioner_id=who.id, starts_at=away[0], ends_at=away[1], reason="Course"))
    db.add(extra(clinic, date(2026, 11, 26), 360, 420, clinic.room_1.id))
    # From home, in the evening: nobody is at the desk for it.
    db.add(extra(clinic, date(2026, 11, 27), 1200, 1320, None, Mode.ONLINE))
    db.flush()
    assert hours_at_desk(db, clinic, sunday, MONDAY + timedelta(days=4)) == [
        ("Mon 09:00", "Mon 18:00"), ("Wed 14:00", "Wed 18:00"), ("Thu 08:00", "Thu 18:00"), ("Fri 09:00", "Fri 18:00")
    ]  # fmt: skip


def test_who_no_longer_works_there_answers_no_phone(db: Session, clinic: Clinic) -> None:
    clinic.ines.is_active = clinic.rui.is_active = False
    db.flush()
    assert hours_at_desk(db, clinic, MONDAY, MONDAY) == []


@pytest.mark.parametrize(("start", "end", "expected"), [(780, 840, 2), (0, 0, 1)])
def test_in_quiet_hours_nobody_phones(db: Session, clinic: Clinic, start: int, end: int, expected: int) -> None:
    db.execute(update(VisitPolicy).values(quiet_from_minute=start, quiet_until_minute=end))
    assert len(hours_at_desk(db, clinic, MONDAY, MONDAY)) == expected


def test_where_everybody_meets_online_those_hours_count(db: Session, clinic: Clinic) -> None:
    here = WeeklyHours.facility_id == clinic.lisbon.id
    db.execute(update(WeeklyHours).where(here).values(mode=Mode.ONLINE, room_id=None))
    assert hours_at_desk(db, clinic, MONDAY, MONDAY) == [("Mon 09:00", "Mon 18:00")]


def test_a_place_whose_patients_come_on_some_days_only_has_nobody_at_its_desk_on_the_others(
    db: Session, clinic: Clinic
) -> None:
    """Online hours count where a place has no others at all, not where it has none in the days that are looked at."""
    here = WeeklyHours.facility_id == clinic.lisbon.id
    db.execute(update(WeeklyHours).where(here).values(mode=Mode.ONLINE, room_id=None))
    db.add(extra(clinic, date(2026, 12, 3), 600, 660, clinic.room_1.id))
    db.flush()
    assert hours_at_desk(db, clinic, MONDAY, MONDAY + timedelta(days=2)) == []
    assert hours_at_desk(db, clinic, MONDAY, MONDAY + timedelta(days=10)) == [("Thu 10:00", "Thu 11:00")]


def test_on_a_holiday_that_is_worked_the_desk_is_open_and_on_any_other_it_is_not(db: Session, clinic: Clinic) -> None:
    """Tuesday 1 and Tuesday 8 December are holidays of Portugal."""
    clinic.lisbon.observes_holidays = True
    db.add(OpenHoliday(facility_id=clinic.lisbon.id, day=date(2026, 12, 8)))
    db.flush()
    first, second = datetime(2026, 12, 1, tzinfo=UTC), datetime(2026, 12, 8, tzinfo=UTC)
    assert hours_at_desk(db, clinic, first, first) == []
    assert hours_at_desk(db, clinic, second, second) == [("Tue 09:00", "Tue 18:00")]


def test_each_place_has_its_own_hours_on_its_own_clock(db: Session, clinic: Clinic) -> None:
    """In the Azores it is an hour earlier; whoever works online from there keeps no desk open."""
    work_online(db, clinic, who=clinic.sofia, place=clinic.azores, weekday=0, at=(1140, 1200))
    db.add(Closure(facility_id=clinic.lisbon.id, day=date(2026, 11, 23), reason="Painting"))
    db.flush()
    assert hours_at_desk(db, clinic, MONDAY, MONDAY) == []
    azores = facility_by_id(db, FacilityId(clinic.azores.id))
    (there,) = desk_hours(db, azores, now=MONDAY + timedelta(hours=12), until=MONDAY + timedelta(hours=13))
    hours = select(func.min(WeeklyHours.starts_minute), func.max(WeeklyHours.ends_minute))
    monday = WeeklyHours.facility_id == clinic.azores.id, WeeklyHours.weekday == 0, WeeklyHours.room_id.is_not(None)
    first, last = db.execute(hours.where(*monday)).one()
    midnight = MONDAY + timedelta(hours=1)
    assert there == (midnight + timedelta(minutes=first), midnight + timedelta(minutes=last))
    # At half past midnight in Lisbon, it is still Sunday there.
    late = MONDAY + timedelta(minutes=30)
    assert desk_hours(db, azores, now=late, until=late) == []


def test_at_the_change_of_the_clock_the_desk_opens_by_the_wall(db: Session, clinic: Clinic) -> None:
    before, after = datetime(2027, 3, 26, tzinfo=UTC), datetime(2027, 3, 29, tzinfo=UTC)
    facility = facility_by_id(db, FacilityId(clinic.lisbon.id))
    found = desk_hours(db, facility, now=before, until=after)
    assert [(start.hour, end.hour) for start, end in found] == [(9, 18), (8, 17)]


def extra(
    clinic: Clinic, day: date, starts: int, ends: int, room_id: object, mode: Mode = Mode.IN_PERSON
) -> ExtraHours:  # fmt: skip
    return ExtraHours(
        practitioner_id=clinic.ines.id, facility_id=clinic.lisbon.id, room_id=room_id, mode=mode, day=day,
        starts_minute=starts, ends_minute=ends,
    )  # fmt: skip
