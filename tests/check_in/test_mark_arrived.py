"""A patient arrives at the desk."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from clinic_portal.booking.models import Appointment, AppointmentHistory
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.check_in.rules import EARLIER_DAY, LATER_DAY
from clinic_portal.check_in.use_cases.mark_arrived import mark_arrived
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import FacilityId
from clinic_portal.waiting_room.models import Ticket
from clinic_portal.waiting_room.rules import TicketState
from clinic_portal.waiting_room.use_cases.enter_room import enter_room
from tests.waiting_room.desk import Desk
from tests.waiting_room.visits import make_visit


def tickets(desk: Desk) -> int:
    return desk.db.scalar(select(func.count()).select_from(Ticket)) or 0


def test_arriving_gives_a_place_in_the_queue_and_keeps_the_promise(desk: Desk) -> None:
    visit = make_visit(desk.db, desk.clock, desk.clinic, desk.cast.patient_person, minutes=20)
    before = desk.version()
    facts = mark_arrived(desk.db, desk.clock, appointment_id=visit, **desk.ask())
    ticket = desk.db.scalars(select(Ticket)).one()
    assert facts.state is AppointmentState.ARRIVED
    assert (ticket.state, ticket.number, ticket.minutes) == (TicketState.WAITING, 1, 30)
    assert (ticket.wait_from_minutes, ticket.wait_to_minutes) == (15, 25)
    assert ticket.room_id == desk.clinic.room_1.id
    assert ticket.due_at == desk.clock.now() + timedelta(minutes=20)
    assert desk.version() == before + 1


def test_arriving_twice_is_arriving_once(desk: Desk) -> None:
    visit = make_visit(desk.db, desk.clock, desk.clinic, desk.cast.patient_person)
    for _ in range(2):
        mark_arrived(desk.db, desk.clock, appointment_id=visit, **desk.ask())
    assert tickets(desk) == 1
    history = select(func.count()).select_from(AppointmentHistory).where(AppointmentHistory.appointment_id == visit)
    assert desk.db.scalar(history) == 1
    assert desk.version() == 1


def test_a_stale_press_does_not_bring_somebody_back_from_the_room(desk: Desk) -> None:
    ticket = desk.arrive(desk.cast.patient_person)
    enter_room(desk.db, desk.clock, ticket_id=ticket, **desk.ask())
    visit = desk.row(ticket).appointment_id
    facts = mark_arrived(desk.db, desk.clock, appointment_id=visit, **desk.ask())
    assert facts.state is AppointmentState.CHECKED_IN
    assert desk.row(ticket).state is TicketState.IN_ROOM


@pytest.mark.parametrize(("days", "code"), [(-1, EARLIER_DAY), (1, LATER_DAY)])
def test_nobody_arrives_for_another_day(desk: Desk, days: int, code: str) -> None:
    visit = make_visit(desk.db, desk.clock, desk.clinic, desk.cast.patient_person, minutes=days * 24 * 60)
    with pytest.raises(Conflict) as refusal:
        mark_arrived(desk.db, desk.clock, appointment_id=visit, **desk.ask())
    assert refusal.value.code == code
    assert tickets(desk) == 0


def test_the_day_is_that_of_the_facility(desk: Desk) -> None:
    # 00:30 on Tuesday in Lisbon is still Monday 23:30 in the Azores.
    desk.clock.advance(timedelta(hours=14, minutes=18))
    azores = FacilityId(desk.clinic.azores.id)
    visit = make_visit(
        desk.db, desk.clock, desk.clinic, desk.cast.patient_person, minutes=-90, facility_id=azores,
        room_id=desk.clinic.room_a.id, practitioner=desk.clinic.sofia,
    )  # fmt: skip
    actor = desk.cast.far_receptionist.actor()
    mark_arrived(desk.db, desk.clock, appointment_id=visit, facility_id=azores, actor=actor)
    assert desk.db.scalars(select(Ticket)).one().day.isoformat() == "2026-11-23"


@pytest.mark.parametrize("who", ["patient", "stranger", "far_receptionist"])
def test_for_anybody_who_does_not_work_there_the_visit_does_not_exist(desk: Desk, who: str) -> None:
    visit = make_visit(desk.db, desk.clock, desk.clinic, desk.cast.patient_person)
    actor = getattr(desk.cast, who).actor()
    with pytest.raises(NotFound):
        mark_arrived(desk.db, desk.clock, appointment_id=visit, facility_id=desk.facility_id, actor=actor)
    row = desk.db.get(Appointment, visit, populate_existing=True)
    assert row is not None
    assert row.state is AppointmentState.BOOKED


def test_a_visit_of_another_facility_is_not_found(desk: Desk) -> None:
    visit = make_visit(desk.db, desk.clock, desk.clinic, desk.cast.patient_person)
    administrator = desk.cast.administrator.actor()
    with pytest.raises(NotFound):
        mark_arrived(
            desk.db,
            desk.clock,
            appointment_id=visit,
            facility_id=FacilityId(desk.clinic.azores.id),
            actor=administrator,
        )


def test_a_held_time_is_nobodys_visit(desk: Desk) -> None:
    visit = make_visit(desk.db, desk.clock, desk.clinic, desk.cast.patient_person, state=AppointmentState.PROPOSED)
    with pytest.raises(NotFound):
        mark_arrived(desk.db, desk.clock, appointment_id=visit, **desk.ask())


def test_a_cancelled_visit_cannot_be_arrived_for(desk: Desk) -> None:
    visit = make_visit(desk.db, desk.clock, desk.clinic, desk.cast.patient_person, state=AppointmentState.CANCELLED)
    with pytest.raises(Conflict, match=r"appointment\.state_changed"):
        mark_arrived(desk.db, desk.clock, appointment_id=visit, **desk.ask())


def test_codes_do_not_tell_the_order(desk: Desk) -> None:
    codes = [desk.row(desk.arrive(desk.person(f"P{index}"), minutes=index * 30)).code for index in range(8)]
    assert len(set(codes)) == 8
    assert codes != sorted(codes), "one in 40,320 by chance"
