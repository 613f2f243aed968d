"""What is true of the demo clinic at any moment, and what it holds."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import pairwise
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment, AppointmentHistory
from clinic_portal.booking.rules import AppointmentState, may_follow, working_stretch
from clinic_portal.core.clock import day_bounds, local_day
from clinic_portal.core.db import Base
from clinic_portal.core.ids import FacilityId
from clinic_portal.core.modes import Mode
from clinic_portal.facilities.models import Facility
from clinic_portal.facilities.queries import closed_days_of
from clinic_portal.notifications.models import Message
from clinic_portal.practitioners.models import WeeklyHours
from clinic_portal.waiting_room.models import Queue, Ticket
from clinic_portal.waiting_room.rules import TicketState

#: The ticket that belongs to a visit's state; a visit in another state has none.
TICKETS = {
    AppointmentState.ARRIVED: {TicketState.WAITING, TicketState.CALLED},
    AppointmentState.CHECKED_IN: {TicketState.IN_ROOM},
    AppointmentState.FULFILLED: {TicketState.DONE},
}
OPEN_STATES = {AppointmentState.BOOKED, AppointmentState.ARRIVED, AppointmentState.CHECKED_IN}


@dataclass(frozen=True)
class Day:
    """A facility's day at a moment."""

    done: int
    in_room: int
    called: int
    waiting: int
    late: int
    later: int


def day_at(db: Session, slug: str, now: datetime) -> Day:
    facility = db.scalars(select(Facility).where(Facility.slug == slug)).one()
    today = local_day(now, facility.tz)
    start, end = day_bounds(today, facility.tz)
    tickets = list(db.scalars(select(Ticket).where(Ticket.facility_id == facility.id, Ticket.day == today)))
    booked = list(
        db.scalars(
            select(Appointment.starts_at).where(
                Appointment.facility_id == facility.id,
                Appointment.state == AppointmentState.BOOKED,
                Appointment.starts_at >= start,
                Appointment.starts_at < end,
            )
        )
    )
    count = {state: sum(1 for ticket in tickets if ticket.state is state) for state in TicketState}
    return Day(
        done=count[TicketState.DONE],
        in_room=count[TicketState.IN_ROOM],
        called=count[TicketState.CALLED],
        waiting=count[TicketState.WAITING],
        late=sum(1 for at in booked if at < now),
        later=sum(1 for at in booked if at >= now),
    )


def snapshot(db: Session) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    return {
        table.name: sorted((tuple(row) for row in db.execute(table.select())), key=str)
        for table in Base.metadata.sorted_tables
    }


def assert_holds_together(db: Session, now: datetime) -> None:
    """Hours, history, tickets and queues agree with the visits; nobody is told anything; what is past is over."""
    assert db.scalar(select(func.count()).select_from(Message)) == 0
    visits = list(db.scalars(select(Appointment).execution_options(populate_existing=True)))
    zones = {row.id: row.tz for row in db.execute(select(Facility.id, Facility.tz))}
    _assert_in_hours(db, visits, zones)
    _assert_history(db, visits, now)
    _assert_tickets(db, visits, zones, now)
    for visit in visits:
        if local_day(visit.starts_at, zones[visit.facility_id]) < local_day(now, zones[visit.facility_id]):
            assert visit.state not in OPEN_STATES
        assert (visit.cancelled_at is not None) == (visit.state is AppointmentState.CANCELLED)


def _assert_in_hours(db: Session, visits: list[Appointment], zones: dict[UUID, str]) -> None:
    hours: dict[tuple[UUID, UUID | None, UUID], list[WeeklyHours]] = defaultdict(list)
    for row in db.scalars(select(WeeklyHours).order_by(WeeklyHours.starts_minute)):
        hours[row.practitioner_id, row.room_id, row.facility_id].append(row)
    for visit in visits:
        day = local_day(visit.starts_at, zones[visit.facility_id])
        assert day not in closed_days_of(db, FacilityId(visit.facility_id), from_day=day, to_day=day)
        places = ((visit.practitioner_id, room, visit.facility_id) for room in (visit.room_id, None))
        rows = [row for place in places for row in hours[place]]  # Hours without a room are in any room.
        assert _is_covered(visit, [row for row in rows if _holds(row, day)], day, zones[visit.facility_id])


def _holds(row: WeeklyHours, day: date) -> bool:
    return row.weekday == day.weekday() and row.valid_from <= day <= (row.valid_until or day)


def _is_covered(visit: Appointment, rows: list[WeeklyHours], day: date, tz: str) -> bool:
    covered = visit.starts_at
    for row in rows:
        stretch = working_stretch(day, row.starts_minute, row.ends_minute, tz)
        if stretch is not None and stretch.start <= covered:
            covered = max(covered, stretch.end)
    return covered >= visit.ends_at


def _assert_history(db: Session, visits: list[Appointment], now: datetime) -> None:
    lines: dict[UUID, list[AppointmentHistory]] = defaultdict(list)
    for line in db.scalars(select(AppointmentHistory).order_by(AppointmentHistory.id)):
        lines[line.appointment_id].append(line)
    for visit in visits:
        story = lines[visit.id]
        assert [story[0].from_state, story[0].to_state] == [None, AppointmentState.PROPOSED]
        assert story[-1].to_state is visit.state
        for before, after in pairwise(story):
            assert after.from_state is before.to_state
            assert may_follow(before.to_state, after.to_state)
            assert before.at <= after.at <= now


def _assert_tickets(db: Session, visits: list[Appointment], zones: dict[UUID, str], now: datetime) -> None:
    tickets = list(db.scalars(select(Ticket).execution_options(populate_existing=True)))
    by_visit = {ticket.appointment_id: ticket for ticket in tickets}
    visits = [visit for visit in visits if visit.mode is Mode.IN_PERSON]  # Nobody waits for their turn online.
    assert {visit.id for visit in visits if visit.state in TICKETS} == set(by_visit)
    for visit in visits:
        if visit.state in TICKETS:
            ticket = by_visit[visit.id]
            assert ticket.state in TICKETS[visit.state]
            assert ticket.day == local_day(visit.starts_at, zones[visit.facility_id])
            moments = [ticket.arrived_at, ticket.called_at, ticket.entered_at, ticket.ended_at]
            known = [at for at in moments if at is not None]
            assert known == sorted(known)
            assert known[-1] <= now
    for queue in db.scalars(select(Queue).execution_options(populate_existing=True)):
        assert queue.day == local_day(now, zones[queue.facility_id])
        numbers = [one.number for one in tickets if (one.facility_id, one.day) == (queue.facility_id, queue.day)]
        assert sorted(numbers) == list(range(1, len(numbers) + 1))
        assert queue.last_number == len(numbers)


def utc(moment: str) -> datetime:
    return datetime.fromisoformat(moment).replace(tzinfo=UTC)
