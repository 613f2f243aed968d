"""Reads of reminders: the clinic's plans and quiet hours, and the visits that one message tells of together."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment, AppointmentHistory, ReminderPlan, VisitPolicy
from clinic_portal.booking.queries.appointments import AppointmentFacts, facts_of
from clinic_portal.booking.queries.recipients import recipients
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.booking.rules.reminders import EMAIL_PLAN, SMS_PLAN, Plan, QuietHours, Stage
from clinic_portal.core.clock import Clock, day_bounds, local_day
from clinic_portal.core.ids import AppointmentId, FacilityId, ServiceId
from clinic_portal.core.statements import built_once, read_columns
from clinic_portal.facilities.queries import facility_by_id, tz_of
from clinic_portal.notifications.queries import Channel, has_messages

__all__ = [
    "DEFAULTS",
    "Channel",
    "Plan",
    "QuietHours",
    "Reminding",
    "companions",
    "own_plans",
    "quiet_hours",
    "reminding",
    "time_given_at",
    "upcoming",
    "visits_to_remind",
]

DEFAULTS: Mapping[Channel, Plan] = {Channel.EMAIL: EMAIL_PLAN, Channel.SMS: SMS_PLAN}


@dataclass(frozen=True)
class Reminding:
    """How visits of a service are reminded of."""

    plans: Mapping[Channel, Plan]
    quiet: QuietHours


def reminding(db: Session, service_id: ServiceId | UUID | None) -> Reminding:
    """Return the plans of a service (None: of all that have none of their own) and the quiet hours: one statement."""
    return _reminding(db.execute(_plans_of(service_id)).all())


def reminding_at(db: Session, service_id: ServiceId, facility_id: FacilityId) -> tuple[Reminding, str]:
    """Return how a visit of the service is reminded of, and the zone of the facility where it is: one statement."""
    rows = read_columns(db, *_plans_at(service_id=service_id, facility_id=facility_id))
    return _reminding([row[:-1] for row in rows]), rows[0][-1]


@built_once
def _plans_at(*, service_id: ServiceId, facility_id: FacilityId) -> Select[*tuple[Any, ...]]:
    return _plans_of(service_id).add_columns(tz_of(facility_id))


def own_plans(db: Session) -> Mapping[tuple[ServiceId | None, Channel], Plan]:
    """Return every plan that the clinic has made, by service (None: all that have none of their own) and channel."""
    rows = db.scalars(select(ReminderPlan))
    return {
        (ServiceId(row.service_id) if row.service_id else None, row.channel): Plan(
            **{one.name: getattr(row, one.name) for one in fields(Plan)}
        )
        for row in rows
    }


def quiet_hours(db: Session) -> QuietHours:
    """Return the hours in which nobody is reminded."""
    row = db.execute(select(VisitPolicy.quiet_from_minute, VisitPolicy.quiet_until_minute)).one()
    return QuietHours(*row)


def companions(db: Session, clock: Clock, subject_id: UUID, channel: Channel) -> Collection[UUID]:
    """Return the other visits to come, on the same day of the facility's calendar, of which the same address is reminded.

    None of a visit that needs no reminder itself. Whom a message reaches is asked now, not when the visits were booked.
    """
    row = db.get(Appointment, subject_id, populate_existing=True)
    if row is None or not _is_to_come(row, clock.now()):
        return []
    tz = facility_by_id(db, facts_of(row).facility_id).tz
    start, end = day_bounds(local_day(row.starts_at, tz), tz)
    day = _booked_between(db, max(start, clock.now()), end)
    addresses = {id_: who.reminded_at(channel) for id_, who in recipients(db, day, today=clock.now().date()).items()}
    mine = addresses.get(AppointmentId(row.id))
    return [id_ for id_, address in addresses.items() if mine and address == mine and id_ != row.id]


def visits_to_remind(
    db: Session, clock: Clock, subject_ids: Sequence[UUID], channel: Channel
) -> Sequence[AppointmentFacts]:
    """Return those of the visits that are still to come, by start.

    Only those on the day and with the address of the first of them: the others are reminded of by themselves.
    """
    now = clock.now()
    rows = {
        row.id: row
        for row in db.scalars(
            select(Appointment).where(Appointment.id.in_(subject_ids)).execution_options(populate_existing=True)
        )
    }
    live = [facts_of(rows[id_]) for id_ in subject_ids if id_ in rows and _is_to_come(rows[id_], now)]
    reached = recipients(db, live, today=now.date())
    together: list[AppointmentFacts] = []
    for visit in live:
        address = reached[visit.id].reminded_at(channel)
        if address is None:
            continue
        first = together[0] if together else visit
        tz = facility_by_id(db, first.facility_id).tz
        same_day = local_day(visit.starts_at, tz) == local_day(first.starts_at, tz)
        if same_day and address == reached[first.id].reminded_at(channel):
            together.append(visit)
    return sorted(together, key=lambda visit: (visit.starts_at, visit.id))


def time_given_at(db: Session, visit: AppointmentFacts) -> datetime | None:
    """Return when the visit got the time that it has: when it was booked, or moved there."""
    if not visit.sequence:
        return visit.booked_at
    its_lines = AppointmentHistory.appointment_id == visit.id
    elsewhen = (
        select(func.max(AppointmentHistory.at))
        .where(its_lines, AppointmentHistory.starts_at != visit.starts_at)
        .scalar_subquery()
    )
    moved = select(func.min(AppointmentHistory.at)).where(
        its_lines,
        AppointmentHistory.starts_at == visit.starts_at,
        or_(elsewhen.is_(None), AppointmentHistory.at >= elsewhen),
    )
    return db.scalar(moved) or visit.booked_at


def upcoming(
    db: Session, clock: Clock, *, after: tuple[datetime, UUID] | None, limit: int, missing_only: bool = False
) -> Sequence[AppointmentFacts]:
    """Return booked visits to come, by start, a page at a time: `after` is the start and id of the last one seen.

    `missing_only`: those for which no reminder was ever planned.
    """
    statement = select(Appointment).where(
        Appointment.state == AppointmentState.BOOKED, Appointment.starts_at > clock.now()
    )
    if missing_only:
        statement = statement.where(~has_messages(Appointment.id, [stage.value for stage in Stage]))
    if after is not None:
        starts_at, id_ = after
        statement = statement.where(
            or_(Appointment.starts_at > starts_at, (Appointment.starts_at == starts_at) & (Appointment.id > id_))
        )
    rows = db.scalars(statement.order_by(Appointment.starts_at, Appointment.id).limit(limit))
    return [facts_of(row) for row in rows]


def _booked_between(db: Session, start: datetime, end: datetime) -> Sequence[AppointmentFacts]:
    rows = db.scalars(
        select(Appointment).where(
            Appointment.state == AppointmentState.BOOKED, Appointment.starts_at >= start, Appointment.starts_at < end
        )
    )
    return [facts_of(row) for row in rows]


def _is_to_come(row: Appointment, now: datetime) -> bool:
    return row.state is AppointmentState.BOOKED and row.patient_id is not None and row.starts_at > now


def _plans_of(service_id: ServiceId | UUID | None) -> Select[*tuple[Any, ...]]:
    quiet = (VisitPolicy.quiet_from_minute, VisitPolicy.quiet_until_minute)
    plan = (ReminderPlan.service_id, ReminderPlan.channel, *(getattr(ReminderPlan, one.name) for one in fields(Plan)))
    applies = or_(ReminderPlan.service_id.is_(None), ReminderPlan.service_id == service_id)
    return select(*quiet, *plan).outerjoin(ReminderPlan, applies)


def _reminding(rows: Sequence[tuple[Any, ...]]) -> Reminding:
    usual: dict[Channel, Plan] = {}
    own: dict[Channel, Plan] = {}
    for _, _, service_id, channel, *plan in rows:
        if channel is not None:  # Without any plan the outer join gives one row: the quiet hours alone.
            (usual if service_id is None else own)[channel] = Plan(*plan)
    return Reminding({**DEFAULTS, **usual, **own}, QuietHours(rows[0][0], rows[0][1]))
