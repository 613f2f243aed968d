"""What is worked anew comes free for those who wait, whatever kind of change made it."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import FreedTime
from clinic_portal.booking.use_cases.change_hours import change_hours
from clinic_portal.booking.use_cases.change_opening import change_opening
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.ids import FacilityId, FreedTimeId, PractitionerId
from clinic_portal.facilities.models import Closure
from clinic_portal.facilities.steps import CloseDay, FacilityChange, KeepHolidays, OpenDay
from clinic_portal.practitioners.models import WeeklyHours
from clinic_portal.practitioners.steps import AddExtra, AddWeekly, ChangeWeekly, EndWeekly, PractitionerChange
from tests.booking.hours import DAY, away, extra, hours, row_id
from tests.booking.waiting import join, offer_all, offers
from tests.support.cast import Cast
from tests.support.clinic import Clinic

WEEKS = 13
#: Tuesday, a public holiday.
HOLIDAY = date(2026, 12, 1)


class Office:
    """An administrator, and what their changes free."""

    def __init__(self, db: Session, clock: FixedClock, cast: Cast) -> None:
        self.db, self.clock, self.actor = db, clock, cast.administrator.actor()

    def hours(self, change: PractitionerChange) -> list[tuple[str, str]]:
        change_hours(self.db, self.clock, change=change, answers={}, actor=self.actor)
        return self.freed()

    def days(self, change: FacilityChange) -> list[tuple[str, str]]:
        change_opening(self.db, self.clock, change=change, answers={}, actor=self.actor)
        return self.freed()

    def freed(self) -> list[tuple[str, str]]:
        """From, until: all that was noted since the last look."""
        rows = self.db.scalars(select(FreedTime).order_by(FreedTime.starts_at, FreedTime.ends_at)).all()
        found = [(f"{row.starts_at:%d.%m. %H:%M}", f"{row.ends_at:%H:%M}") for row in rows]
        for row in rows:
            self.db.delete(row)
        self.db.commit()
        return found


@pytest.fixture
def office(db: Session, clock: FixedClock, cast: Cast, clinic: Clinic) -> Office:
    return Office(db, clock, cast)


def test_new_weekly_hours_free_one_stretch_a_week(office: Office, clinic: Clinic) -> None:
    found = office.hours(AddWeekly(hours(clinic, weekday=5, at=(540, 780))))
    assert found[:2] == [("28.11. 09:00", "13:00"), ("05.12. 09:00", "13:00")]
    assert len(found) == WEEKS
    assert office.hours(AddExtra(extra(clinic, date(2026, 11, 29), at=(540, 600)))) == [("29.11. 09:00", "10:00")]


def test_longer_hours_free_what_is_longer(office: Office, clinic: Clinic) -> None:
    change = ChangeWeekly(row_id(office.db, clinic.ines), hours(clinic, at=(480, 840)))
    found = office.hours(change)
    # From 8 to 9 and from 13 to 14: one stretch a day is noted, and judged by all the rules when it is offered.
    assert found[:2] == [("26.11. 08:00", "14:00"), ("03.12. 08:00", "14:00")]
    later = ChangeWeekly(
        row_id(office.db, clinic.ines, starts=840), hours(clinic, at=(840, 1140), since=date(2027, 2, 1))
    )
    assert office.hours(later) == [("04.02. 18:00", "19:00"), ("11.02. 18:00", "19:00"), ("18.02. 18:00", "19:00")]


def test_another_room_is_new_work_and_fewer_hours_are_none(office: Office, clinic: Clinic) -> None:
    any_room = ChangeWeekly(row_id(office.db, clinic.ines), hours(clinic, any_room=True))
    assert office.hours(any_room)[0] == ("26.11. 09:00", "13:00")
    last = EndWeekly(PractitionerId(clinic.rui.id), row_id(office.db, clinic.rui), DAY)
    assert office.hours(last) == []
    assert office.hours(away(clinic.ines, "2026-11-26T10:00", 2)) == []


def test_what_has_begun_counts_from_now_on(office: Office, clinic: Clinic) -> None:
    monday = AddWeekly(hours(clinic, weekday=0, at=(480, 540), since=date(2026, 11, 23)))
    assert office.hours(monday)[0] == ("30.11. 08:00", "09:00")
    evening = AddWeekly(hours(clinic, weekday=0, at=(1080, 1140), since=date(2026, 11, 23)))
    assert office.hours(evening)[0] == ("23.11. 18:00", "19:00")


def test_a_day_that_opens_frees_the_hours_of_everybody_there(office: Office, clinic: Clinic) -> None:
    lisbon = FacilityId(clinic.lisbon.id)
    office.db.add(Closure(facility_id=lisbon, day=DAY, reason="works"))
    office.db.commit()
    # Inês and Rui, from 9 to 18 with a pause.
    assert office.days(OpenDay(lisbon, DAY)) == [("26.11. 09:00", "18:00")] * 2
    assert office.days(OpenDay(lisbon, DAY)) == []
    assert office.days(CloseDay(lisbon, DAY, "works")) == []
    assert office.days(OpenDay(FacilityId(clinic.azores.id), DAY)) == []


def test_holidays_that_no_longer_count_are_free(office: Office, clinic: Clinic) -> None:
    lisbon = FacilityId(clinic.lisbon.id)
    assert office.days(KeepHolidays(lisbon, is_kept=True)) == []
    assert office.days(OpenDay(lisbon, HOLIDAY)) == [("01.12. 09:00", "18:00")] * 2
    found = office.days(KeepHolidays(lisbon, is_kept=False))
    # 8 and 25 December, 1 January; the one that was open already is no news.
    assert found == [(f"{day} 09:00", "18:00") for day in ("08.12.", "25.12.", "01.01.") for _ in range(2)]


def test_who_no_longer_works_here_frees_nothing(office: Office, clinic: Clinic) -> None:
    clinic.rui.is_active = False
    office.db.add(Closure(facility_id=clinic.lisbon.id, day=DAY, reason="works"))
    office.db.commit()
    assert len(office.days(OpenDay(FacilityId(clinic.lisbon.id), DAY))) == 1


def test_who_waits_is_offered_a_time_of_the_new_hours(
    office: Office, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    """For both kinds of change: Saturday hours, and a Thursday that is open after all."""
    saturday, thursday = date(2026, 11, 28), DAY
    db.add(Closure(facility_id=clinic.lisbon.id, day=thursday, reason="works"))
    db.commit()
    ines = {"practitioner_id": clinic.ines.id}
    first = join(db, clock, clinic, cast.patient, cast.patient_person, weekdays=frozenset({5}), **ines)
    second = join(db, clock, clinic, cast.guardian, cast.child, until_day=thursday, from_day=thursday, **ines)
    actor = cast.administrator.actor()
    change = AddWeekly(hours(clinic, weekday=5, at=(600, 660), since=saturday))
    change_hours(db, clock, change=change, answers={}, actor=actor)
    change_opening(db, clock, change=OpenDay(FacilityId(clinic.lisbon.id), thursday), answers={}, actor=actor)
    for row in db.scalars(select(FreedTime).order_by(FreedTime.starts_at)).all():
        offer_all(db, clock, FreedTimeId(row.id))
    assert {(one.entry_id, one.starts_at) for one in offers(db)} == {
        (second.id, datetime(2026, 11, 26, 9, 0, tzinfo=UTC)),
        (first.id, datetime(2026, 11, 28, 10, 0, tzinfo=UTC)),
    }


def test_a_change_that_is_not_made_frees_nothing(office: Office, clinic: Clinic) -> None:
    before = office.db.scalars(select(WeeklyHours.id)).all()
    wanted = hours(clinic, weekday=5)
    office.hours(AddWeekly(wanted))
    with pytest.raises(Exception, match="overlap"):
        office.hours(AddWeekly(wanted))
    assert office.freed() == []
    assert len(office.db.scalars(select(WeeklyHours.id)).all()) == len(before) + 1
