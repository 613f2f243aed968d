"""What a waiting room's screen shows: names by the patients' choice, rooms, waits. Nothing else leaves this module."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from clinic_portal.core.clock import Clock, local_day
from clinic_portal.core.ids import RoomId
from clinic_portal.facilities.queries import Direction, FacilityFacts, RoomFacts, rooms_of
from clinic_portal.patients.queries import screen_names
from clinic_portal.waiting_room.queries import QueueDay, TicketFacts, TicketState, Wait, queue_day
from clinic_portal.waiting_room.rules import told_apart

#: How many calls stand there big, how many names below "next", how many rooms below the call.
BIG_CALLS, NEXT_SHOWN, ROOMS_SHOWN = 4, 5, 2


@dataclass(frozen=True)
class Call:
    """Somebody is called to a room, for the first time or again."""

    name: str
    room: str
    direction: Direction
    times: int


@dataclass(frozen=True)
class Upcoming:
    """Somebody waits; `wait` is None when nobody can tell how long."""

    name: str
    wait: Wait | None


@dataclass(frozen=True)
class InRoom:
    """Somebody went in a moment ago."""

    name: str
    room: str


@dataclass(frozen=True)
class Board:
    """The whole screen. The newest call comes first; more than four calls are listed smaller."""

    calls: Sequence[Call]
    more_calls: Sequence[Call]
    upcoming: Sequence[Upcoming]
    #: How many wait beyond those that are shown.
    more_waiting: int
    in_room: Sequence[InRoom]


def board_of(db: Session, clock: Clock, facility: FacilityFacts) -> Board:
    """Return what the screens of the facility show now."""
    day = queue_day(db, clock, facility_id=facility.id, day=local_day(clock.now(), facility.tz))
    names = _names(db, day)
    rooms = {room.id: room for room in rooms_of(db, facility.id)}
    calls = [_call(ticket, names, rooms) for ticket in _newest(day, TicketState.CALLED)]
    return Board(
        calls=calls[:BIG_CALLS],
        more_calls=calls[BIG_CALLS:],
        upcoming=[Upcoming(names[ticket.number], wait) for ticket, wait in day.waiting[:NEXT_SHOWN]],
        more_waiting=max(len(day.waiting) - NEXT_SHOWN, 0),
        # Beside two calls or more there is no place for it, and what is not shown is not sent.
        in_room=_in_room(day, names, rooms) if len(calls) < 2 else [],
    )


def _names(db: Session, day: QueueDay) -> Mapping[int, str]:
    tickets = [ticket for ticket in day.tickets if ticket.state not in {TicketState.DONE, TicketState.LEFT}]
    known = screen_names(db, [ticket.patient_id for ticket in tickets])
    names = told_apart([(known[ticket.patient_id].shown(ticket.code), ticket.code) for ticket in tickets])
    return {ticket.number: name for ticket, name in zip(tickets, names, strict=True)}


def _newest(day: QueueDay, state: TicketState) -> list[TicketFacts]:
    def moment(ticket: TicketFacts) -> tuple[datetime, int]:
        return (ticket.entered_at or ticket.called_at or ticket.arrived_at, ticket.number)

    return sorted((ticket for ticket in day.others if ticket.state is state), key=moment, reverse=True)


def _call(ticket: TicketFacts, names: Mapping[int, str], rooms: Mapping[RoomId, RoomFacts]) -> Call:
    # A call always has a room: steps.room_for.
    room = rooms[RoomId(ticket.room_id)] if ticket.room_id else RoomFacts(RoomId(ticket.id), "", Direction.STRAIGHT)
    return Call(names[ticket.number], room.name, room.direction, ticket.calls)


def _in_room(day: QueueDay, names: Mapping[int, str], rooms: Mapping[RoomId, RoomFacts]) -> list[InRoom]:
    tickets = [ticket for ticket in _newest(day, TicketState.IN_ROOM) if ticket.room_id]
    return [
        InRoom(names[ticket.number], rooms[ticket.room_id].name) for ticket in tickets[:ROOMS_SHOWN] if ticket.room_id
    ]
