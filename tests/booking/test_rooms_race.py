"""Two practitioners who work in any room and too few rooms: as many win as there are rooms, and nobody shares one."""

from collections.abc import Iterator

import pytest
from sqlalchemy import delete, select, text, update

from clinic_portal.booking.models import Appointment
from clinic_portal.facilities.models import Room
from clinic_portal.practitioners.models import WeeklyHours
from tests.booking.rivals import RIVALS, Ask, own_database
from tests.booking.test_race import Arena, every

pytestmark = pytest.mark.processes

ROUNDS = 6


class Corridor(Arena):
    """Inês and Rui work in any room of Lisbon."""

    def open_rooms(self, count: int) -> None:
        with self.sessions() as db:
            db.execute(update(WeeklyHours).where(WeeklyHours.facility_id == self.clinic.lisbon.id).values(room_id=None))
            if count == 1:
                db.execute(delete(Room).where(Room.id == self.clinic.room_2.id))
            db.commit()

    def rounds(self, count: int = ROUNDS) -> list[list[Ask]]:
        """Half of the rivals want one of them, half the other, and some whoever is free."""
        people = (self.clinic.ines, self.clinic.rui, self.clinic.ines, self.clinic.rui, None)
        return [[Ask(self.choice(at, who)) for who in people] for at in every(30, count)]


@pytest.fixture
def corridor(worker_number: int) -> Iterator[Corridor]:
    name = f"clinic_rooms_race_{worker_number}"
    with own_database(name) as sessions:
        yield Corridor(name, sessions)


@pytest.mark.parametrize("rooms", [1, 2])
def test_as_many_win_as_there_are_rooms(corridor: Corridor, rooms: int) -> None:
    corridor.open_rooms(rooms)
    for outcome in corridor.run(corridor.rounds()).values():
        # With two rooms whoever finds one taken by a rival gets the other: nobody loses while a room is free.
        assert outcome == {"held": rooms, "appointment.slot_taken": RIVALS - rooms}
    assert corridor.overlaps() == 0
    assert corridor.deadlocks() == 0
    with corridor.sessions() as db:
        assert len(set(db.scalars(select(Appointment.room_id)))) == rooms


def test_control_without_the_constraint_two_share_a_room(corridor: Corridor) -> None:
    """Only the database keeps the two apart: each of them is free, and the room was when they looked."""
    corridor.open_rooms(1)
    with corridor.sessions() as db:
        db.execute(text("ALTER TABLE appointment DROP CONSTRAINT ex_appointment_room"))
        db.commit()
    corridor.run(corridor.rounds())
    assert corridor.overlaps() > 0
