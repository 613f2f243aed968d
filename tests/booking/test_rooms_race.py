"""Two practitioners who work in any room and too few rooms: as many win as there are rooms, and nobody shares one."""

import pytest
from sqlalchemy import delete, select, update

from clinic_portal.booking.models import Appointment
from clinic_portal.facilities.models import Room
from clinic_portal.practitioners.models import WeeklyHours
from tests.booking.arena import Arena, every
from tests.booking.rivals import RIVALS, Ask

pytestmark = pytest.mark.processes

ROUNDS = 6
#: How often the control tries, at most: that two meet is luck.
TURNS = 8


def open_rooms(arena: Arena, count: int) -> None:
    """Inês and Rui work in any room of Lisbon."""
    with arena.sessions() as db:
        db.execute(update(WeeklyHours).where(WeeklyHours.facility_id == arena.clinic.lisbon.id).values(room_id=None))
        if count == 1:
            db.execute(delete(Room).where(Room.id == arena.clinic.room_2.id))
        db.commit()


def rounds(arena: Arena, turn: int = 0) -> list[list[Ask]]:
    """Half of the rivals want one of them, half the other, and some whoever is free."""
    people = (arena.clinic.ines, arena.clinic.rui, arena.clinic.ines, arena.clinic.rui, None)
    starts = every(30, ROUNDS * (turn + 1))[-ROUNDS:]
    return [[Ask(arena.choice(at, who)) for who in people] for at in starts]


@pytest.mark.parametrize("rooms", [1, 2])
def test_as_many_win_as_there_are_rooms(arena: Arena, rooms: int) -> None:
    open_rooms(arena, rooms)
    for outcome in arena.race(rounds(arena)):
        # With two rooms whoever finds one taken by a rival gets the other: nobody loses while a room is free.
        assert outcome == {"held": rooms, "appointment.slot_taken": RIVALS - rooms}
    arena.check()
    with arena.sessions() as db:
        assert len(set(db.scalars(select(Appointment.room_id)))) == rooms


def test_control_without_the_constraint_two_share_a_room(arena: Arena) -> None:
    """Only the database keeps the two apart: each of them is free, and the room was when they looked."""
    open_rooms(arena, 1)
    arena.drop_constraints("room")
    for turn in range(TURNS):
        arena.race(rounds(arena, turn))
        if arena.overlaps():
            return
    pytest.fail("no two rivals ever met: the tests above prove nothing")
