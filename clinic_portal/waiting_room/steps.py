"""What happens to the queue inside somebody's transaction. Never commits."""

import secrets
from datetime import timedelta

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from clinic_portal.booking.events import AppointmentBooked, AppointmentCancelled, AppointmentMoved
from clinic_portal.booking.queries import appointment_at, lock_appointment
from clinic_portal.check_in.events import ArrivalUndone, OnlineVisitChanged, PatientArrived, PatientMissed
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import AppointmentId, FacilityId, RoomId, TicketId, spoken_code
from clinic_portal.core.live import announce_queue_after_commit
from clinic_portal.facilities.queries import rooms_of
from clinic_portal.waiting_room import queries
from clinic_portal.waiting_room.models import Queue, Screen, Ticket
from clinic_portal.waiting_room.rules import (
    PAIRING_LENGTH,
    PAIRING_LIFETIME,
    Move,
    TicketState,
    can_move,
    expected_waits,
    free_codes,
)

MOVED_ON = "ticket.moved_on"

ONE_DAY = timedelta(days=1)


def open_ticket(db: Session, clock: Clock, event: PatientArrived) -> None:
    """Give somebody who has arrived a place in today's queue, and keep what wait they were told. Once a visit."""
    facts = appointment_at(db, appointment_id=event.appointment_id, facility_id=event.facility_id)
    queue = lock_queue(db, clock, event.facility_id)
    if queries.ticket_of_appointment(db, event.appointment_id):
        return
    queue.last_number += 1
    now = clock.now()
    row = Ticket(
        facility_id=event.facility_id,
        day=queue.day,
        number=queue.last_number,
        code=_new_code(db, queue),
        state=TicketState.WAITING,
        appointment_id=facts.id,
        patient_id=facts.known_patient_id,
        practitioner_id=facts.practitioner_id,
        due_at=facts.starts_at,
        minutes=facts.minutes,
        arrived_at=now,
        room_id=facts.room_id,
    )
    db.add(row)
    db.flush()
    wait = expected_waits(queries.day_places(db, event.facility_id, queue.day), now=now)[row.id]
    if wait:
        row.wait_from_minutes, row.wait_to_minutes = wait.from_minutes, wait.to_minutes
    queue_changed(db, queue)


def drop_ticket(db: Session, clock: Clock, event: ArrivalUndone) -> None:
    """Take somebody out of the queue who was not there. Raises: Conflict "ticket.moved_on" once they are in the room."""
    queue = lock_queue(db, clock, event.facility_id)
    row = queries.ticket_of_appointment(db, event.appointment_id)
    if row is None:
        return
    if row.state in {TicketState.IN_ROOM, TicketState.DONE}:
        raise Conflict(MOVED_ON)
    db.delete(row)
    db.flush()
    queue_changed(db, queue)


def announce_booked(db: Session, clock: Clock, event: AppointmentBooked) -> None:
    """Have the front desk look again at once when somebody comes today.

    Most book for weeks ahead: every screen and every desk would ask for a day that has not changed. A desk that shows
    another day asks by itself, after a quarter of a minute at the latest.
    """
    if event.starts_at < clock.now() + ONE_DAY:
        announce_day(db, clock, event)


def announce_day(
    db: Session, clock: Clock, event: AppointmentBooked | AppointmentCancelled | PatientMissed | OnlineVisitChanged
) -> None:
    """Have the front desk look again: its list has changed, the queue has not, so nobody waits for the queue's lock."""
    announce_queue_after_commit(db, event.facility_id, queries.queue_version(db, event.facility_id))


def announce_both_days(db: Session, clock: Clock, event: AppointmentMoved) -> None:
    """Have the desks look again from which a visit went away and to which it came."""
    for place in sorted({event.facility_id, event.was_facility_id}):
        announce_queue_after_commit(db, place, queries.queue_version(db, place))


def lock_queue(db: Session, clock: Clock, facility_id: FacilityId) -> Queue:
    """Return the facility's queue row, locked, made when it is the first time, and turned to today."""
    today = queries.today_at(db, clock, facility_id)
    queue = queries.lock_queue(db, facility_id)
    if queue is None:
        db.execute(
            insert(Queue).values(facility_id=facility_id, day=today, version=0, last_number=0).on_conflict_do_nothing()
        )
        queue = queries.lock_queue(db, facility_id)
    if queue is None:  # Nobody deletes queues.
        raise RuntimeError("the queue that was just made is gone")
    if queue.day != today:
        queue.day, queue.last_number = today, 0
    return queue


def lock_move(
    db: Session, clock: Clock, *, ticket_id: TicketId, facility_id: FacilityId, actor: Actor
) -> tuple[Queue, Ticket]:
    """Lock what a move changes, in the order of the house: appointment, queue, ticket.

    Raises: NotFound (no such, or not of a facility of the actor's).
    """
    found = queries.ticket_for_staff(db, ticket_id, facility_id=facility_id, actor=actor)
    if found.appointment_id is not None:
        lock_appointment(db, AppointmentId(found.appointment_id))
    queue = lock_queue(db, clock, facility_id)
    return queue, queries.lock_ticket(db, ticket_id)


def require_move(queue: Queue, ticket: Ticket, move: Move) -> None:
    """Raises: Conflict "ticket.moved_on" when the move does not follow, or the ticket is of another day."""
    if not can_move(ticket.state, move) or (ticket.day != queue.day and move is not Move.FINISH):
        raise Conflict(MOVED_ON, state=ticket.state.value)


def room_for(db: Session, ticket: Ticket, room_id: RoomId | None) -> RoomId:
    """Return the room to call to: the chosen one, else the ticket's.

    Raises: NotFound (a room of another facility); Conflict "ticket.room_needed" (an online visit has none).
    """
    if room_id is None:
        if ticket.room_id is None:
            raise Conflict("ticket.room_needed")
        return RoomId(ticket.room_id)
    if room_id not in {room.id for room in rooms_of(db, FacilityId(ticket.facility_id))}:
        raise NotFound
    return room_id


def show_new_code(db: Session, clock: Clock, screen: Screen) -> None:
    """Put a pairing code on a screen that no other screen has."""
    code = spoken_code(PAIRING_LENGTH)
    while queries.pairing_code_exists(db, code):
        code = spoken_code(PAIRING_LENGTH)
    screen.show_code(code, until=clock.now() + PAIRING_LIFETIME)


def queue_changed(db: Session, queue: Queue) -> None:
    """Count the change, and tell the open pages after the commit."""
    queue.version += 1
    db.flush()
    announce_queue_after_commit(db, FacilityId(queue.facility_id), queue.version)


def _new_code(db: Session, queue: Queue) -> str:
    taken = queries.day_codes(db, FacilityId(queue.facility_id), queue.day)
    return secrets.choice(free_codes(taken))
