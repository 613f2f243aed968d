"""The demo clinic, started again: a moment later, hours later, days later."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.accounts.models import Account
from clinic_portal.booking.models import Appointment
from clinic_portal.booking.rules import AppointmentState, CancelReason
from clinic_portal.booking.use_cases.cancel_appointment import cancel_appointment
from clinic_portal.check_in.use_cases.mark_arrived import mark_arrived
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.ids import AppointmentId, FacilityId
from clinic_portal.demo.build import build_demo, refresh_demo
from clinic_portal.facilities.models import Facility
from clinic_portal.facilities.queries import closed_days_of
from clinic_portal.waiting_room.models import Ticket
from clinic_portal.waiting_room.rules import TicketState
from clinic_portal.waiting_room.use_cases.call_next import call_next
from tests.demo.story import assert_holds_together, day_at, snapshot, utc
from tests.support.statements import statements


def assert_full_swing(db: Session, now: datetime) -> None:
    assert_holds_together(db, now)
    for slug in ("lisbon", "ponta-delgada"):
        day = day_at(db, slug, now)
        assert 5 <= day.waiting <= 7
        assert day.in_room >= 1
        assert (day.called, day.late) == (1, 1)
        assert day.done >= 3
        assert day.later >= 2


def test_the_second_start_changes_nothing(db: Session, clock: FixedClock) -> None:
    first = build_demo(db, clock)
    before = snapshot(db)
    clock.advance(timedelta(minutes=3))
    assert build_demo(db, clock) == first
    assert snapshot(db) == before


def test_the_second_start_asks_little(db: Session, clock: FixedClock) -> None:
    build_demo(db, clock)
    with statements(db) as asked:
        build_demo(db, clock)
    assert 5 < len(asked) < 29


@pytest.mark.parametrize("later", [timedelta(hours=5), timedelta(days=1), timedelta(days=7), timedelta(days=50)])
def test_started_later_the_day_is_full_again(db: Session, clock: FixedClock, later: timedelta) -> None:
    build_demo(db, clock)
    clock.advance(later)
    refresh_demo(db, clock)
    assert_full_swing(db, clock.now())
    before = snapshot(db)
    refresh_demo(db, clock)
    assert snapshot(db) == before


def test_a_week_later_the_next_month_is_full_again_and_nothing_is_there_twice(db: Session, clock: FixedClock) -> None:
    build_demo(db, clock)
    known = {row.id: row.starts_at for row in db.execute(select(Appointment.id, Appointment.starts_at))}
    clock.advance(timedelta(days=7))
    refresh_demo(db, clock)
    now = {row.id: row.starts_at for row in db.execute(select(Appointment.id, Appointment.starts_at))}
    assert {id_: now[id_] for id_ in known} == known
    assert max(now.values()) > clock.now() + timedelta(days=28)
    by_day = [at.date() for at in now.values()]
    assert max(by_day.count(day) for day in set(by_day)) < 90


def test_a_holiday_that_has_come_is_open(db: Session, clock: FixedClock) -> None:
    clock.at = utc("2026-12-24T11:00")
    build_demo(db, clock)
    christmas = utc("2026-12-25").date()
    places = [FacilityId(id_) for id_ in db.scalars(select(Facility.id))]
    assert all(closed_days_of(db, place, from_day=christmas, to_day=christmas) for place in places)
    clock.advance(timedelta(days=1))
    refresh_demo(db, clock)
    assert not any(closed_days_of(db, place, from_day=christmas, to_day=christmas) for place in places)
    assert_full_swing(db, clock.now())


def test_what_somebody_tried_is_left_alone(db: Session, clock: FixedClock) -> None:
    build_demo(db, clock)
    desk = db.scalars(select(Account).where(Account.email == "paula@clinic.example")).one().actor()
    marta = db.scalars(select(Account).where(Account.email == "marta.araujo@example.org")).one()
    facility = FacilityId(db.scalars(select(Facility.id).where(Facility.slug == "lisbon")).one())
    given_back = db.scalars(
        select(Appointment)
        .where(Appointment.booked_by_account_id == marta.id, Appointment.starts_at > clock.now())
        .order_by(Appointment.starts_at)
    ).first()
    assert given_back is not None
    cancelled = AppointmentId(given_back.id)
    cancel_appointment(db, clock, appointment_id=cancelled, actor=marta.actor(), reason=CancelReason.NOT_NEEDED)
    late = db.scalars(
        select(Appointment).where(
            Appointment.facility_id == facility,
            Appointment.state == AppointmentState.BOOKED,
            Appointment.starts_at < clock.now(),
        )
    ).one()
    arrived = AppointmentId(late.id)
    mark_arrived(db, clock, appointment_id=arrived, facility_id=facility, actor=desk)
    called = call_next(db, clock, facility_id=facility, actor=desk)
    clock.advance(timedelta(minutes=20))
    build_demo(db, clock)
    states = {row.id: row.state for row in db.execute(select(Appointment.id, Appointment.state))}
    assert (states[cancelled], states[arrived]) == (AppointmentState.CANCELLED, AppointmentState.ARRIVED)
    assert db.scalars(select(Ticket.state).where(Ticket.id == called.id)).one() is TicketState.CALLED


def test_marta_always_has_a_next_visit(db: Session, clock: FixedClock) -> None:
    build_demo(db, clock)
    marta = db.scalars(select(Account.id).where(Account.email == "marta.araujo@example.org")).one()
    clock.at = datetime(2026, 11, 26, 18, 0, tzinfo=UTC)
    refresh_demo(db, clock)
    coming = db.scalars(
        select(Appointment.starts_at)
        .where(
            Appointment.booked_by_account_id == marta,
            Appointment.state == AppointmentState.BOOKED,
            Appointment.starts_at > clock.now(),
        )
        .order_by(Appointment.starts_at)
    ).all()
    assert coming[0] == utc("2026-11-29T10:30")


def test_without_a_demo_clinic_nothing_is_made(db: Session, clock: FixedClock) -> None:
    before = snapshot(db)
    refresh_demo(db, clock)
    assert snapshot(db) == before
