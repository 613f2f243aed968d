"""Told by phone."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.booking.use_cases.mark_told import mark_told
from clinic_portal.core.audit import AuditEntry
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import AppointmentId, FacilityId
from tests.booking.factory import make_appointment
from tests.support.cast import Cast
from tests.support.clinic import Clinic


def test_the_first_time_counts(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    row = make_appointment(db, clinic, cast.patient_person, state=AppointmentState.CANCELLED)
    first = clock.now()
    for _ in range(2):
        mark_told(
            db, clock, appointment_id=AppointmentId(row.id), facility_id=FacilityId(clinic.lisbon.id),
            actor=cast.receptionist.actor(),
        )  # fmt: skip
        clock.advance(timedelta(minutes=5))
    assert db.get_one(Appointment, row.id).told_at == first
    assert [entry.action for entry in db.scalars(select(AuditEntry))] == ["appointment.told_by_phone"]


def test_only_of_a_cancelled_visit_and_only_here(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    id_, lisbon = AppointmentId(make_appointment(db, clinic, cast.patient_person).id), FacilityId(clinic.lisbon.id)
    with pytest.raises(Conflict):
        mark_told(db, clock, appointment_id=id_, facility_id=lisbon, actor=cast.receptionist.actor())
    for account in (cast.far_receptionist, cast.patient):
        with pytest.raises(NotFound):
            mark_told(db, clock, appointment_id=id_, facility_id=lisbon, actor=account.actor())
