"""Held times, and what is in the way of one."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, Integer, Select, Table, and_, exists, false, func, literal_column, or_, select
from sqlalchemy.orm import Session, aliased

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.queries.appointments import AppointmentFacts, facts_of
from clinic_portal.booking.queries.rota import Taker
from clinic_portal.booking.rules import FIRM_STATES, AppointmentState, Stretch
from clinic_portal.core.clock import day_bounds, zone
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import AccountId, AppointmentId, FacilityId, PatientId, PractitionerId, RoomId, ServiceId
from clinic_portal.core.statements import built_once, is_any, is_none, read_columns, read_objects
from clinic_portal.facilities.queries import ServiceFacts, facility_by_id

_APPOINTMENTS = cast("Table", Appointment.__table__)

#: Written out, not a parameter: else a plan that is made once for all parameters could not use the index of what is held.
_IS_HELD = Appointment.state == literal_column("'proposed'")


def own_hold(db: Session, appointment_id: AppointmentId, *, hold_key_hash: str | None) -> AppointmentFacts:
    """Return the time that this browser holds, or held: what became of it is in its state.

    Raises: NotFound when there is no such, or when another browser holds it.
    """
    row = db.get(Appointment, appointment_id, populate_existing=True)
    if row is None or hold_key_hash is None or row.hold_key_hash != hold_key_hash:
        raise NotFound
    return facts_of(row)


def live_hold(db: Session, hold_key_hash: str, *, now: datetime) -> AppointmentFacts | None:
    """Return the time that this browser holds now."""
    row = db.scalar(
        select(Appointment).where(
            Appointment.hold_key_hash == hold_key_hash,
            Appointment.state == AppointmentState.PROPOSED,
            Appointment.held_until > now,
        )
    )
    return facts_of(row) if row else None


def lock_holds(  # noqa: PLR0913 - all by name
    db: Session,
    *,
    wanted: Stretch,
    now: datetime,
    takers: Collection[Taker] = (),
    patient_id: PatientId | None = None,
    hold_key_hash: str | None = None,
    account_id: AccountId | None = None,
    skip_locked: bool = False,
) -> Sequence[Appointment]:
    """Return, locked in order of ids, somebody's own holds and the expired ones that are in the way of a stretch.

    Their own are those of a browser (`hold_key_hash`) and of an account. `wanted` is what the visit takes up, buffers
    included. In the way is what takes up one of the takers, one of their rooms, or the patient.
    """
    practitioner_ids, room_ids = _ids_of(takers)
    statement = _locked_holds(
        practitioner_ids=practitioner_ids, room_ids=room_ids, start=wanted.start, end=wanted.end, now=now,
        patient_id=patient_id, hold_key_hash=hold_key_hash, account_id=account_id, skip_locked=skip_locked or None,
    )  # fmt: skip
    return read_objects(db, Appointment, *statement)


@built_once
def _locked_holds(  # noqa: PLR0913 - whose, and when
    *,
    practitioner_ids: list[PractitionerId],
    room_ids: list[RoomId],
    start: datetime,
    end: datetime,
    now: datetime,
    patient_id: PatientId | None,
    hold_key_hash: str | None,
    account_id: AccountId | None,
    skip_locked: bool | None,
) -> Select[*tuple[Any, ...]]:
    mine = or_(
        Appointment.hold_key_hash == hold_key_hash if hold_key_hash is not None else false(),
        Appointment.booked_by_account_id == account_id if account_id is not None else false(),
    )
    in_the_way = _in_the_way(practitioner_ids, room_ids, patient_id, start=start, end=end, now=now)
    return (
        select(_APPOINTMENTS)
        .where(_IS_HELD, or_(mine, in_the_way))
        .order_by(Appointment.id)
        .with_for_update(key_share=True, skip_locked=skip_locked is not None)
    )


def lock_for_move(
    db: Session,
    appointment_id: AppointmentId,
    *,
    wanted: Stretch,
    takers: Collection[Taker],
    patient_id: PatientId,
    now: datetime,
) -> tuple[Appointment, list[Appointment]]:
    """Return a visit, and the expired holds in the way of its new time, all locked in order of ids. Raises: NotFound."""
    practitioner_ids, room_ids = _ids_of(takers)
    statement = _locked_for_move(
        appointment_id=appointment_id, practitioner_ids=practitioner_ids, room_ids=room_ids, start=wanted.start,
        end=wanted.end, now=now, patient_id=patient_id,
    )  # fmt: skip
    rows = read_objects(db, Appointment, *statement)
    found = [row for row in rows if row.id == appointment_id]
    if not found:
        raise NotFound
    return found[0], [row for row in rows if row.id != appointment_id]


@built_once
def _locked_for_move(  # noqa: PLR0913 - which visit, whose time, and when
    *,
    appointment_id: AppointmentId,
    practitioner_ids: list[PractitionerId],
    room_ids: list[RoomId],
    start: datetime,
    end: datetime,
    now: datetime,
    patient_id: PatientId,
) -> Select[*tuple[Any, ...]]:
    expired = and_(_IS_HELD, _in_the_way(practitioner_ids, room_ids, patient_id, start=start, end=end, now=now))
    return (
        select(_APPOINTMENTS)
        .where(or_(Appointment.id == appointment_id, expired))
        .order_by(Appointment.id)
        .with_for_update(key_share=True)
    )


def _ids_of(takers: Collection[Taker]) -> tuple[list[PractitionerId], list[RoomId]]:
    practitioner_ids = sorted({taker.practitioner_id for taker in takers})
    return practitioner_ids, sorted({taker.room_id for taker in takers if taker.room_id})


def _in_the_way(
    practitioner_ids: list[PractitionerId],
    room_ids: list[RoomId],
    patient_id: PatientId | None,
    *,
    start: datetime,
    end: datetime,
    now: datetime,
) -> ColumnElement[bool]:
    theirs = or_(
        is_any(Appointment.practitioner_id, practitioner_ids),
        is_any(Appointment.room_id, room_ids),
        Appointment.patient_id == patient_id if patient_id is not None else false(),
    )
    overlaps = and_(Appointment.busy_from < end, Appointment.busy_until > start)
    return and_(Appointment.held_until <= now, overlaps, theirs)


def lock_hold_for(
    db: Session, appointment_id: AppointmentId, patient_id: PatientId, *, now: datetime
) -> tuple[Appointment, list[Appointment]]:
    """Return the row, and the patient's own expired holds that overlap with it, all locked in order of ids.

    Raises: NotFound.
    """
    statement = _locked_hold_for(appointment_id=appointment_id, patient_id=patient_id, now=now)
    rows = read_objects(db, Appointment, *statement)
    found = [row for row in rows if row.id == appointment_id]
    if not found:
        raise NotFound
    return found[0], [row for row in rows if row.id != appointment_id]


@built_once
def _locked_hold_for(
    *, appointment_id: AppointmentId, patient_id: PatientId, now: datetime
) -> Select[*tuple[Any, ...]]:
    this = aliased(Appointment)
    overlapping = exists().where(
        this.id == appointment_id, this.starts_at < Appointment.ends_at, this.ends_at > Appointment.starts_at
    )
    expired = and_(
        Appointment.patient_id == patient_id,
        _IS_HELD,
        Appointment.held_until <= now,
        overlapping,
    )
    return (
        select(_APPOINTMENTS)
        .where(or_(Appointment.id == appointment_id, expired))
        .order_by(Appointment.id)
        .with_for_update(key_share=True, of=_APPOINTMENTS)
    )


def lock_expired_holds(db: Session, *, now: datetime, limit: int) -> Sequence[Appointment]:
    """Return holds that ran out, locked in order of ids, without those that somebody else is just looking at."""
    return db.scalars(
        select(Appointment)
        .where(Appointment.state == AppointmentState.PROPOSED, Appointment.held_until <= now)
        .order_by(Appointment.id)
        .limit(limit)
        .with_for_update(key_share=True, skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()


@dataclass(frozen=True)
class PatientsTime:
    """What a patient would do when. `but` are appointments that do not count: those that this one replaces."""

    patient_id: PatientId
    service: ServiceFacts
    facility_id: FacilityId
    starts_at: datetime
    but: tuple[AppointmentId, ...] = ()


def check_patients_time(db: Session, wanted: PatientsTime, *, now: datetime, is_limited: bool = True) -> None:
    """Refuse a time that the patient cannot take. The caller holds the patient's lock.

    Raises: Conflict "appointment.patient_overlap" (another visit then), or, when the service's limit of visits in a
    day counts (`is_limited`), "appointment.too_many_that_day".
    """
    limit = wanted.service.rules.visits_per_day if is_limited else None
    first, last = _day_of(db, wanted) if limit is not None else (None, None)
    statement = _others_of_patient(
        patient_id=wanted.patient_id, but=list(wanted.but), start=wanted.starts_at,
        end=wanted.starts_at + timedelta(minutes=wanted.service.minutes), now=now,
        service_id=wanted.service.id, first=first, last=last,
    )  # fmt: skip
    ((overlaps, that_day),) = read_columns(db, *statement)
    if overlaps:
        raise Conflict("appointment.patient_overlap")
    if limit is not None and that_day >= limit:
        raise Conflict("appointment.too_many_that_day", limit=limit)


def _day_of(db: Session, wanted: PatientsTime) -> tuple[datetime, datetime]:
    tz = facility_by_id(db, wanted.facility_id).tz
    return day_bounds(wanted.starts_at.astimezone(zone(tz)).date(), tz)


@built_once
def _others_of_patient(  # noqa: PLR0913 - all by name
    *,
    patient_id: PatientId,
    but: list[AppointmentId],
    start: datetime,
    end: datetime,
    now: datetime,
    service_id: ServiceId,
    first: datetime | None,
    last: datetime | None,
) -> Select[bool, int]:
    """Whether the patient has another visit then, and how many of the service from `first` to `last`, if that is asked."""
    held = and_(_IS_HELD, Appointment.held_until > now)
    theirs = and_(
        Appointment.patient_id == patient_id,
        or_(Appointment.state.in_(FIRM_STATES), held),
        is_none(Appointment.id, but),
    )
    overlap = exists().where(theirs, Appointment.starts_at < end, Appointment.ends_at > start)
    if first is None or last is None:
        return select(overlap, literal_column("0", Integer))
    on_day = and_(Appointment.starts_at >= first, Appointment.starts_at < last, Appointment.service_id == service_id)
    return select(overlap, select(func.count()).where(theirs, on_day).scalar_subquery())
