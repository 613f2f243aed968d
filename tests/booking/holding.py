"""Holding times for tests, and what stands in the way of it."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.use_cases.hold_time import Choice
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import Conflict
from clinic_portal.core.ids import FacilityId, PractitionerId, ServiceId
from clinic_portal.dependents.models import Relationship
from clinic_portal.practitioners.models import Practitioner
from tests.booking.factory import THURSDAY
from tests.support.cast import Cast
from tests.support.clinic import Clinic


def choose(clinic: Clinic, at: datetime = THURSDAY, practitioner: Practitioner | None = None, **other: Any) -> Choice:
    """A massage in Lisbon, with anybody if not asked otherwise."""
    return Choice(
        service_id=ServiceId(clinic.massage.id),
        facility_id=FacilityId(clinic.lisbon.id),
        starts_at=at,
        practitioner_id=PractitionerId(practitioner.id) if practitioner else None,
        **other,
    )


def code_of(error: pytest.ExceptionInfo[Conflict]) -> str:
    """Why it was refused."""
    return error.value.code


def end_right(db: Session, cast: Cast, clock: FixedClock) -> None:
    """Lina has not acted for Tomás since yesterday."""
    found = db.scalars(select(Relationship).where(Relationship.patient_id == cast.child.id)).one()
    found.ends_on = clock.now().date() - timedelta(days=1)
    db.commit()
