"""Giving back a session and all later ones: one message, those for which it is too late stay, twice is once."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment, AppointmentHistory
from clinic_portal.booking.rules import AppointmentState, CancelReason
from clinic_portal.booking.series_messages import series_cancelled_facts
from clinic_portal.booking.use_cases.cancel_later_sessions import cancel_later_sessions
from clinic_portal.core.clock import Clock, FixedClock
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import AppointmentId
from clinic_portal.core.settings import Settings
from clinic_portal.notifications.models import Message
from clinic_portal.notifications.rules import MessageState
from tests.booking.factory import make_appointment
from tests.booking.series import RunningClock, late_for_the_first, make_series
from tests.support.cast import Cast
from tests.support.clinic import Clinic


def cancel(db: Session, clock: Clock, cast: Cast, row: Appointment) -> list[AppointmentId]:
    return cancel_later_sessions(
        db, clock, appointment_id=AppointmentId(row.id), actor=cast.patient.actor(), reason=CancelReason.NOT_NEEDED
    )


def states(db: Session, rows: list[Appointment]) -> list[str]:
    db.expire_all()
    return [row.state.value for row in rows]


def test_this_and_all_later_ones_with_one_message(
    app: object, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings
) -> None:
    series, rows = make_series(db, clinic, cast.patient_person)
    elsewhere = make_appointment(db, clinic, cast.patient_person, at=rows[3].starts_at + timedelta(hours=4))
    assert cancel(db, clock, cast, rows[1]) == [row.id for row in rows[1:]]
    assert states(db, [*rows, elsewhere]) == ["booked", "cancelled", "cancelled", "cancelled", "booked"]
    told = db.execute(select(Message.kind, Message.subject_id, Message.channel)).all()
    assert {(kind, subject) for kind, subject, _ in told} == {("series_cancelled", series.id)}
    assert len(told) == 2
    assert [row.to_state for row in db.scalars(select(AppointmentHistory))] == [AppointmentState.CANCELLED] * 3
    facts = series_cancelled_facts(db, clock, settings, series.id)
    assert facts is not None
    assert facts.context["starts"] == [row.starts_at for row in rows[1:]]
    assert facts.attachments[0].content.count(b"STATUS:CANCELLED") == 3


def test_twice_is_once_and_a_second_part_is_told_by_itself(
    app: object, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings
) -> None:
    series, rows = make_series(db, clinic, cast.patient_person)
    cancel(db, clock, cast, rows[3])
    assert cancel(db, clock, cast, rows[3]) == []
    assert len(db.scalars(select(Message)).all()) == 2
    clock.advance(timedelta(minutes=5))
    for message in db.scalars(select(Message)):
        message.state = MessageState.DELIVERED
    db.commit()
    cancel(db, clock, cast, rows[2])
    assert len(db.scalars(select(Message)).all()) == 4
    facts = series_cancelled_facts(db, clock, settings, series.id)
    assert facts is not None
    assert facts.context["starts"] == [rows[2].starts_at]


def test_what_waits_for_a_vendor_tells_of_all_that_was_cancelled_meanwhile(
    app: object, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings
) -> None:
    series, rows = make_series(db, clinic, cast.patient_person)
    for row in reversed(rows[2:]):
        cancel(db, clock, cast, row)
        clock.advance(timedelta(minutes=5))
    facts = series_cancelled_facts(db, clock, settings, series.id)
    assert facts is not None
    assert facts.context["starts"] == [row.starts_at for row in rows[2:]]


def test_on_a_clock_that_runs_one_message_tells_of_all(
    app: object, db: Session, clinic: Clinic, cast: Cast, settings: Settings
) -> None:
    series, rows = make_series(db, clinic, cast.patient_person)
    clock = RunningClock()
    cancel(db, clock, cast, rows[1])
    facts = series_cancelled_facts(db, clock, settings, series.id)
    assert facts is not None
    assert facts.context["count"] == 3


def test_those_for_which_it_is_too_late_stay(
    app: object, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    rows = late_for_the_first(db, clock, clinic, cast.patient_person)
    assert cancel(db, clock, cast, rows[0]) == [rows[1].id]
    assert states(db, rows) == ["booked", "cancelled"]
    with pytest.raises(Conflict, match=r"appointment\.too_late_to_change"):
        cancel(db, clock, cast, rows[0])


def test_only_the_patients_own_series(app: object, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    _, rows = make_series(db, clinic, cast.stranger_person)
    alone = make_appointment(db, clinic, cast.patient_person, at=rows[0].starts_at + timedelta(hours=4))
    for row in (rows[0], alone):
        with pytest.raises(NotFound):
            cancel(db, clock, cast, row)
    assert states(db, [*rows, alone]) == ["booked"] * 5
