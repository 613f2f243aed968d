"""Who comes with a child."""

from datetime import date, timedelta

from sqlalchemy.orm import Session

from clinic_portal.core.clock import FixedClock
from clinic_portal.core.ids import PatientId
from clinic_portal.dependents.models import Relationship
from clinic_portal.dependents.queries import companions_of
from clinic_portal.dependents.rules import RelationshipKind
from tests.support.cast import Cast
from tests.support.statements import statements
from tests.waiting_room.visits import make_person

TODAY = date(2026, 11, 23)


def test_those_who_act_for_a_child_now_are_named(cast: Cast, db: Session) -> None:
    ended = TODAY - timedelta(days=1)
    db.add(
        Relationship(account_id=cast.stranger.id, patient_id=cast.child.id, kind=RelationshipKind.CARER, ends_on=ended)
    )
    db.flush()
    children = [PatientId(cast.child.id), PatientId(cast.stranger_person.id)]
    assert companions_of(db, children, today=TODAY) == {PatientId(cast.child.id): ["Lina"]}
    assert companions_of(db, [], today=TODAY) == {}


def test_many_children_cost_as_many_statements_as_one(cast: Cast, db: Session, clock: FixedClock) -> None:
    children = [make_person(db, clock, f"Child{number}", "Silva") for number in range(5)]
    parents = (cast.guardian, cast.stranger, cast.patient)
    for number, child in enumerate(children):
        account_id = parents[number % 3].id
        db.add(Relationship(account_id=account_id, patient_id=child.id, kind=RelationshipKind.PARENT))
    db.flush()
    with statements(db) as seen:
        found = companions_of(db, [PatientId(child.id) for child in children], today=TODAY)
    assert [names for _, names in sorted(found.items())] == [["Lina"], ["Duarte"], ["Marta"], ["Lina"], ["Duarte"]]
    assert len(seen) == 2
