"""Visits to come that lie outside the hours in which their practitioner works there."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from clinic_portal.accounts.queries import get_account
from clinic_portal.booking.models import Appointment, OutsideHours
from clinic_portal.booking.queries.appointments import facts_of
from clinic_portal.booking.queries.visits import VisitFacts, describe
from clinic_portal.booking.rules import AppointmentState, StrandedAnswer, Stretch, is_covered, working_stretch
from clinic_portal.core.actor import Actor, Role
from clinic_portal.core.clock import Clock, local_day
from clinic_portal.core.errors import Forbidden, NotFound
from clinic_portal.core.ids import AppointmentId, FacilityId, PractitionerId
from clinic_portal.facilities.queries import OpenFacility, open_facilities_column, read_open_facilities
from clinic_portal.patients.queries import PatientFacts, find_patients
from clinic_portal.practitioners.queries import HoursFacts, absences_between, find_practitioner_of, hours_between

#: What was promised to a patient and has not begun.
PROMISED = (AppointmentState.PENDING, AppointmentState.BOOKED)


@dataclass(frozen=True)
class Scope:
    """Whose visits are looked at. None: everybody's, everywhere."""

    practitioner_id: PractitionerId | None = None
    facility_id: FacilityId | None = None


@dataclass(frozen=True)
class StrandedVisit:
    """A visit outside the hours, for staff who decide what becomes of it. `answer` is what was decided before."""

    visit: VisitFacts
    patient: PatientFacts
    answer: StrandedAnswer | None = None

    @property
    def token(self) -> str:
        """Says that this very visit at this very time was shown."""
        return token_of(self.visit.appointment.id, self.visit.appointment.starts_at)


def token_of(appointment_id: AppointmentId, starts_at: datetime) -> str:
    """Return what stands for a visit at a time on a page that asks about it."""
    return f"{appointment_id}@{starts_at:%Y%m%dT%H%M}"


def own_scope(db: Session, *, actor: Actor) -> Scope:
    """Return whose visits the actor decides about: an administrator everybody's, a practitioner their own.

    Raises: Forbidden.
    """
    if actor.role is Role.ADMINISTRATOR:
        return Scope()
    own = find_practitioner_of(db, actor.account_id) if actor.role is Role.DOCTOR and actor.account_id else None
    if own is None:
        raise Forbidden
    return Scope(practitioner_id=own.id)


def coming_visits(db: Session, scope: Scope, *, now: datetime, with_holds: bool = False) -> Sequence[Appointment]:
    """Return the visits that have not begun, by start; with the times that somebody holds now, if asked for."""
    promised: ColumnElement[bool] = Appointment.state.in_(PROMISED)
    if with_holds:
        held = and_(Appointment.state == AppointmentState.PROPOSED, Appointment.held_until > now)
        promised = or_(promised, held)
    statement = select(Appointment).where(Appointment.starts_at > now, promised)
    if scope.practitioner_id is not None:
        statement = statement.where(Appointment.practitioner_id == scope.practitioner_id)
    if scope.facility_id is not None:
        statement = statement.where(Appointment.facility_id == scope.facility_id)
    return db.scalars(statement.order_by(Appointment.starts_at, Appointment.id)).all()


def lock_visits(db: Session, ids: Collection[AppointmentId]) -> Sequence[Appointment]:
    """Return the rows, locked in the order of their ids, as they are now."""
    statement = select(Appointment).where(Appointment.id.in_(set(ids))).order_by(Appointment.id)
    return db.scalars(statement.with_for_update(key_share=True).execution_options(populate_existing=True)).all()


def outside_hours(db: Session, rows: Sequence[Appointment]) -> frozenset[AppointmentId]:
    """Return which of these visits lie outside the hours, in three statements however many they are."""
    if not rows:
        return frozenset()
    # A day more on either side: no clock is further from UTC.
    first = min(row.starts_at for row in rows) - timedelta(days=1)
    last = max(row.ends_at for row in rows) + timedelta(days=1)
    days = {"from_day": first.date(), "to_day": last.date()}
    column = db.scalar(select(open_facilities_column(None, **days)))
    facilities = read_open_facilities(column, **days)
    people = {PractitionerId(row.practitioner_id) for row in rows}
    work = _Work(facilities, hours_between(db, people, **days))
    away: Mapping[PractitionerId, list[Stretch]] = defaultdict(list)
    for absence in absences_between(db, people, start=first, end=last):
        away[absence.practitioner_id].append(Stretch(absence.starts_at, absence.ends_at))
    return frozenset(
        AppointmentId(row.id)
        for row in rows
        if not is_covered(
            Stretch(row.starts_at, row.ends_at), work.around(row), away[PractitionerId(row.practitioner_id)]
        )
    )


class _Work:
    """When practitioners work where, in which room."""

    def __init__(self, facilities: Mapping[FacilityId, OpenFacility], hours: Sequence[HoursFacts]) -> None:
        self._facilities = facilities
        self._hours: Mapping[tuple[object, ...], list[HoursFacts]] = defaultdict(list)
        for one in hours:
            key = (one.practitioner_id, one.facility_id, one.room_id, one.mode, one.weekday)
            self._hours[key].append(one)

    def around(self, row: Appointment) -> Iterable[Stretch]:
        """Return the stretches of work of the visit's day that are worked where it takes place."""
        facility = self._facilities[FacilityId(row.facility_id)]
        day: date = local_day(row.starts_at, facility.tz)
        if day in facility.closed_days:
            return []
        # Hours without a room: online, or in any room.
        keys = {
            (row.practitioner_id, row.facility_id, room_id, row.mode, day.weekday()) for room_id in (row.room_id, None)
        }
        found = [
            working_stretch(day, one.starts_minute, one.ends_minute, facility.tz)
            for key in keys
            for one in self._hours.get(key, ())
            if one.holds_on(day)
        ]
        return [stretch for stretch in found if stretch is not None]


def stranded_visits(
    db: Session, rows: Sequence[Appointment], answers: Mapping[AppointmentId, StrandedAnswer] | None = None
) -> tuple[StrandedVisit, ...]:
    """Return visits with their patients, by start. The caller has decided that the actor may know them."""
    described = describe(db, [facts_of(row) for row in sorted(rows, key=lambda row: (row.starts_at, row.id))])
    patients = find_patients(db, {visit.appointment.known_patient_id for visit in described})
    return tuple(
        StrandedVisit(
            visit,
            _reachable(db, visit, patients[visit.appointment.known_patient_id]),
            (answers or {}).get(visit.appointment.id),
        )
        for visit in described
    )


def _reachable(db: Session, visit: VisitFacts, patient: PatientFacts) -> PatientFacts:
    """Return the patient with the phone of whoever booked, when they have none of their own: a child."""
    if patient.phone or visit.appointment.booked_by is None:
        return patient
    return replace(patient, phone=get_account(db, visit.appointment.booked_by).confirmed_phone)


def visits_outside_hours(db: Session, clock: Clock, *, actor: Actor) -> tuple[StrandedVisit, ...]:
    """Return every visit to come that lies outside the hours, by start. Raises: Forbidden."""
    rows = coming_visits(db, own_scope(db, actor=actor), now=clock.now())
    outside = outside_hours(db, rows)
    stranded = [row for row in rows if row.id in outside]
    decided = {row.appointment_id: row for row in db.scalars(select(OutsideHours))} if stranded else {}
    answers = {
        AppointmentId(row.id): decided[row.id].answer
        for row in stranded
        if row.id in decided and decided[row.id].starts_at == row.starts_at
    }
    return stranded_visits(db, stranded, answers)


def stranded_visit(db: Session, clock: Clock, token: str, *, actor: Actor) -> StrandedVisit:
    """Return one of the visits outside the hours. Raises: NotFound; Forbidden."""
    for one in visits_outside_hours(db, clock, actor=actor):
        if one.token == token:
            return one
    raise NotFound
