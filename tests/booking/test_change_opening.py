"""Closing and opening a facility's days, and the visits of those days."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.rules import AppointmentState, StrandedAnswer
from clinic_portal.booking.steps.stranding import Settled, VisitsStranded
from clinic_portal.booking.use_cases.change_opening import change_opening
from clinic_portal.core.audit import AuditEntry
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import Forbidden, NotFound
from clinic_portal.core.ids import FacilityId, new_id
from clinic_portal.facilities.models import Closure, Facility, OpenHoliday
from clinic_portal.facilities.queries import closed_days_of
from clinic_portal.facilities.steps import CloseDay, FacilityChange, KeepHolidays, OpenDay
from tests.booking.factory import make_appointment
from tests.booking.hours import DAY, same_for_all
from tests.support.cast import Cast
from tests.support.clinic import Clinic

#: A Tuesday.
INDEPENDENCE = date(2026, 12, 1)
THAT_MORNING = datetime(2026, 12, 1, 10, 0, tzinfo=UTC)


class Office:
    """An administrator who opens and closes."""

    def __init__(self, db: Session, clock: FixedClock, cast: Cast, clinic: Clinic) -> None:
        self.db, self.clock, self.actor = db, clock, cast.administrator.actor()
        self.lisbon = FacilityId(clinic.lisbon.id)

    def change(self, change: FacilityChange, **other: Any) -> Settled:
        return change_opening(self.db, self.clock, change=change, **{"answers": {}, "actor": self.actor} | other)

    def closed(self) -> frozenset[date]:
        return closed_days_of(self.db, self.lisbon, from_day=date(2026, 11, 23), to_day=date(2026, 12, 31))


@pytest.fixture
def office(db: Session, clock: FixedClock, cast: Cast, clinic: Clinic) -> Office:
    return Office(db, clock, cast, clinic)


def test_a_day_is_closed_and_opened(office: Office) -> None:
    office.change(CloseDay(office.lisbon, DAY, "works"))
    office.change(CloseDay(office.lisbon, DAY, "the lift"))
    assert office.closed() == {DAY}
    assert office.db.scalars(select(Closure.reason)).one() == "the lift"
    for _ in range(2):
        office.change(OpenDay(office.lisbon, DAY))
    assert office.closed() == frozenset()
    actions = list(office.db.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))
    assert actions == ["facility.closed"] * 2 + ["facility.opened"] * 2


def test_a_holiday_is_overruled_and_counts_again(office: Office) -> None:
    office.change(KeepHolidays(office.lisbon, True))
    assert office.closed() == {INDEPENDENCE, date(2026, 12, 8), date(2026, 12, 25)}
    office.change(OpenDay(office.lisbon, INDEPENDENCE))
    assert INDEPENDENCE not in office.closed()
    office.change(CloseDay(office.lisbon, INDEPENDENCE))
    assert INDEPENDENCE in office.closed()
    assert not list(office.db.scalars(select(OpenHoliday)))
    assert not list(office.db.scalars(select(Closure)))
    office.change(KeepHolidays(office.lisbon, False))
    assert office.closed() == frozenset()


def test_a_holiday_on_which_one_is_closed_anyway(office: Office) -> None:
    """Closed by hand while holidays do not count; opened when they do: open."""
    office.change(CloseDay(office.lisbon, INDEPENDENCE, "feast"))
    office.change(KeepHolidays(office.lisbon, True))
    office.change(OpenDay(office.lisbon, INDEPENDENCE))
    assert INDEPENDENCE not in office.closed()


@pytest.mark.parametrize("how", ["close", "holidays", "again"])
def test_visits_of_a_closed_day_are_asked_about(office: Office, clinic: Clinic, cast: Cast, how: str) -> None:
    change: FacilityChange = CloseDay(office.lisbon, INDEPENDENCE, "works")
    if how == "holidays":
        change = KeepHolidays(office.lisbon, True)
    if how == "again":
        office.change(KeepHolidays(office.lisbon, True))
        office.change(OpenDay(office.lisbon, INDEPENDENCE))
        change = CloseDay(office.lisbon, INDEPENDENCE)
    row = make_appointment(office.db, clinic, cast.patient_person, at=THAT_MORNING)
    make_appointment(office.db, clinic, cast.stranger_person, practitioner=clinic.rui)
    with pytest.raises(VisitsStranded) as caught:
        office.change(change)
    assert [one.visit.appointment.id for one in caught.value.visits] == [row.id]
    assert INDEPENDENCE not in office.closed()
    answers = same_for_all(caught.value.visits, StrandedAnswer.CANCEL)
    assert office.change(change, answers=answers) == Settled(cancelled=1)
    assert INDEPENDENCE in office.closed()
    assert office.db.get_one(Appointment, row.id, populate_existing=True).state is AppointmentState.CANCELLED


def test_rights(office: Office, cast: Cast) -> None:
    for account in (cast.doctor, cast.receptionist, cast.patient):
        with pytest.raises(Forbidden):
            office.change(CloseDay(office.lisbon, DAY, "works"), actor=account.actor())
    with pytest.raises(NotFound):
        office.change(CloseDay(FacilityId(new_id()), DAY, "works"))
    assert not list(office.db.scalars(select(Closure)))
    assert not list(office.db.scalars(select(Facility).where(Facility.observes_holidays)))
