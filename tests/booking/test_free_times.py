"""Free times from the database: what is offered, to whom, in how many statements."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from clinic_portal.booking.queries import PartOfDay, Wish, free_times, nearest_times, next_free_day, takers
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.core.clock import FixedClock, zone
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import FacilityId, PractitionerId, ServiceId, new_id
from clinic_portal.core.modes import Mode
from clinic_portal.facilities.models import Closure, Room
from clinic_portal.facilities.rules import Direction
from clinic_portal.practitioners.models import Absence, Practitioner, PractitionerService, WeeklyHours
from tests.booking.factory import THURSDAY, make_appointment
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.statements import statements

DAY = THURSDAY.date()


def wish(clinic: Clinic, **other: object) -> Wish:
    values: dict[str, object] = {
        "service_id": ServiceId(clinic.massage.id),
        "facility_id": FacilityId(clinic.lisbon.id),
    }
    return Wish(**values | other)  # type: ignore[arg-type]


def ines(clinic: Clinic) -> Wish:
    return wish(clinic, practitioner_id=PractitionerId(clinic.ines.id))


def walls(db: Session, clock: FixedClock, wanted: Wish, day: date = DAY, tz: str = "Europe/Lisbon") -> list[str]:
    found = free_times(db, clock, wanted, from_day=day, days=1)
    return [f"{time.start.astimezone(zone(tz)):%H:%M}" for one in found.days for time in one.times]


WHOLE_DAY = [f"{hour:02}:{minute:02}" for hour in (9, 10, 11, 12, 14, 15, 16, 17) for minute in (0, 30)]


def test_an_empty_day_offers_all_hours(db: Session, clock: FixedClock, clinic: Clinic) -> None:
    assert walls(db, clock, ines(clinic)) == WHOLE_DAY


def test_visits_absences_and_rooms_take_times_away(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    make_appointment(db, clinic, cast.patient_person, at=THURSDAY, service=clinic.shock_waves)  # 10:30 to 11:15
    db.add(
        Absence(
            practitioner_id=clinic.ines.id, starts_at=THURSDAY.replace(hour=14, minute=0),
            ends_at=THURSDAY.replace(hour=16, minute=10), reason="course",
        )
    )  # fmt: skip
    make_appointment(
        db, clinic, cast.stranger_person, practitioner=clinic.rui, room_id=clinic.room_1.id,
        at=THURSDAY.replace(hour=17, minute=0),
    )  # fmt: skip
    assert walls(db, clock, ines(clinic)) == [
        "09:00", "09:30", "10:00", "11:15", "11:45", "12:15", "16:10", "17:30",
    ]  # fmt: skip


@pytest.mark.parametrize("state", AppointmentState)
def test_only_live_appointments_take_times(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, state: AppointmentState
) -> None:
    held = {"held_until": clock.now() + timedelta(minutes=1)} if state is AppointmentState.PROPOSED else {}
    make_appointment(db, clinic, cast.patient_person, state=state, **held)
    gone = {AppointmentState.CANCELLED, AppointmentState.NOSHOW, AppointmentState.ENTERED_IN_ERROR}
    assert ("10:30" in walls(db, clock, ines(clinic))) is (state in gone)


def test_a_closed_day_is_no_day_and_a_full_one_is_a_day_without_times(
    db: Session, clock: FixedClock, clinic: Clinic
) -> None:
    db.add(Closure(facility_id=clinic.lisbon.id, day=DAY, reason="holiday"))
    day_after = THURSDAY + timedelta(days=1)
    db.add(
        Absence(
            practitioner_id=clinic.ines.id, starts_at=day_after.replace(hour=0), ends_at=day_after.replace(hour=23),
            reason="ill",
        )
    )  # fmt: skip
    db.commit()
    found = free_times(db, clock, ines(clinic), from_day=DAY, days=3)
    assert [(day.day.isoformat(), day.times) for day in found.days] == [("2026-11-27", ())]


def test_today_starts_after_the_notice_and_yesterday_is_over(db: Session, clock: FixedClock, clinic: Clinic) -> None:
    today = clock.now().date()
    assert walls(db, clock, ines(clinic), today)[0] == "11:30"
    clock.at = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
    assert walls(db, clock, ines(clinic), today)[0] == "11:30"
    assert walls(db, clock, ines(clinic), today - timedelta(days=3)) == []


def test_the_calendar_ends_at_the_horizon(db: Session, clock: FixedClock, clinic: Clinic) -> None:
    found = free_times(db, clock, ines(clinic), from_day=date(2027, 2, 15), days=14)
    assert found.days[-1].day == date(2027, 2, 19)
    assert found.next_from is None
    assert free_times(db, clock, ines(clinic), from_day=DAY).next_from == DAY + timedelta(days=14)


def test_hours_hold_only_while_they_are_valid(db: Session, clock: FixedClock, clinic: Clinic) -> None:
    for row in db.query(WeeklyHours).filter_by(practitioner_id=clinic.ines.id):
        row.valid_until = DAY
    db.commit()
    assert walls(db, clock, ines(clinic), DAY) == WHOLE_DAY
    assert walls(db, clock, ines(clinic), DAY + timedelta(days=1)) == []
    # Also on a page that shows the days on both sides of the last one, and for who holds a time of the day after.
    around = free_times(db, clock, ines(clinic), from_day=DAY - timedelta(days=1), days=14)
    assert [day.day for day in around.days] == [DAY - timedelta(days=1), DAY]
    assert takers(db, clock, ines(clinic), start=THURSDAY)[1]
    assert not takers(db, clock, ines(clinic), start=THURSDAY + timedelta(days=1))[1]


def test_with_no_preference_each_start_is_offered_once_and_the_load_is_spread(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    make_appointment(db, clinic, cast.patient_person, practitioner=clinic.ines)
    (day,) = free_times(db, clock, wish(clinic), from_day=DAY, days=1).days
    assert len({time.start for time in day.times}) == len(day.times) == len(WHOLE_DAY)
    who = {time.start: time.practitioner_ids for time in day.times}
    assert who[THURSDAY] == (clinic.rui.id,)
    assert who[THURSDAY + timedelta(minutes=30)] == (clinic.rui.id, clinic.ines.id)


def test_the_azores_have_their_own_clock(db: Session, clock: FixedClock, clinic: Clinic) -> None:
    wanted = wish(clinic, facility_id=FacilityId(clinic.azores.id))
    assert walls(db, clock, wanted, tz="Atlantic/Azores") == WHOLE_DAY[:8]
    (day,) = free_times(db, clock, wanted, from_day=DAY, days=1).days
    assert day.times[0].start == datetime(2026, 11, 26, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("part", "first", "last"),
    [
        (PartOfDay.MORNING, "09:00", "11:30"),
        (PartOfDay.AFTERNOON, "12:00", "16:30"),
        (PartOfDay.AFTER_WORK, "17:00", "17:30"),
    ],
)
def test_a_part_of_the_day(
    db: Session, clock: FixedClock, clinic: Clinic, part: PartOfDay, first: str, last: str
) -> None:
    found = walls(db, clock, wish(clinic, practitioner_id=PractitionerId(clinic.ines.id), part=part))
    assert (found[0], found[-1]) == (first, last)


def test_four_statements_for_thirty_practitioners(db: Session, clock: FixedClock, clinic: Clinic) -> None:
    for number in range(30):
        person = Practitioner(given_name=f"Given{number}", family_name="Family")
        room = Room(facility_id=clinic.lisbon.id, name=f"R{number}", direction=Direction.LEFT)
        db.add_all([person, room])
        db.flush()
        db.add(PractitionerService(practitioner_id=person.id, service_id=clinic.massage.id))
        db.add_all(
            WeeklyHours(
                practitioner_id=person.id, facility_id=clinic.lisbon.id, room_id=room.id, mode=Mode.IN_PERSON,
                weekday=weekday, starts_minute=540, ends_minute=1080, valid_from=date(2020, 1, 1),
            )
            for weekday in range(5)
        )  # fmt: skip
    db.commit()
    with statements(db) as seen:
        found = free_times(db, clock, wish(clinic, facility_id=None), from_day=DAY)
    assert len(seen) <= 4, seen
    assert len(found.days[0].times[0].practitioner_ids) == 32


def test_the_next_free_day_is_found_months_ahead_in_a_few_statements(
    db: Session, clock: FixedClock, clinic: Clinic
) -> None:
    db.add(
        Absence(
            practitioner_id=clinic.ines.id, starts_at=clock.now() - timedelta(days=1),
            ends_at=datetime(2027, 2, 9, 12, 0, tzinfo=UTC), reason="leave",
        )
    )  # fmt: skip
    db.commit()
    with statements(db) as seen:
        assert next_free_day(db, clock, ines(clinic), from_day=clock.now().date()) == date(2027, 2, 9)
    assert len(seen) <= 6
    morning = wish(clinic, practitioner_id=PractitionerId(clinic.ines.id), part=PartOfDay.MORNING)
    assert next_free_day(db, clock, morning, from_day=clock.now().date()) == date(2027, 2, 10)


def test_no_free_day_up_to_the_horizon(db: Session, clock: FixedClock, clinic: Clinic) -> None:
    nobody = wish(clinic, service_id=ServiceId(clinic.shock_waves.id), facility_id=FacilityId(clinic.azores.id))
    assert next_free_day(db, clock, nobody, from_day=DAY) is None
    assert nearest_times(db, clock, nobody, around=THURSDAY) == []
    sundays = wish(clinic, facility_id=FacilityId(clinic.azores.id), part=PartOfDay.AFTER_WORK)
    assert next_free_day(db, clock, sundays, from_day=DAY) is None


def test_the_nearest_times_are_before_and_after(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    make_appointment(db, clinic, cast.patient_person, practitioner=clinic.ines)
    found = nearest_times(db, clock, ines(clinic), around=THURSDAY)
    assert [f"{time.start:%d %H:%M}" for time in found] == ["26 09:30", "26 10:00", "26 11:00"]


def test_the_nearest_times_may_be_weeks_away(db: Session, clock: FixedClock, clinic: Clinic) -> None:
    db.add(
        Absence(
            practitioner_id=clinic.ines.id, starts_at=clock.now(), ends_at=datetime(2027, 1, 13, 9, 0, tzinfo=UTC),
            reason="leave",
        )
    )  # fmt: skip
    db.commit()
    found = nearest_times(db, clock, ines(clinic), around=THURSDAY)
    assert [f"{time.start:%Y-%m-%d %H:%M}" for time in found] == [
        "2027-01-13 09:00", "2027-01-13 09:30", "2027-01-13 10:00",
    ]  # fmt: skip


def test_unknown_services_and_places_are_not_found(db: Session, clock: FixedClock, clinic: Clinic) -> None:
    for wanted in (wish(clinic, service_id=ServiceId(new_id())), wish(clinic, facility_id=FacilityId(new_id()))):
        with pytest.raises(NotFound):
            free_times(db, clock, wanted, from_day=DAY)
