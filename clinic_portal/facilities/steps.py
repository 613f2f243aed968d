"""Changes of when a facility is open, inside somebody's transaction. Each leaves a line in the audit log."""

from dataclasses import dataclass
from datetime import date
from typing import assert_never

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.core.actor import Actor, Role
from clinic_portal.core.audit import record
from clinic_portal.core.cache import FREE_TIMES, forget_after_commit
from clinic_portal.core.clock import Clock
from clinic_portal.core.errors import Forbidden, NotFound
from clinic_portal.core.ids import FacilityId, RoomId
from clinic_portal.facilities.holidays import holidays_between
from clinic_portal.facilities.models import Closure, Facility, OpenHoliday, Room


@dataclass(frozen=True)
class CloseDay:
    """A day without visits; on a public holiday that was overruled, the holiday counts again."""

    facility_id: FacilityId
    day: date
    reason: str = ""


@dataclass(frozen=True)
class OpenDay:
    """A day with visits, although it was closed or is a public holiday."""

    facility_id: FacilityId
    day: date


@dataclass(frozen=True)
class KeepHolidays:
    """Whether the facility is closed on the public holidays of its country and region."""

    facility_id: FacilityId
    is_kept: bool


FacilityChange = CloseDay | OpenDay | KeepHolidays


def lock_facility(db: Session, facility_id: FacilityId, *, actor: Actor) -> None:
    """Lock a facility whose days the actor may change; nobody can begin a visit there meanwhile.

    Raises: Forbidden (no administrator); NotFound.
    """
    if actor.role is not Role.ADMINISTRATOR:
        raise Forbidden
    if db.scalar(select(Facility.id).where(Facility.id == facility_id).with_for_update()) is None:
        raise NotFound


def keep_days(db: Session) -> None:
    """Let nobody change the days of a facility until the end of the transaction.

    Whoever is about to change a practitioner's hours does this first: those who change a facility's days lock the facility,
    and write rows that name practitioners after that.
    """
    db.execute(select(Facility.id).order_by(Facility.id).with_for_update(read=True, key_share=True))


def lock_room(db: Session, room_id: RoomId, *, facility_id: FacilityId) -> None:
    """Lock a room against others who plan hours in it; visits are booked there meanwhile. Raises: NotFound."""
    statement = select(Room.id).where(Room.id == room_id, Room.facility_id == facility_id)
    if db.scalar(statement.with_for_update(key_share=True)) is None:
        raise NotFound


def change_days(db: Session, clock: Clock, change: FacilityChange, *, actor: Actor) -> None:
    """Make a change to a locked facility's days. Repeating it changes nothing more. Raises: NotFound."""
    row = db.get(Facility, change.facility_id, populate_existing=True)
    if row is None:
        raise NotFound
    match change:
        case CloseDay(_, day, reason):
            _close(db, row, day, reason)
            done = "facility.closed", {"day": day.isoformat(), "reason": reason}
        case OpenDay(_, day):
            _open(db, row, day)
            done = "facility.opened", {"day": day.isoformat()}
        case KeepHolidays(_, is_kept):
            row.observes_holidays = is_kept
            done = "facility.holidays", {"kept": str(is_kept)}
        case _:
            assert_never(change)
    db.flush()
    forget_after_commit(db, FREE_TIMES)
    action, detail = done
    record(db, clock, actor=actor, action=action, subject_kind="facility", subject_id=change.facility_id, **detail)


def _close(db: Session, row: Facility, day: date, reason: str) -> None:
    opened = db.get(OpenHoliday, (row.id, day))
    if opened is not None:
        db.delete(opened)
    closure = db.get(Closure, (row.id, day))
    if closure is not None:
        closure.reason = reason or closure.reason
    elif not _is_holiday(row, day):
        db.add(Closure(facility_id=row.id, day=day, reason=reason))


def _open(db: Session, row: Facility, day: date) -> None:
    closure = db.get(Closure, (row.id, day))
    if closure is not None:
        db.delete(closure)
    if _is_holiday(row, day) and db.get(OpenHoliday, (row.id, day)) is None:
        db.add(OpenHoliday(facility_id=row.id, day=day))


def _is_holiday(row: Facility, day: date) -> bool:
    return row.observes_holidays and day in holidays_between(row.country, row.region, day, day)
