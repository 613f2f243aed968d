"""Reads of missed visits: the clinic's rule, counts for staff, and visits of days that are over."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select, true, type_coerce
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment, VisitPolicy
from clinic_portal.booking.rules import LIVE_STATES, AppointmentState
from clinic_portal.booking.rules.missed import MissedRule, judge_missed
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock, day_bounds, local_day
from clinic_portal.core.db import UtcDateTime
from clinic_portal.core.errors import Forbidden
from clinic_portal.core.ids import AppointmentId, PatientId
from clinic_portal.core.modes import Mode
from clinic_portal.core.statements import built_once, read_columns
from clinic_portal.facilities.queries import find_facilities

__all__ = [
    "MissedRule",
    "is_time_taken",
    "missed_counts",
    "missed_rule",
    "missed_under_rule",
    "phoning_only",
    "visits_never_arrived_for",
]


def missed_rule(db: Session) -> MissedRule:
    """Return what the clinic has decided about missed visits."""
    row = db.execute(select(VisitPolicy.noshow_limit, VisitPolicy.noshow_days)).one()
    return MissedRule(limit=row[0], days=row[1])


def missed_under_rule(db: Session, clock: Clock, patient_id: PatientId) -> tuple[int, MissedRule]:
    """Return how many visits a patient missed in the rule's days (0 when there is no limit), and the rule."""
    ((limit, days, missed),) = read_columns(db, *_missed(patient_id=patient_id, now=clock.now()))
    return missed, MissedRule(limit=limit, days=days)


@built_once
def _missed(*, patient_id: PatientId, now: datetime) -> Select[int | None, int, int]:
    count = (
        select(func.count())
        .where(Appointment.patient_id == patient_id, _counts(now))
        .correlate(VisitPolicy)
        .scalar_subquery()
    )
    counted = case((VisitPolicy.noshow_limit.is_(None), 0), else_=count)
    return select(VisitPolicy.noshow_limit, VisitPolicy.noshow_days, counted)


def missed_counts(
    db: Session, clock: Clock, patient_ids: Collection[PatientId], *, actor: Actor
) -> Mapping[PatientId, int]:
    """Return how many visits each of these patients missed in the rule's days; who missed none is left out.

    Raises: Forbidden for anybody who is not staff: patients are not shown a count of their failings.
    """
    if not actor.is_staff:
        raise Forbidden
    if not patient_ids:
        return {}
    rows = db.execute(
        select(Appointment.patient_id, func.count())
        .join(VisitPolicy, true())
        .where(Appointment.patient_id.in_(set(patient_ids)), _counts(clock.now()))
        .group_by(Appointment.patient_id)
    )
    return {PatientId(patient_id): count for patient_id, count in rows if patient_id}


def phoning_only(
    db: Session, clock: Clock, patient_ids: Collection[PatientId] | Select[UUID], *, actor: Actor
) -> frozenset[PatientId]:  # fmt: skip
    """Return who of these missed too many visits to book on the portal: one statement. Staff are not limited."""
    if actor.is_staff or not (isinstance(patient_ids, Select) or patient_ids):
        return frozenset()
    rows = db.execute(
        select(Appointment.patient_id, func.count(), VisitPolicy.noshow_limit, VisitPolicy.noshow_days)
        .join(VisitPolicy, VisitPolicy.noshow_limit.is_not(None))
        .where(Appointment.patient_id.in_(patient_ids), _counts(clock.now()))
        .group_by(Appointment.patient_id, VisitPolicy.noshow_limit, VisitPolicy.noshow_days)
    )
    return frozenset(
        PatientId(patient_id)
        for patient_id, missed, limit, days in rows
        if patient_id and not judge_missed(missed, MissedRule(limit, days)).allowed
    )


def visits_never_arrived_for(db: Session, clock: Clock, *, limit: int) -> Sequence[AppointmentId]:
    """Return booked visits in person whose day is over at their facility, the oldest first.

    Nobody arrives for a visit online, so those say nothing about who came.
    """
    found: list[AppointmentId] = []
    for facility in find_facilities(db).values():
        today, _ = day_bounds(local_day(clock.now(), facility.tz), facility.tz)
        rows = db.scalars(
            select(Appointment.id)
            .where(
                Appointment.state == AppointmentState.BOOKED,
                Appointment.facility_id == facility.id,
                Appointment.mode == Mode.IN_PERSON,
                Appointment.starts_at < today,
            )
            .order_by(Appointment.starts_at, Appointment.id)
            .limit(limit)
        )
        found.extend(AppointmentId(id_) for id_ in rows)
    return found


def is_time_taken(db: Session, row: Appointment) -> bool:
    """Say whether somebody else has a missed visit's time by now, or its patient something else."""
    busy = and_(Appointment.busy_from < row.busy_until, Appointment.busy_until > row.busy_from)
    same = or_(
        Appointment.practitioner_id == row.practitioner_id,
        and_(Appointment.room_id.is_not(None), Appointment.room_id == row.room_id),
    )
    theirs = and_(
        Appointment.patient_id == row.patient_id,
        Appointment.starts_at < row.ends_at,
        Appointment.ends_at > row.starts_at,
    )
    other = and_(Appointment.id != row.id, Appointment.state.in_(LIVE_STATES))
    return bool(db.scalar(select(exists().where(other, or_(and_(busy, same), theirs)))))


def _counts(now: datetime) -> ColumnElement[bool]:
    """Whether an appointment is a missed one of the rule's days, in a statement that has the visit policy beside it."""
    since = type_coerce(now, UtcDateTime()) - func.make_interval(0, 0, 0, VisitPolicy.noshow_days)
    return and_(Appointment.state == AppointmentState.NOSHOW, Appointment.starts_at >= since)
