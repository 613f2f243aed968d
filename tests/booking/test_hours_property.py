"""After any changes, offered times lie in hours that are worked, outside absences and closed days: at clock changes too."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.queries import FreeTime, Wish, free_times
from clinic_portal.booking.queries.stranded import outside_hours
from clinic_portal.booking.use_cases.change_hours import change_hours
from clinic_portal.booking.use_cases.change_opening import change_opening
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import Conflict
from clinic_portal.core.ids import FacilityId, PractitionerId, RoomId, ServiceId, WeeklyHoursId, new_id
from clinic_portal.core.modes import Mode
from clinic_portal.facilities.holidays import holidays_of_year
from clinic_portal.facilities.models import Closure, Facility, OpenHoliday
from clinic_portal.facilities.steps import CloseDay, FacilityChange, KeepHolidays, OpenDay
from clinic_portal.practitioners.models import Absence, ExtraHours, WeeklyHours
from clinic_portal.practitioners.queries import HoursFacts
from clinic_portal.practitioners.steps import (
    AddAbsence,
    AddExtra,
    AddWeekly,
    ChangeWeekly,
    EndWeekly,
    PractitionerChange,
)
from tests.support.cast import Cast
from tests.support.clinic import Clinic

STEP = timedelta(minutes=5)
#: Long before and after the clock changes of 25 October 2026 and 28 March 2027.
STARTS = (datetime(2026, 10, 15, 8, 0, tzinfo=UTC), datetime(2027, 3, 18, 8, 0, tzinfo=UTC))
DAYS = 16

#: Around the hour that is skipped or repeated, and at any other time.
MINUTES = st.one_of(st.integers(0, 48).map(lambda step: step * 5), st.integers(0, 288).map(lambda step: step * 5))


@st.composite
def spans(draw: st.DrawFn) -> tuple[int, int]:
    """From, to: minutes after midnight."""
    start = draw(MINUTES.filter(lambda minute: minute <= 1410))
    return start, draw(st.integers(start // 5 + 1, 288)) * 5


#: What is changed, by number; whose; the days after the start; which other numbers mean is up to the change.
CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["weekly", "change", "end", "extra", "absence", "close", "open", "holidays"]),
        st.sampled_from(["ines", "sofia"]),
        st.integers(0, DAYS + 2),
        st.integers(0, DAYS + 2),
        spans(),
        st.booleans(),
    ),
    min_size=1,
    max_size=10,
)


class Offices:
    """Makes the drawn changes."""

    def __init__(self, db: Session, clock: FixedClock, cast: Cast, clinic: Clinic) -> None:
        self.db, self.clock, self.clinic, self.actor = db, clock, clinic, cast.administrator.actor()
        self._rows: dict[type, Sequence] = {}

    def reset(self, now: datetime) -> None:
        """No hours at all."""
        self.clock.at = now
        for table in (Absence, ExtraHours, WeeklyHours, Closure, OpenHoliday):
            self.db.execute(delete(table))
        for place in self.db.scalars(select(Facility)):
            place.observes_holidays = False
        self.db.commit()

    def make(self, what: str, who: str, first: int, second: int, span: tuple[int, int], flag: bool) -> None:
        """One change; what is refused is not made."""
        person = PractitionerId(getattr(self.clinic, who).id)
        place = self.clinic.lisbon if who == "ines" else self.clinic.azores
        day = self.clock.now().date() + timedelta(days=first)
        last = day + timedelta(days=second) if flag else None
        days: dict[str, FacilityChange] = {
            "close": CloseDay(FacilityId(place.id), day, "works"),
            "open": OpenDay(FacilityId(place.id), day),
            "holidays": KeepHolidays(FacilityId(place.id), flag),
        }
        try:
            if what in days:
                change_opening(self.db, self.clock, change=days[what], answers={}, actor=self.actor)
            else:
                change = self._change(what, person, place, (day, last), span)
                if change is not None:
                    change_hours(self.db, self.clock, change=change, answers={}, actor=self.actor)
        except Conflict as refused:
            assert refused.code == "weekly_hours.overlap"
        self.db.expire_all()
        self._rows.clear()

    def _change(
        self, what: str, person: PractitionerId, place: Facility, valid: tuple[date, date | None], span: tuple[int, int]
    ) -> PractitionerChange | None:
        room = RoomId((self.clinic.room_1 if place is self.clinic.lisbon else self.clinic.room_a).id)
        day, last = valid
        until = day if what == "extra" else last
        facts = HoursFacts(person, FacilityId(place.id), room, Mode.IN_PERSON, day.weekday(), *span, day, until)
        row = self.db.scalars(
            select(WeeklyHours).where(WeeklyHours.practitioner_id == person).order_by(WeeklyHours.id)
        ).first()
        at = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(minutes=span[0])
        match what:
            case "weekly":
                return AddWeekly(facts)
            case "extra":
                return AddExtra(facts)
            case "absence":
                return AddAbsence(person, at, at + timedelta(minutes=span[1]), "away")
            case "change" if row is not None:
                return ChangeWeekly(WeeklyHoursId(row.id), facts)
            case "end" if row is not None:
                return EndWeekly(person, WeeklyHoursId(row.id), day)
        return None

    def is_worked(self, person: PractitionerId, place: Facility, moment: datetime) -> bool:
        """Asked of the tables, an instant at a time. The second of two equal hours belongs to what began before it."""
        wall = moment.astimezone(ZoneInfo(place.tz))
        day, minute = wall.date(), wall.hour * 60 + wall.minute
        if any(one.starts_at <= moment < one.ends_at for one in self._of(Absence, person)):
            return False
        holidays = holidays_of_year("PT", place.region, day.year) if place.observes_holidays else {}
        opened = self.db.get(OpenHoliday, (place.id, day)) is not None
        if self.db.get(Closure, (place.id, day)) is not None or (day in holidays and not opened):
            return False
        spans = [
            (row.starts_minute, row.ends_minute)
            for row in self._of(WeeklyHours, person)
            if row.weekday == day.weekday() and row.valid_from <= day <= (row.valid_until or day)
        ]
        spans += [(row.starts_minute, row.ends_minute) for row in self._of(ExtraHours, person) if row.day == day]
        return wall.fold == 1 or any(start <= minute < end for start, end in spans)

    def _of(self, table: type, person: PractitionerId) -> list:
        if table not in self._rows:
            self._rows[table] = self.db.scalars(select(table)).all()
        return [row for row in self._rows[table] if row.practitioner_id == person]


def check(offices: Offices, time: FreeTime, minutes: int) -> None:
    """The time lies in the hours of everybody who could take it, and as a visit it would not be outside of them."""
    place = offices.db.get_one(Facility, time.facility_id)
    for person in time.practitioner_ids:
        for step in range(minutes // 5):
            moment = time.start + step * STEP
            assert offices.is_worked(person, place, moment), (place.slug, moment)
        room = offices.clinic.room_1 if place.id == offices.clinic.lisbon.id else offices.clinic.room_a
        visit = Appointment(
            id=new_id(), practitioner_id=person, facility_id=place.id, room_id=room.id, mode=Mode.IN_PERSON,
            starts_at=time.start, ends_at=time.start + timedelta(minutes=minutes),
        )  # fmt: skip
        assert outside_hours(offices.db, [visit]) == frozenset()


@pytest.mark.parametrize("now", STARTS, ids=["autumn", "spring"])
def test_offered_times_lie_in_the_hours(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, now: datetime
) -> None:
    offices, seen = Offices(db, clock, cast, clinic), []

    @settings(
        max_examples=25,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(changes=CHANGES)
    def try_them(changes: list[tuple[str, str, int, int, tuple[int, int], bool]]) -> None:
        offices.reset(now)
        for change in changes:
            offices.make(*change)
        found = free_times(db, clock, Wish(ServiceId(clinic.massage.id)), from_day=now.date(), days=DAYS)
        times = [time for day in found.days for time in day.times]
        seen.append(len(times))
        # The nights of the change, and a few of the others.
        nights = {date(2026, 10, 25), date(2027, 3, 28)}
        for index, time in enumerate(times):
            if time.start.date() in nights or index % 7 == 0:
                check(offices, time, 30)

    try_them()
    assert max(seen) > 20, "next to nothing was offered: the test says nothing"
