"""The clinic's plans change: what waits follows, what went out is not repeated."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis
from rq import Queue
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking import jobs
from clinic_portal.booking.events import AppointmentBooked
from clinic_portal.booking.models import Appointment
from clinic_portal.booking.queries import AppointmentState, facts_of
from clinic_portal.booking.queries.reminders import time_given_at
from clinic_portal.booking.rules.reminders import SMS_PLAN, QuietHours
from clinic_portal.booking.steps.moving import NewTime
from clinic_portal.booking.steps.reminders import remind_of_booked
from clinic_portal.booking.use_cases.change_quiet_hours import change_quiet_hours
from clinic_portal.booking.use_cases.change_reminder_plan import change_reminder_plan
from clinic_portal.booking.use_cases.move_appointment import move_appointment
from clinic_portal.booking.use_cases.replan_reminders import replan_reminders
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import AppointmentId, FacilityId, PractitionerId, ServiceId
from clinic_portal.notifications.models import Message
from clinic_portal.notifications.rules import Channel, MessageState
from tests.booking.factory import THURSDAY, make_appointment
from tests.support.cast import Cast
from tests.support.clinic import Clinic

TWO_DAYS = replace(SMS_PLAN, early_days=None, last_days=2, early_instead_after_days=None)


def waiting(db: Session) -> list[str]:
    rows = db.scalars(
        select(Message)
        .where(Message.state == MessageState.QUEUED, Message.channel == Channel.SMS)
        .order_by(Message.due_at)
        .execution_options(populate_existing=True)
    )
    return [f"{row.due_at:%d %H}" for row in rows]


@pytest.fixture
def booked(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> list[AppointmentId]:
    """Two massages, on Thursday and on Friday."""
    ids = []
    for day in (0, 1):
        row = make_appointment(
            db, clinic, cast.patient_person, at=THURSDAY + timedelta(days=day), booked_at=clock.now()
        )
        with transaction(db):
            remind_of_booked(
                db, clock, AppointmentBooked(AppointmentId(row.id), FacilityId(row.facility_id), row.starts_at)
            )
        ids.append(AppointmentId(row.id))
    return ids


def test_what_waits_follows_the_new_plan(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, booked: list[AppointmentId]
) -> None:
    before = waiting(db)
    assert [line[:2] for line in before] == ["25", "26"]
    change_reminder_plan(
        db, clock, actor=cast.administrator.actor(), service_id=ServiceId(clinic.massage.id), channel=Channel.SMS,
        plan=TWO_DAYS,
    )  # fmt: skip
    assert replan_reminders(db, clock) == len(booked)
    assert [line[:2] for line in waiting(db)] == ["24", "25"]
    change_reminder_plan(
        db, clock, actor=cast.administrator.actor(), service_id=ServiceId(clinic.massage.id), channel=Channel.SMS,
        plan=None,
    )  # fmt: skip
    replan_reminders(db, clock)
    replan_reminders(db, clock)
    assert waiting(db) == before


@pytest.mark.usefixtures("app")
def test_what_went_out_is_not_repeated(db: Session, clock: FixedClock, cast: Cast, booked: list[AppointmentId]) -> None:
    first = db.scalars(select(Message).where(Message.channel == Channel.SMS).order_by(Message.due_at)).first()
    assert first is not None
    first.state = MessageState.SENT
    db.commit()
    clock.at = datetime(2026, 11, 25, 18, 0, tzinfo=UTC)
    jobs.replan_reminders()
    db.expire_all()
    assert [line[:2] for line in waiting(db)] == ["26"]


def test_a_moved_visit_counts_from_when_it_got_its_time(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, booked: list[AppointmentId]
) -> None:
    """Booked weeks ago, moved today to tomorrow evening: reminded ten minutes later, as if booked now. And once."""
    start = db.get_one(Appointment, booked[0]).starts_at
    clock.at = start - timedelta(days=1)
    to = NewTime(FacilityId(clinic.lisbon.id), start + timedelta(hours=5), PractitionerId(clinic.ines.id))
    moved = move_appointment(db, clock, appointment_id=booked[0], actor=cast.patient.actor(), to=to)
    before = waiting(db)
    assert time_given_at(db, moved) == clock.now()
    clock.advance(timedelta(minutes=1))
    replan_reminders(db, clock)
    assert waiting(db) == before
    assert time_given_at(db, facts_of(db.get_one(Appointment, booked[1]))) != clock.now()


@pytest.mark.usefixtures("app")
def test_visits_from_before_there_were_reminders_get_theirs_once(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, booked: list[AppointmentId]
) -> None:
    before = waiting(db)
    row = make_appointment(
        db, clinic, cast.patient_person, at=THURSDAY + timedelta(days=6), booked_at=clock.now() - timedelta(days=30)
    )
    make_appointment(db, clinic, cast.patient_person, at=clock.now() - timedelta(days=1))
    make_appointment(db, clinic, cast.patient_person, at=THURSDAY + timedelta(days=7), state=AppointmentState.CANCELLED)
    jobs.plan_missing_reminders()
    db.expire_all()
    assert len(waiting(db)) == len(before) + 1
    planned = db.scalars(select(Message).where(Message.subject_id == row.id)).all()
    assert {one.channel for one in planned} == set(Channel)
    assert replan_reminders(db, clock, missing_only=True) == 0
    assert len(db.scalars(select(Message).where(Message.subject_id == row.id)).all()) == len(planned)


def test_a_change_has_it_done_in_the_background(db: Session, clock: FixedClock, cast: Cast, valkey: Redis) -> None:
    change_quiet_hours(db, clock, actor=cast.administrator.actor(), quiet=QuietHours(60, 120))
    (job,) = Queue("default", connection=valkey).jobs
    assert job.func_name == "clinic_portal.booking.jobs.replan_reminders"
