"""The demo clinic as its people see it."""

from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.accounts.models import Account
from clinic_portal.accounts.steps import open_session
from clinic_portal.booking.models import Appointment
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.ids import AccountId
from clinic_portal.core.modes import Mode
from clinic_portal.demo.build import build_demo, refresh_demo
from clinic_portal.facilities.models import Facility
from clinic_portal.patients.models import Patient
from clinic_portal.waiting_room.models import Ticket
from clinic_portal.waiting_room.rules import TicketState
from tests.support.page import PortalClient


def test_marta_sees_her_family_and_the_desks_see_who_waits(db: Session, clock: FixedClock, app: Flask) -> None:
    clock.at += timedelta(days=2, hours=17)
    summary = build_demo(db, clock)
    by_role = {one.role.value: one.email for one in reversed(summary.sign_ins)}
    marta = _browser(db, clock, app, by_role["patient"]).page("/visits")
    assert "Tomás" in marta.text
    for slug in summary.facility_slugs:
        desk = _browser(db, clock, app, by_role["administrator"]).page(f"/desk/{slug}")
        waiting = db.scalars(
            select(Patient.given_name)
            .join(Ticket, Ticket.patient_id == Patient.id)
            .join(Facility, Facility.id == Ticket.facility_id)
            .where(Facility.slug == slug, Ticket.state == TicketState.WAITING)
        ).all()
        assert len(waiting) >= 5
        assert [name for name in waiting if name not in desk.text] == []


@pytest.mark.parametrize("moment", ["2026-11-23T10:12", "2026-11-23T20:45", "2026-11-23T23:50"])
def test_somebody_with_a_sign_in_meets_a_doctor_online_today_or_tomorrow(
    db: Session, clock: FixedClock, app: Flask, moment: str
) -> None:
    clock.at = datetime.fromisoformat(f"{moment}Z")
    build_demo(db, clock)
    (visit,) = db.scalars(select(Appointment).where(Appointment.mode == Mode.ONLINE))
    assert clock.now() < visit.starts_at < clock.now() + timedelta(days=1)
    assert (visit.state, visit.room_id) == (AppointmentState.BOOKED, None)
    patient = _browser(db, clock, app, "helena.brandao@example.org").page(f"/visits/{visit.id}")
    assert "https://meet.clinic.example/beatriz-lobo" in patient.links()
    assert "Room" not in patient.text
    desk = _browser(db, clock, app, "paula@clinic.example").page(f"/desk/lisbon?day={visit.starts_at.date()}")
    assert "Helena Brandão" in desk.text
    clock.at = visit.ends_at + timedelta(hours=2)
    refresh_demo(db, clock)
    db.expire_all()
    assert visit.state is AppointmentState.FULFILLED
    (following,) = db.scalars(
        select(Appointment).where(Appointment.mode == Mode.ONLINE, Appointment.starts_at > clock.now())
    )
    assert following.starts_at < clock.now() + timedelta(days=1)


def _browser(db: Session, clock: FixedClock, app: Flask, email: str) -> PortalClient:
    account_id = db.scalars(select(Account.id).where(Account.email == email)).one()
    client = app.test_client()
    assert isinstance(client, PortalClient)
    token = open_session(db, clock, account_id=AccountId(account_id), user_agent="test")
    db.commit()
    with client.session_transaction() as session:
        session["_user_id"] = token
        session["_fresh"] = True
    return client
