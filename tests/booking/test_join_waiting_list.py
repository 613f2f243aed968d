"""Asking to be told of a time that comes free."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from clinic_portal.booking.models import WaitingEntry
from clinic_portal.booking.rules import AppointmentState, EntryState, PartOfDay
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import Conflict, Forbidden, NotFound
from clinic_portal.core.ids import new_id
from tests.booking.factory import make_appointment
from tests.booking.test_hold_time import end_right
from tests.booking.waiting import join
from tests.support.cast import Cast
from tests.support.clinic import Clinic


def test_joining_again_changes_the_wishes_and_keeps_the_place(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    first = join(db, clock, clinic, cast.patient, cast.patient_person, weekdays=frozenset({0, 2}))
    joined_at = first.created_at
    clock.advance(timedelta(days=1))
    parts = frozenset({PartOfDay.MORNING, PartOfDay.AFTER_WORK})
    again = join(
        db, clock, clinic, cast.patient, cast.patient_person, parts=parts, practitioner_id=clinic.rui.id,
        facility_id=clinic.lisbon.id,
    )  # fmt: skip
    assert (again.id, again.created_at, again.state) == (first.id, joined_at, EntryState.WAITING)
    assert (again.weekdays, again.parts) == ([], ["after-work", "morning"])
    assert (again.practitioner_id, again.facility_id) == (clinic.rui.id, clinic.lisbon.id)
    other = join(db, clock, clinic, cast.patient, cast.patient_person, service=clinic.evaluation)
    assert other.id != first.id


def test_the_database_knows_one_place_for_a_patient_and_a_service(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    entry = join(db, clock, clinic, cast.patient, cast.patient_person)
    copy = {name: getattr(entry, name) for name in WaitingEntry.__table__.columns.keys()}  # noqa: SIM118 - no mapping
    db.add(WaitingEntry(**copy | {"id": new_id()}))
    with pytest.raises(IntegrityError, match="ix_waiting_entry_live"):
        db.flush()
    db.rollback()


def test_who_may_not_book_for_somebody_does_not_wait_for_them_either(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    assert join(db, clock, clinic, cast.guardian, cast.child).account_id == cast.guardian.id
    with pytest.raises(NotFound):
        join(db, clock, clinic, cast.stranger, cast.patient_person)
    end_right(db, cast, clock)
    with pytest.raises(Forbidden):
        join(db, clock, clinic, cast.guardian, cast.child, service=clinic.evaluation)
    assert len(db.scalars(select(WaitingEntry)).all()) == 1


def test_days_that_are_over_or_the_wrong_way_round_are_refused(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    for code, from_day, until_day in (
        ("waiting.days_over", date(2026, 11, 1), date(2026, 11, 22)),
        ("waiting.days_reversed", date(2026, 12, 2), date(2026, 12, 1)),
    ):
        with pytest.raises(Conflict) as refused:
            join(db, clock, clinic, cast.patient, cast.patient_person, from_day=from_day, until_day=until_day)
        assert refused.value.code == code


def test_only_a_visit_of_this_patient_and_service_that_is_still_to_come_is_brought_forward(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    visit = make_appointment(db, clinic, cast.patient_person)
    assert join(db, clock, clinic, cast.patient, cast.patient_person, visit=visit).appointment_id == visit.id
    with pytest.raises(NotFound):
        join(db, clock, clinic, cast.patient, cast.patient_person, visit=visit, service=clinic.evaluation)
    with pytest.raises(NotFound):
        join(db, clock, clinic, cast.stranger, cast.stranger_person, visit=visit)
    gone = make_appointment(db, clinic, cast.patient_person, state=AppointmentState.CANCELLED, practitioner=clinic.rui)
    with pytest.raises(Conflict) as refused:
        join(db, clock, clinic, cast.patient, cast.patient_person, visit=gone)
    assert refused.value.code == "appointment.already_started"
