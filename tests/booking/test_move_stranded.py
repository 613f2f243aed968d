"""Another time for a visit that lies outside the hours."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment, AppointmentHistory
from clinic_portal.booking.queries.staff import untold
from clinic_portal.booking.queries.stranded import token_of, visits_outside_hours
from clinic_portal.booking.rules import ClinicReason
from clinic_portal.booking.steps import NewTime
from clinic_portal.booking.use_cases.cancel_by_clinic import cancel_by_clinic
from clinic_portal.booking.use_cases.mark_told import mark_told
from clinic_portal.booking.use_cases.move_stranded import move_stranded
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import Conflict, Forbidden, NotFound
from clinic_portal.core.ids import AppointmentId, FacilityId, PractitionerId
from clinic_portal.notifications.models import Message
from clinic_portal.notifications.rules import MessageState
from clinic_portal.practitioners.models import Absence
from tests.booking.factory import THURSDAY, make_appointment
from tests.support.cast import Cast
from tests.support.clinic import Clinic

LATER = THURSDAY + timedelta(days=1)


@pytest.fixture
def row(db: Session, clinic: Clinic, cast: Cast) -> Appointment:
    """A visit with Inês, who is away then; by the service's rule it could not be changed any more."""
    clinic.massage.change_cutoff_minutes = 7 * 1440
    end = THURSDAY + timedelta(hours=1)
    db.add(Absence(practitioner_id=clinic.ines.id, starts_at=THURSDAY, ends_at=end, reason="ill"))
    return make_appointment(db, clinic, cast.patient_person)


def to(clinic: Clinic, at: datetime, who: str = "ines") -> NewTime:
    return NewTime(FacilityId(clinic.lisbon.id), at, PractitionerId(getattr(clinic, who).id))


def token(row: Appointment) -> str:
    return token_of(AppointmentId(row.id), row.starts_at)


def test_it_is_moved_whatever_the_cut_off_and_the_patient_hears_of_it(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, row: Appointment
) -> None:
    actor = cast.administrator.actor()
    moved = move_stranded(db, clock, token=token(row), to=to(clinic, LATER, "rui"), actor=actor, note="ill")
    assert (moved.starts_at, moved.practitioner_id) == (LATER, clinic.rui.id)
    assert visits_outside_hours(db, clock, actor=actor) == ()
    told = [message.channel for message in db.scalars(select(Message)) if message.kind == "appointment_moved"]
    assert sorted(told) == ["email", "sms"]
    assert db.scalars(select(AppointmentHistory.note)).one() == "ill"


def test_a_time_that_is_taken_leaves_it_as_it_was(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, row: Appointment
) -> None:
    make_appointment(db, clinic, cast.stranger_person, at=LATER)
    with pytest.raises(Conflict, match="slot_taken"):
        move_stranded(db, clock, token=token(row), to=to(clinic, LATER), actor=cast.administrator.actor(), note="ill")
    assert db.get_one(Appointment, row.id, populate_existing=True).starts_at == THURSDAY


def test_only_what_is_outside_and_only_by_those_who_decide(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, row: Appointment
) -> None:
    fine = make_appointment(db, clinic, cast.stranger_person, at=LATER)
    with pytest.raises(NotFound):
        move_stranded(
            db, clock, token=token(fine), to=to(clinic, THURSDAY), actor=cast.administrator.actor(), note="ill"
        )
    with pytest.raises(Forbidden):
        move_stranded(db, clock, token=token(row), to=to(clinic, LATER), actor=cast.receptionist.actor(), note="ill")


def to_phone(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> list[tuple[AppointmentId, bool]]:
    found = untold(db, FacilityId(clinic.lisbon.id), now=clock.now(), actor=cast.receptionist.actor())
    return [(one.appointment_id, one.is_moved) for one in found]


def test_when_no_message_tells_of_the_new_time_the_desk_phones(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, row: Appointment
) -> None:
    """Nobody asked for another time: who does not hear of it comes at the old one."""
    actor, lisbon = cast.administrator.actor(), FacilityId(clinic.lisbon.id)
    move_stranded(db, clock, token=token(row), to=to(clinic, LATER), actor=actor, note="ill")
    assert to_phone(db, clock, clinic, cast) == []
    for message in db.scalars(select(Message)):
        message.state = MessageState.FAILED
    db.commit()
    assert to_phone(db, clock, clinic, cast) == [(row.id, True)]
    desk = cast.browser(cast.receptionist)
    assert "The clinic moved the visit to this time" in desk.page(f"/desk/lisbon/visits/{row.id}").text
    mark_told(db, clock, appointment_id=AppointmentId(row.id), facility_id=lisbon, actor=cast.receptionist.actor())
    assert to_phone(db, clock, clinic, cast) == []
    clock.advance(timedelta(minutes=1))
    cancel_by_clinic(
        db, clock, appointment_id=AppointmentId(row.id), facility_id=lisbon, actor=cast.receptionist.actor(),
        reason=ClinicReason.OTHER,
    )  # fmt: skip
    clock.advance(timedelta(minutes=15))
    assert to_phone(db, clock, clinic, cast) == [(row.id, False)], "that was about another time"


def test_who_says_that_they_come_or_moves_it_on_has_heard_of_it(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, row: Appointment
) -> None:
    move_stranded(db, clock, token=token(row), to=to(clinic, LATER), actor=cast.administrator.actor(), note="ill")
    clock.advance(timedelta(minutes=15))
    assert to_phone(db, clock, clinic, cast) == [(row.id, True)]
    moved = db.get_one(Appointment, row.id, populate_existing=True)
    for change in ({"confirmed_at": clock.now()}, {"starts_at": LATER + timedelta(minutes=5)}):
        before = {name: getattr(moved, name) for name in change}
        for values, count in ((change, 0), (before, 1)):
            for name, value in values.items():
                setattr(moved, name, value)
            db.commit()
            assert len(to_phone(db, clock, clinic, cast)) == count
