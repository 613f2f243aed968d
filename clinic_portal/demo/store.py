"""Reads the demo's visits, and writes what has become of them: a few statements with many rows."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import Insert, case, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_update
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment, AppointmentHistory
from clinic_portal.booking.rules import Stretch
from clinic_portal.core.db import Base
from clinic_portal.core.modes import Mode
from clinic_portal.demo.clinic import Hours, Place, Worker
from clinic_portal.demo.ledger import UNFINISHED, Ledger, Slip, Visit, day_of
from clinic_portal.practitioners.models import WeeklyHours
from clinic_portal.waiting_room.models import Queue, Ticket
from clinic_portal.waiting_room.rules import free_codes

#: Visits that ended longer ago are left alone.
LOOK_BACK = timedelta(days=35)


def read_ledger(db: Session, now: datetime) -> Ledger:
    """Return the visits since a month ago, and older ones that never ended."""
    statement = (
        select(
            Appointment.id,
            Appointment.reference,
            Appointment.state,
            Appointment.facility_id,
            Appointment.practitioner_id,
            Appointment.room_id,
            Appointment.patient_id,
            Appointment.starts_at,
            Appointment.ends_at,
            Appointment.busy_from,
            Appointment.busy_until,
            Ticket.id,
            Ticket.state,
            Ticket.arrived_at,
            Ticket.number,
            Ticket.code,
            Ticket.called_at,
            Ticket.calls,
            Ticket.entered_at,
            Ticket.ended_at,
        )
        .outerjoin(Ticket, Ticket.appointment_id == Appointment.id)
        .where(or_(Appointment.starts_at >= now - LOOK_BACK, Appointment.state.in_(UNFINISHED)))
    )
    visits: list[Visit] = []
    for row in db.execute(statement):
        values: list[Any] = list(row)  # As many columns as two classes have fields: checked by their constructors.
        values[9:11] = [Stretch(*values[9:11])]
        visit = Visit(*values[:10])
        if values[10] is not None:
            visit.slip = Slip(*values[10:])
        visits.append(visit)
    return Ledger(visits, now)


def write_ledger(db: Session, ledger: Ledger, places: Sequence[Place]) -> None:
    """Write all that is new or changed."""
    _write_appointments(db, ledger)
    if ledger.history:
        db.execute(_insert(AppointmentHistory), ledger.history)
    _write_tickets(db, ledger, places)
    db.expire_all()


def _insert(table: type[Base]) -> Insert:
    # Without this, rows that differ in what is null would each be a statement of their own.
    return insert(table).execution_options(render_nulls=True)


def _write_appointments(db: Session, ledger: Ledger) -> None:
    new = {visit.id for visit in ledger.added}
    if ledger.added:
        db.execute(_insert(Appointment), [_appointment(visit) for visit in ledger.added])
    changed = [{"id": visit.id, "state": visit.state} for visit in ledger.changed.values() if visit.id not in new]
    if changed:
        db.execute(update(Appointment), changed)


def _appointment(visit: Visit) -> dict[str, object]:
    if visit.treatment is None or visit.booker is None or visit.booked_at is None:
        raise ValueError("a visit that was read from the database is not new")
    return {
        "id": visit.id,
        "reference": visit.reference,
        "state": visit.state,
        "practitioner_id": visit.worker_id,
        "service_id": visit.treatment.id,
        "facility_id": visit.facility_id,
        "room_id": visit.room_id,
        "mode": Mode.ONLINE if visit.room_id is None else Mode.IN_PERSON,
        "patient_id": visit.patient_id,
        "starts_at": visit.start,
        "ends_at": visit.end,
        "busy_from": visit.busy.start,
        "busy_until": visit.busy.end,
        "price_minor": visit.treatment.price_minor,
        "any_practitioner": visit.id.int % 3 == 0,
        "booked_by_account_id": visit.booker.account_id,
        "created_at": visit.booked_at - timedelta(seconds=90),
        "booked_at": visit.booked_at,
        "cancelled_at": visit.cancelled_at,
        "sequence": 1 if visit.cancelled_at else 0,
    }


def _write_tickets(db: Session, ledger: Ledger, places: Sequence[Place]) -> None:
    at = {place.id: place for place in places}
    days: dict[tuple[UUID, date], list[tuple[Slip, Visit]]] = defaultdict(list)
    moved: list[dict[str, object]] = []
    for visit in ledger.changed.values():
        if visit.slip and visit.slip.is_new:
            days[visit.facility_id, day_of(at[visit.facility_id], visit)].append((visit.slip, visit))
        elif visit.slip:
            moved.append({"id": visit.slip.id, **_moves(visit.slip)})
    if moved:
        db.execute(update(Ticket), moved)
    if days:
        used = _numbers(db, min(day for _, day in days))
        rows = [row for key, new in days.items() for row in _tickets(at[key[0]], key[1], new, used[key])]
        db.execute(_insert(Ticket), rows)


def _numbers(db: Session, since: date) -> dict[tuple[UUID, date], tuple[list[int], list[str]]]:
    """Return the numbers and codes that were given, by facility and day."""
    used: dict[tuple[UUID, date], tuple[list[int], list[str]]] = defaultdict(lambda: ([0], []))
    statement = select(Ticket.facility_id, Ticket.day, Ticket.number, Ticket.code).where(Ticket.day >= since)
    for facility_id, day, number, code in db.execute(statement):
        used[facility_id, day][0].append(number)
        used[facility_id, day][1].append(code)
    for facility_id, day, number in db.execute(select(Queue.facility_id, Queue.day, Queue.last_number)):
        used[facility_id, day][0].append(number)
    return used


def _tickets(
    place: Place, day: date, new: list[tuple[Slip, Visit]], used: tuple[list[int], list[str]]
) -> list[dict[str, object]]:
    """Return the rows of a day's new tickets, numbered as their holders arrived."""
    numbers, taken = used
    chance = Random(f"codes:{place.content.slug}:{day}")  # noqa: S311 - the same every time, not a secret
    codes = chance.sample(free_codes(taken), len(new))
    new.sort(key=lambda pair: (pair[0].arrived_at, pair[1].reference))
    for number, ((slip, _), code) in enumerate(zip(new, codes, strict=True), start=max(numbers) + 1):
        slip.number, slip.code = number, code
    return [_ticket(visit, slip, day) for slip, visit in new]


def _ticket(visit: Visit, slip: Slip, day: date) -> dict[str, object]:
    wait_from, wait_to = slip.wait or (None, None)
    return {
        "id": slip.id,
        "facility_id": visit.facility_id,
        "day": day,
        "number": slip.number,
        "code": slip.code,
        "appointment_id": visit.id,
        "patient_id": visit.patient_id,
        "practitioner_id": visit.worker_id,
        "due_at": visit.start,
        "minutes": visit.minutes,
        "arrived_at": slip.arrived_at,
        "room_id": visit.room_id,
        "wait_from_minutes": wait_from,
        "wait_to_minutes": wait_to,
        **_moves(slip),
    }


def _moves(slip: Slip) -> dict[str, object]:
    return {
        "state": slip.state,
        "called_at": slip.called_at,
        "calls": slip.calls,
        "entered_at": slip.entered_at,
        "ended_at": slip.ended_at,
    }


def write_hours(db: Session, rows: Sequence[tuple[Place, Worker, Hours]]) -> None:
    """Write hours that are worked on one day only."""
    if rows:
        db.execute(
            insert(WeeklyHours),
            [
                {
                    "practitioner_id": worker.id,
                    "facility_id": place.id,
                    "room_id": None if worker.is_in_any_room else worker.room_id,
                    "mode": Mode.IN_PERSON,
                    "weekday": hours.weekday,
                    "starts_minute": hours.starts_minute,
                    "ends_minute": hours.ends_minute,
                    "valid_from": hours.valid_from,
                    "valid_until": hours.valid_until,
                }
                for place, worker, hours in rows
            ],
        )


def turn_queue(db: Session, place: Place, day: date) -> None:
    """Turn the facility's queue to a day, and tell pages that what they show is old."""
    last = db.scalar(select(func.max(Ticket.number)).where(Ticket.facility_id == place.id, Ticket.day == day)) or 0
    queue = insert_or_update(Queue).values(facility_id=place.id, day=day, last_number=last, version=1)
    db.execute(
        queue.on_conflict_do_update(
            index_elements=[Queue.facility_id],
            set_={
                "day": day,
                "last_number": case((Queue.day == day, func.greatest(Queue.last_number, last)), else_=last),
                "version": Queue.version + 1,
            },
        )
    )
