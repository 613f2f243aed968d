"""Giving a visit back."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import AppointmentHistory
from clinic_portal.booking.rules import AppointmentState, CancelReason
from clinic_portal.booking.use_cases.book_appointment import Answers, book_appointment
from clinic_portal.booking.use_cases.cancel_appointment import cancel_appointment
from clinic_portal.booking.use_cases.hold_time import hold_time
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import Conflict, Forbidden, NotFound
from clinic_portal.core.ids import AppointmentId, PatientId
from clinic_portal.notifications.models import Message
from tests.booking.factory import THURSDAY, make_appointment
from tests.booking.holding import choose, code_of, end_right
from tests.support.cast import Cast
from tests.support.clinic import Clinic


def test_a_cancelled_visit_gives_its_time_back_and_replaces_what_was_queued(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    choice = choose(clinic, practitioner=clinic.ines, patient_id=PatientId(cast.patient_person.id))
    actor = cast.patient.actor()
    held = hold_time(db, clock, choice=choice, hold_key="a", actor=actor)
    book_appointment(db, clock, appointment_id=held.id, hold_key="a", actor=actor, answers=Answers())
    for _ in range(2):
        gone = cancel_appointment(db, clock, appointment_id=held.id, actor=actor, reason=CancelReason.UNWELL)
        assert (gone.state, gone.sequence, gone.cancelled_at) == (AppointmentState.CANCELLED, 1, clock.now())
    last = db.scalars(select(AppointmentHistory).order_by(AppointmentHistory.id.desc())).first()
    assert last is not None
    assert (last.reason, last.account_id) == ("patient.unwell", cast.patient.id)
    messages = sorted(f"{row.kind} {row.channel} {row.state}" for row in db.scalars(select(Message)))
    assert messages == [
        "appointment_booked email cancelled",
        "appointment_booked sms cancelled",
        "appointment_cancelled email queued",
        "appointment_cancelled sms queued",
        "reminder email cancelled",
        "reminder sms cancelled",
    ]
    again = hold_time(db, clock, choice=choose(clinic, practitioner=clinic.ines), hold_key="b", actor=None)
    assert again.starts_at == held.starts_at


@pytest.mark.parametrize(
    ("state", "late"),
    [
        (AppointmentState.BOOKED, True),
        (AppointmentState.ARRIVED, False),
        (AppointmentState.CHECKED_IN, False),
        (AppointmentState.FULFILLED, False),
        (AppointmentState.NOSHOW, False),
    ],
)
def test_what_has_begun_is_not_cancelled(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, state: AppointmentState, late: bool
) -> None:
    row = make_appointment(db, clinic, cast.patient_person, state=state)
    clock.at = THURSDAY - timedelta(minutes=0 if late else 5)
    with pytest.raises(Conflict) as refusal:
        cancel_appointment(
            db, clock, appointment_id=AppointmentId(row.id), actor=cast.patient.actor(), reason=CancelReason.OTHER
        )
    assert code_of(refusal) == "appointment.already_started"


def test_strangers_find_nothing_and_ended_rights_are_refused(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    id_ = AppointmentId(make_appointment(db, clinic, cast.child).id)
    with pytest.raises(NotFound):
        cancel_appointment(db, clock, appointment_id=id_, actor=cast.stranger.actor(), reason=CancelReason.OTHER)
    end_right(db, cast, clock)
    with pytest.raises(Forbidden):
        cancel_appointment(db, clock, appointment_id=id_, actor=cast.guardian.actor(), reason=CancelReason.OTHER)


def test_a_hold_is_no_visit(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    choice = choose(clinic, patient_id=PatientId(cast.patient_person.id))
    held = hold_time(db, clock, choice=choice, hold_key="a", actor=cast.patient.actor())
    with pytest.raises(NotFound):
        cancel_appointment(db, clock, appointment_id=held.id, actor=cast.patient.actor(), reason=CancelReason.OTHER)
