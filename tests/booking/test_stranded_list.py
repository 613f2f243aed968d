"""The list of visits outside the hours: found by the database at once, as each of them is judged by itself."""

import random
from uuid import UUID

import pytest
from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.queries.stranded import PROMISED, all_outside, outside_hours
from clinic_portal.booking.queries.work import Scope
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.core.ids import PractitionerId
from tests.booking.test_offered_is_accepted import MOST_TURNS, Lab, patient_ids, try_worlds
from tests.booking.worlds import Visit, count_taken, row_of
from tests.support.cast import Cast

__all__ = ["patient_ids"]

EXAMPLES = 60


@pytest.mark.timeout(600)
def test_all_at_once_are_those_that_are_outside_by_themselves(
    db: Session, engine_connection: Connection, cast: Cast, patient_ids: list[UUID]
) -> None:
    inside, outside = list[int](), list[int]()

    def compare(lab: Lab, _chance: random.Random) -> None:
        now = lab.world.now
        with lab.session() as session:
            _book_what_is_offered(lab, session, patient_ids)
            coming = session.scalars(
                select(Appointment).where(Appointment.starts_at > now, Appointment.state.in_(PROMISED))
            ).all()
            found = all_outside(session, Scope(), now=now)
            assert found == outside_hours(session, coming), "everybody's"
            for who in lab.built.people:
                theirs = [row for row in coming if row.practitioner_id == who]
                scope = Scope(practitioner_id=PractitionerId(who))
                assert (
                    all_outside(session, scope, now=now)
                    == outside_hours(session, theirs)
                    == found & {row.id for row in theirs}
                )
            inside.append(len(coming) - len(found))
            outside.append(len(found))

    for turn in range(MOST_TURNS):
        try_worlds(db, engine_connection, cast, patient_ids, (compare,), lambda book: book, EXAMPLES, turn=turn)
        if sum(inside) > EXAMPLES / 2 and sum(outside) > EXAMPLES / 6:
            break
    assert sum(inside) > EXAMPLES / 2
    assert sum(outside) > EXAMPLES / 6


def _book_what_is_offered(lab: Lab, db: Session, patient_ids: list[UUID]) -> None:
    """Some visits inside the hours, at their very edges as well."""
    service, booked = lab.world.service, AppointmentState.BOOKED
    for number, shift in enumerate(lab.shifts()):
        grid = lab.book.grid(shift)
        for start in {*grid[:1], *grid[-1:]}:
            where = next(iter(lab.book.rooms(shift, start)), shift.room)
            visit = Visit(shift.who, shift.place, where, start, service.minutes, 0, 0, booked)
            count_taken(db, [row_of(lab.world, lab.built, visit, patient_ids[number % len(patient_ids)])])
