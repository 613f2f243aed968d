"""Hours in any free room: a time is offered when some room is free, and whoever takes it gets one."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.queries import takers
from clinic_portal.booking.queries.stranded import outside_hours
from clinic_portal.booking.steps import NewTime
from clinic_portal.booking.use_cases.book_by_phone import PhoneBooking, book_by_phone
from clinic_portal.booking.use_cases.book_series import book_series
from clinic_portal.booking.use_cases.change_hours import change_hours
from clinic_portal.booking.use_cases.hold_time import hold_time
from clinic_portal.booking.use_cases.move_appointment import move_appointment
from clinic_portal.booking.use_cases.move_later_sessions import move_later_sessions
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import Conflict
from clinic_portal.core.ids import AppointmentId, FacilityId, PatientId, PractitionerId, ServiceId
from clinic_portal.core.modes import Mode
from clinic_portal.facilities.models import Room
from clinic_portal.facilities.rules import Direction
from clinic_portal.practitioners.models import ExtraHours, Practitioner, WeeklyHours
from clinic_portal.practitioners.steps import AddExtra, AddWeekly
from tests.booking.factory import THURSDAY, make_appointment
from tests.booking.holding import choose
from tests.booking.hours import DAY, extra, hours
from tests.booking.series import A_WEEK, make_series
from tests.booking.series import choice as series_choice
from tests.booking.test_free_times import WHOLE_DAY, ines, walls, wish
from tests.booking.waiting import TUESDAY, free_a_time, join, offer_all, offers
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.statements import statements


def any_room(db: Session, *people: Practitioner) -> None:
    """Have these people work in any room that is free."""
    ids = [one.id for one in people]
    db.execute(update(WeeklyHours).where(WeeklyHours.practitioner_id.in_(ids)).values(room_id=None))
    db.commit()


def add_room(db: Session, clinic: Clinic, name: str) -> Room:
    row = Room(facility_id=clinic.lisbon.id, name=name, direction=Direction.LEFT)
    db.add(row)
    db.commit()
    return row


def away(db: Session, who: Practitioner) -> None:
    """Nobody's hours any more: their room is planned for nobody."""
    db.execute(delete(WeeklyHours).where(WeeklyHours.practitioner_id == who.id))
    db.commit()


def rooms_asked(db: Session, clock: FixedClock, clinic: Clinic, at: datetime = THURSDAY) -> list[str]:
    _, found = takers(db, clock, ines(clinic), start=at)
    names = {row.id: row.name for row in db.scalars(select(Room))}
    return [names[taker.room_id] for taker in found]


def test_a_time_is_offered_while_some_room_is_free(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    any_room(db, clinic.ines)
    assert walls(db, clock, ines(clinic)) == WHOLE_DAY
    make_appointment(db, clinic, cast.patient_person, practitioner=clinic.rui)  # 10:30 to 11:00 in room 2
    assert walls(db, clock, ines(clinic)) == WHOLE_DAY
    other = Practitioner(given_name="Marco", family_name="Dias")
    db.add(other)
    db.flush()
    make_appointment(
        db, clinic, cast.stranger_person, practitioner=other, room_id=clinic.room_1.id,
        at=THURSDAY - timedelta(minutes=10),
    )  # fmt: skip
    # Room 1 is taken from 10:20 to 10:50, room 2 from 10:30 to 11:00: at 10:00 room 2 is free, and at 10:50 room 1.
    assert walls(db, clock, ines(clinic))[:5] == ["09:00", "09:30", "10:00", "10:50", "11:20"]


def test_without_a_room_nothing_is_offered(db: Session, clock: FixedClock, clinic: Clinic) -> None:
    any_room(db, clinic.ines)
    away(db, clinic.rui)
    db.execute(delete(Room).where(Room.facility_id == clinic.lisbon.id))
    db.commit()
    assert walls(db, clock, ines(clinic)) == []
    assert takers(db, clock, ines(clinic), start=THURSDAY)[1] == []


def test_two_statements_for_days_and_no_more_to_hold(db: Session, clock: FixedClock, clinic: Clinic) -> None:
    any_room(db, clinic.ines, clinic.rui)
    with statements(db) as seen:
        walls(db, clock, ines(clinic))
    assert len(seen) == 2
    with statements(db) as seen:
        takers(db, clock, wish(clinic), start=THURSDAY)
    assert len(seen) == 2


def test_first_come_rooms_that_nobody_has_as_theirs(db: Session, clock: FixedClock, clinic: Clinic) -> None:
    any_room(db, clinic.ines)
    assert rooms_asked(db, clock, clinic) == ["1", "2"]  # Rui works in room 2 then.
    any_room(db, clinic.rui)
    away(db, clinic.sofia)
    db.add(
        ExtraHours(
            practitioner_id=clinic.sofia.id, facility_id=clinic.lisbon.id, room_id=clinic.room_1.id,
            mode=Mode.IN_PERSON, day=DAY, starts_minute=600, ends_minute=700,
        )
    )  # fmt: skip
    db.commit()
    add_room(db, clinic, "0")
    assert rooms_asked(db, clock, clinic) == ["0", "2", "1"]
    assert rooms_asked(db, clock, clinic, THURSDAY + timedelta(hours=2)) == ["0", "1", "2"]  # Her hours are over.
    assert rooms_asked(db, clock, clinic, THURSDAY + timedelta(days=1)) == ["0", "1", "2"]


def test_who_comes_by_load_first_then_the_room(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    any_room(db, clinic.ines, clinic.rui)
    make_appointment(db, clinic, cast.patient_person, at=THURSDAY + timedelta(hours=5))
    _, found = takers(db, clock, wish(clinic), start=THURSDAY)
    assert [(one.practitioner_id, one.room_id) for one in found] == [
        (who.id, room.id) for who in (clinic.rui, clinic.ines) for room in (clinic.room_1, clinic.room_2)
    ]


def test_each_hold_gets_a_room_of_its_own_and_the_last_rival_none(
    db: Session, clock: FixedClock, clinic: Clinic
) -> None:
    any_room(db, clinic.ines, clinic.rui)
    held = [hold_time(db, clock, choice=choose(clinic), hold_key=key, actor=None) for key in "ab"]
    assert [one.room_id for one in held] == [clinic.room_1.id, clinic.room_2.id]
    assert {one.practitioner_id for one in held} == {clinic.ines.id, clinic.rui.id}
    with pytest.raises(Conflict, match="slot_taken"):
        hold_time(db, clock, choice=choose(clinic), hold_key="c", actor=None)


def test_one_room_is_not_given_to_two(db: Session, clock: FixedClock, clinic: Clinic) -> None:
    any_room(db, clinic.ines, clinic.rui)
    db.execute(delete(Room).where(Room.id == clinic.room_2.id))
    db.commit()
    hold_time(db, clock, choice=choose(clinic, practitioner=clinic.ines), hold_key="a", actor=None)
    assert "10:30" not in walls(db, clock, wish(clinic, practitioner_id=PractitionerId(clinic.rui.id)))
    with pytest.raises(Conflict, match="slot_taken"):
        hold_time(db, clock, choice=choose(clinic, practitioner=clinic.rui), hold_key="b", actor=None)


def test_an_expired_hold_in_one_of_the_rooms_is_swept_aside(db: Session, clock: FixedClock, clinic: Clinic) -> None:
    any_room(db, clinic.ines, clinic.rui)
    for key in "ab":
        hold_time(db, clock, choice=choose(clinic), hold_key=key, actor=None)
    clock.advance(timedelta(minutes=10))
    held = hold_time(db, clock, choice=choose(clinic, practitioner=clinic.rui), hold_key="c", actor=None)
    assert held.room_id == clinic.room_1.id


def test_the_desk_gives_a_room_too(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    any_room(db, clinic.ines)
    make_appointment(db, clinic, cast.stranger_person, practitioner=clinic.rui, room_id=clinic.room_1.id)
    to = NewTime(FacilityId(clinic.lisbon.id), THURSDAY, PractitionerId(clinic.ines.id))
    booking = PhoneBooking(PatientId(cast.patient_person.id), ServiceId(clinic.massage.id), to)
    booked = book_by_phone(db, clock, booking=booking, actor=cast.receptionist.actor())
    assert booked.room_id == clinic.room_2.id


def test_a_moved_visit_gets_a_room_that_is_free_at_its_new_time(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    any_room(db, clinic.ines)
    quarter = timedelta(minutes=15)
    visit = make_appointment(db, clinic, cast.patient_person, at=THURSDAY + quarter)
    sooner = THURSDAY  # Overlaps with what it has now.
    make_appointment(
        db, clinic, cast.stranger_person, practitioner=clinic.rui, room_id=clinic.room_1.id, at=THURSDAY - quarter
    )
    to = NewTime(FacilityId(clinic.lisbon.id), sooner, PractitionerId(clinic.ines.id))
    moved = move_appointment(db, clock, appointment_id=AppointmentId(visit.id), to=to, actor=cast.patient.actor())
    assert (moved.starts_at, moved.room_id) == (sooner, clinic.room_2.id)


def test_the_sessions_of_a_series_get_rooms_one_by_one(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    any_room(db, clinic.ines)
    in_the_way = THURSDAY + A_WEEK
    make_appointment(db, clinic, cast.stranger_person, practitioner=clinic.rui, room_id=clinic.room_1.id, at=in_the_way)
    book_series(db, clock, choice=series_choice(clinic, cast.patient_person), actor=cast.patient.actor())
    rows = db.scalars(select(Appointment).where(Appointment.series_id.is_not(None)).order_by(Appointment.starts_at))
    rooms = [row.room_id for row in rows]
    assert rooms == [clinic.room_1.id, clinic.room_2.id, clinic.room_1.id, clinic.room_1.id]


def test_later_sessions_are_moved_into_other_rooms(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    any_room(db, clinic.ines)
    _, rows = make_series(db, clinic, cast.patient_person, sessions=2)
    hour = timedelta(hours=1)
    make_appointment(
        db, clinic, cast.stranger_person, practitioner=clinic.rui, room_id=clinic.room_1.id, at=THURSDAY + hour
    )
    starts = (THURSDAY + hour, THURSDAY + A_WEEK + hour)
    move_later_sessions(db, clock, appointment_id=AppointmentId(rows[0].id), actor=cast.patient.actor(), starts=starts)
    rooms = [db.get_one(Appointment, row.id, populate_existing=True).room_id for row in rows]
    assert rooms == [clinic.room_2.id, clinic.room_1.id]


def test_an_offered_time_is_held_in_the_room_that_is_left(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    any_room(db, clinic.ines)
    join(db, clock, clinic, cast.patient, cast.patient_person)
    make_appointment(db, clinic, cast.guardian_person, practitioner=clinic.rui, room_id=clinic.room_2.id, at=TUESDAY)
    freed = free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person)
    assert offer_all(db, clock, freed) == 1
    (offer,) = offers(db)
    assert db.get_one(Appointment, offer.hold_id).room_id == clinic.room_1.id


@pytest.mark.parametrize("room", ["room_1", "room_2"])
def test_a_visit_in_whatever_room_lies_in_the_hours(db: Session, clinic: Clinic, cast: Cast, room: str) -> None:
    any_room(db, clinic.ines)
    inside = make_appointment(db, clinic, cast.patient_person, room_id=getattr(clinic, room).id)
    online = make_appointment(
        db, clinic, cast.stranger_person, room_id=None, mode=Mode.ONLINE, at=THURSDAY + timedelta(hours=1)
    )
    late = make_appointment(db, clinic, cast.guardian_person, at=THURSDAY.replace(hour=17, minute=45))
    assert outside_hours(db, [inside, online, late]) == {online.id, late.id}


def test_a_change_to_any_room_strands_nobody(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    """And nobody is refused because somebody has the room: it is only taken when it is free."""
    make_appointment(db, clinic, cast.patient_person)
    away(db, clinic.ines)
    actor = cast.administrator.actor()
    for change in (
        AddWeekly(hours(clinic, any_room=True)),
        AddExtra(extra(clinic, date(2026, 11, 29), any_room=True)),
    ):
        change_hours(db, clock, change=change, answers={}, actor=actor)
    assert set(db.scalars(select(WeeklyHours.room_id).where(WeeklyHours.practitioner_id == clinic.ines.id))) == {None}
    assert rooms_asked(db, clock, clinic, datetime(2026, 11, 29, 10, 0, tzinfo=UTC)) == ["1", "2"]


def test_hours_online_still_have_no_room(db: Session, clinic: Clinic) -> None:
    db.scalars(select(WeeklyHours).limit(1)).one().mode = Mode.ONLINE
    with pytest.raises(IntegrityError, match="no_room_online"):
        db.flush()
