"""Hours and absences row by row, for those who edit them."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from clinic_portal.core.ids import AbsenceId, ExtraHoursId, FacilityId, PractitionerId, RoomId, WeeklyHoursId
from clinic_portal.practitioners.models import Absence, ExtraHours, WeeklyHours
from clinic_portal.practitioners.queries.rota import HoursFacts
from clinic_portal.practitioners.rules import overlap


@dataclass(frozen=True)
class HoursRow:
    """Weekly hours, or those of one day, as somebody edits them."""

    id: WeeklyHoursId | ExtraHoursId
    hours: HoursFacts


@dataclass(frozen=True)
class AbsenceRow:
    """An absence as somebody edits it; the reason is for staff only."""

    id: AbsenceId
    starts_at: datetime
    ends_at: datetime
    reason: str


@dataclass(frozen=True)
class Timetable:
    """What a practitioner's hours are made of, from some day on: weekly by weekday and time, the others by time."""

    weekly: tuple[HoursRow, ...]
    extra: tuple[HoursRow, ...]
    absences: tuple[AbsenceRow, ...]


def timetable_of(db: Session, practitioner_id: PractitionerId, *, from_day: date, now: datetime) -> Timetable:
    """Return what is valid on `from_day` or later."""
    weekly = db.scalars(
        select(WeeklyHours)
        .where(
            WeeklyHours.practitioner_id == practitioner_id,
            or_(WeeklyHours.valid_until.is_(None), WeeklyHours.valid_until >= from_day),
        )
        .order_by(WeeklyHours.weekday, WeeklyHours.starts_minute, WeeklyHours.valid_from)
    )
    extra = db.scalars(
        select(ExtraHours)
        .where(ExtraHours.practitioner_id == practitioner_id, ExtraHours.day >= from_day)
        .order_by(ExtraHours.day, ExtraHours.starts_minute)
    )
    away = db.scalars(
        select(Absence)
        .where(Absence.practitioner_id == practitioner_id, Absence.ends_at > now)
        .order_by(Absence.starts_at)
    )
    return Timetable(
        tuple(HoursRow(WeeklyHoursId(row.id), _weekly(row)) for row in weekly),
        tuple(HoursRow(ExtraHoursId(row.id), _extra(row)) for row in extra),
        tuple(AbsenceRow(AbsenceId(row.id), row.starts_at, row.ends_at, row.reason) for row in away),
    )


def find_clash(db: Session, wanted: HoursFacts, *, but: WeeklyHoursId | None = None) -> HoursFacts | None:
    """Return hours that are in the way: the practitioner's own first, then somebody else's in the same room.

    `but` are the weekly hours that the wanted ones replace.
    """
    mine = WeeklyHours.practitioner_id == wanted.practitioner_id
    mine_that_day = ExtraHours.practitioner_id == wanted.practitioner_id
    if wanted.room_id is not None:
        mine, mine_that_day = (
            or_(mine, WeeklyHours.room_id == wanted.room_id),
            or_(mine_that_day, ExtraHours.room_id == wanted.room_id),
        )
    weekly = [_weekly(row) for row in db.scalars(select(WeeklyHours).where(mine)) if row.id != but]
    extra = [_extra(row) for row in db.scalars(select(ExtraHours).where(mine_that_day))]
    found = [hours for hours in [*weekly, *extra] if overlap(hours, wanted)]
    found.sort(key=lambda hours: hours.practitioner_id != wanted.practitioner_id)
    return found[0] if found else None


def _weekly(row: WeeklyHours) -> HoursFacts:
    return HoursFacts(
        PractitionerId(row.practitioner_id),
        FacilityId(row.facility_id),
        RoomId(row.room_id) if row.room_id else None,
        row.mode,
        row.weekday,
        row.starts_minute,
        row.ends_minute,
        row.valid_from,
        row.valid_until,
    )


def _extra(row: ExtraHours) -> HoursFacts:
    return HoursFacts(
        PractitionerId(row.practitioner_id),
        FacilityId(row.facility_id),
        RoomId(row.room_id) if row.room_id else None,
        row.mode,
        row.day.weekday(),
        row.starts_minute,
        row.ends_minute,
        row.day,
        row.day,
    )
