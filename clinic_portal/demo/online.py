"""The demo's online visits: one is always booked, today or soon, and those that are past were held."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.rules import AppointmentState, may_follow
from clinic_portal.core.clock import local_day, wall_to_utc
from clinic_portal.demo.clinic import Place, Treatment, Wanted, Who, Worker
from clinic_portal.demo.content import ONLINE
from clinic_portal.demo.ledger import UNFINISHED, Ledger, Visit
from clinic_portal.demo.people import HELENA
from clinic_portal.facilities.models import Service
from clinic_portal.practitioners.models import Practitioner

#: Nobody has booked one that begins sooner than this.
AHEAD = timedelta(hours=1)
#: Some take longer.
A_WHILE = timedelta(hours=1)
#: Days that are tried.
DAYS = 7


def plan_online(db: Session, ledger: Ledger, place: Place) -> None:
    """Have Helena meet the practitioner who works online, whenever she has no such visit to come."""
    if place.content.slug != ONLINE.facility:
        return
    doctor = db.scalars(select(Practitioner).where(Practitioner.meeting_url == ONLINE.meeting_url)).first()
    service = db.scalars(select(Service).where(Service.slug == ONLINE.services[0])).first()
    if doctor is None or service is None:
        return
    who = Who(None, f"{ONLINE.given_name} {ONLINE.family_name}")
    visits = [visit for visit in ledger.visits if visit.room_id is None and visit.worker_id == doctor.id]
    for visit in visits:
        if visit.state in UNFINISHED and visit.end + A_WHILE <= ledger.now:
            _meet(ledger, visit, who)
    helena = next((person for person in place.people if person.content.email == HELENA), None)
    if helena is None or any(one.start > ledger.now and one.cancelled_at is None for one in visits):
        return
    treatment = Treatment(service.id, service.slug, service.minutes, service.price_minor)
    worker = Worker(doctor.id, place.id, "beatriz", who, None, place.tz, (treatment,))
    for start in _starts(place, local_day(ledger.now, place.tz), treatment):
        wanted = Wanted(worker, treatment, helena, start)
        if start >= ledger.now + AHEAD and ledger.book(
            wanted, booked_at=ledger.now - timedelta(days=1, hours=3), salt="online"
        ):
            return


def _starts(place: Place, today: date, treatment: Treatment) -> Iterator[datetime]:
    """Yield what is offered from now on, evenings first: those who work meet the doctor then."""
    for day in (today + timedelta(days=number) for number in range(DAYS)):
        for first, last in reversed(ONLINE.hours if day not in place.closed_days else ()):
            for minute in range(round(first * 60), round(last * 60) - treatment.minutes + 1, treatment.minutes):
                start = wall_to_utc(day, minute, place.tz)
                if start is not None:
                    yield start


def _meet(ledger: Ledger, visit: Visit, who: Who) -> None:
    """Let a visit that is past have gone on from where it was left."""
    for state, at, reason in (
        (AppointmentState.ARRIVED, visit.start, "arrived"),
        (AppointmentState.CHECKED_IN, visit.start, "consultation.started"),
        (AppointmentState.FULFILLED, visit.end, "consultation.ended"),
    ):
        if may_follow(visit.state, state):
            ledger.move(visit, state, at, who, reason)
