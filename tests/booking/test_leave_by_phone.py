"""Staff take off the waiting list who says so."""

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import WaitingEntry
from clinic_portal.booking.rules import EntryEnd, EntryState, OfferState
from clinic_portal.booking.use_cases.leave_by_phone import leave_by_phone
from clinic_portal.core.audit import AuditEntry
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import FacilityId
from tests.booking.waiting import entry_id, first_of_two, join, offer_all, offers
from tests.support.cast import Cast
from tests.support.clinic import Clinic


def test_who_is_taken_off_gives_the_offered_time_to_the_next(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    first, second, freed = first_of_two(db, clock, clinic, cast)
    lisbon, paula = FacilityId(clinic.lisbon.id), cast.receptionist.actor()
    for _ in range(2):
        leave_by_phone(db, clock, entry_id=entry_id(first), facility_id=lisbon, actor=paula)
    row = db.get_one(WaitingEntry, first.id, populate_existing=True)
    assert (row.state, row.end_reason) == (EntryState.ENDED, EntryEnd.PATIENT)
    written = select(func.count()).where(AuditEntry.action == "waiting.left_by_staff", AuditEntry.subject_id == row.id)
    assert db.scalar(written) == 1
    offer_all(db, clock, freed)
    assert [(one.entry_id, one.state) for one in offers(db)] == [
        (first.id, OfferState.WITHDRAWN),
        (second.id, OfferState.OPEN),
    ]


def test_only_the_desk_that_sees_an_entry_ends_it(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:  # fmt: skip
    entry = join(db, clock, clinic, cast.patient, cast.patient_person, facility_id=clinic.lisbon.id)
    for facility, who in (
        (clinic.azores, cast.far_receptionist),
        (clinic.lisbon, cast.far_receptionist),
        (clinic.lisbon, cast.stranger),
    ):
        with pytest.raises(NotFound):
            leave_by_phone(
                db, clock, entry_id=entry_id(entry), facility_id=FacilityId(facility.id), actor=who.actor()
            )  # fmt: skip
    assert entry.state is EntryState.WAITING
