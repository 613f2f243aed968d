"""Changes of when a practitioner works, inside somebody's transaction. Each leaves a line in the audit log.

What they do to booked visits is judged above, in booking.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import assert_never

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from clinic_portal.core.actor import Actor, Role
from clinic_portal.core.audit import record
from clinic_portal.core.cache import FREE_TIMES, forget_after_commit
from clinic_portal.core.clock import Clock
from clinic_portal.core.errors import Conflict, Forbidden, NotFound
from clinic_portal.core.ids import AbsenceId, ExtraHoursId, PractitionerId, WeeklyHoursId
from clinic_portal.facilities.steps import lock_room
from clinic_portal.practitioners.models import Absence, ExtraHours, Practitioner, WeeklyHours
from clinic_portal.practitioners.queries import HoursFacts, find_clash, practitioner_by_id


@dataclass(frozen=True)
class AddWeekly:
    """New weekly hours."""

    hours: HoursFacts

    @property
    def practitioner_id(self) -> PractitionerId:
        """Whose."""
        return self.hours.practitioner_id


@dataclass(frozen=True)
class ChangeWeekly:
    """Other hours from the day on from which the new ones are valid; the old ones end the day before."""

    hours_id: WeeklyHoursId
    hours: HoursFacts

    @property
    def practitioner_id(self) -> PractitionerId:
        """Whose."""
        return self.hours.practitioner_id


@dataclass(frozen=True)
class EndWeekly:
    """The last day of weekly hours; before they have begun: they never begin."""

    practitioner_id: PractitionerId
    hours_id: WeeklyHoursId
    last_day: date


@dataclass(frozen=True)
class AddExtra:
    """Hours of one day: valid from and until that day."""

    hours: HoursFacts

    @property
    def practitioner_id(self) -> PractitionerId:
        """Whose."""
        return self.hours.practitioner_id


@dataclass(frozen=True)
class RemoveExtra:
    """No extra hours after all."""

    practitioner_id: PractitionerId
    extra_id: ExtraHoursId


@dataclass(frozen=True)
class AddAbsence:
    """A stretch without work."""

    practitioner_id: PractitionerId
    starts_at: datetime
    ends_at: datetime
    reason: str


@dataclass(frozen=True)
class RemoveAbsence:
    """They work after all."""

    practitioner_id: PractitionerId
    absence_id: AbsenceId


PractitionerChange = AddWeekly | ChangeWeekly | EndWeekly | AddExtra | RemoveExtra | AddAbsence | RemoveAbsence


def lock_practitioner(db: Session, practitioner_id: PractitionerId, *, actor: Actor) -> None:
    """Lock a practitioner whose hours the actor may change; nobody can begin a visit with them meanwhile.

    Raises: NotFound (no such, or a colleague's hours); Forbidden (neither administrator nor practitioner).
    """
    if actor.role not in {Role.ADMINISTRATOR, Role.DOCTOR}:
        raise Forbidden
    statement = select(Practitioner).where(Practitioner.id == practitioner_id).with_for_update()
    row = db.scalar(statement.execution_options(populate_existing=True))
    if row is None or (actor.role is Role.DOCTOR and (row.account_id is None or row.account_id != actor.account_id)):
        raise NotFound


def change_hours(db: Session, clock: Clock, change: PractitionerChange, *, actor: Actor) -> None:
    """Make a change to a locked practitioner's hours.

    Raises: NotFound (no such hours of theirs); Conflict "weekly_hours.overlap" (their own hours, values `other`),
    "weekly_hours.room_taken" (values `other` and `who`).
    """
    match change:
        case AddWeekly(hours):
            done = _add_weekly(db, hours)
        case ChangeWeekly(hours_id, hours):
            done = _change_weekly(db, hours_id, hours)
        case EndWeekly(practitioner_id, hours_id, last_day):
            done = _end_weekly(db, _weekly(db, practitioner_id, hours_id), last_day)
        case AddExtra(hours):
            done = _add_extra(db, hours)
        case RemoveExtra(practitioner_id, extra_id):
            done = _remove(db, ExtraHours, practitioner_id, extra_id, "extra_hours.removed")
        case AddAbsence(practitioner_id, starts_at, ends_at, reason):
            db.add(Absence(practitioner_id=practitioner_id, starts_at=starts_at, ends_at=ends_at, reason=reason))
            done = "absence.added", {"from": starts_at.isoformat(), "until": ends_at.isoformat()}
        case RemoveAbsence(practitioner_id, absence_id):
            done = _remove(db, Absence, practitioner_id, absence_id, "absence.removed")
        case _:
            assert_never(change)
    db.flush()
    forget_after_commit(db, FREE_TIMES)
    action, detail = done
    record(
        db, clock, actor=actor, action=action, subject_kind="practitioner", subject_id=change.practitioner_id, **detail
    )


def set_meeting_url(
    db: Session, clock: Clock, practitioner_id: PractitionerId, meeting_url: str | None, *, actor: Actor
) -> None:
    """Change where a locked practitioner meets patients online."""
    row = db.get_one(Practitioner, practitioner_id)
    if row.meeting_url == meeting_url:
        return
    row.meeting_url = meeting_url
    db.flush()
    record(
        db, clock, actor=actor, action="practitioner.meeting_url_changed", subject_kind="practitioner",
        subject_id=practitioner_id, meeting_url=meeting_url or "",
    )  # fmt: skip


def _add_weekly(db: Session, hours: HoursFacts) -> tuple[str, dict[str, str]]:
    _refuse_clash(db, hours, but=None)
    db.add(WeeklyHours(weekday=hours.weekday, **_columns(hours), **_validity(hours)))
    return "weekly_hours.added", _detail(hours)


def _change_weekly(db: Session, hours_id: WeeklyHoursId, hours: HoursFacts) -> tuple[str, dict[str, str]]:
    row = _weekly(db, hours.practitioner_id, hours_id)
    _refuse_clash(db, hours, but=hours_id)
    _end_weekly(db, row, hours.valid_from - timedelta(days=1))
    db.flush()
    db.add(WeeklyHours(weekday=hours.weekday, **_columns(hours), **_validity(hours)))
    return "weekly_hours.changed", {"hours": str(hours_id), **_detail(hours)}


def _end_weekly(db: Session, row: WeeklyHours, last_day: date) -> tuple[str, dict[str, str]]:
    if last_day < row.valid_from:
        db.delete(row)
    elif row.valid_until is None or last_day < row.valid_until:
        row.valid_until = last_day
    return "weekly_hours.ended", {"hours": str(row.id), "last_day": last_day.isoformat()}


def _add_extra(db: Session, hours: HoursFacts) -> tuple[str, dict[str, str]]:
    _refuse_clash(db, hours, but=None)
    db.add(ExtraHours(day=hours.valid_from, **_columns(hours)))
    return "extra_hours.added", _detail(hours)


def _remove(
    db: Session,
    table: type[ExtraHours] | type[Absence],
    practitioner_id: PractitionerId,
    row_id: ExtraHoursId | AbsenceId,
    action: str,
) -> tuple[str, dict[str, str]]:
    mine = (table.id == row_id, table.practitioner_id == practitioner_id)
    if db.scalar(delete(table).where(*mine).returning(table.id)) is None:
        raise NotFound
    return action, {"id": str(row_id)}


def _weekly(db: Session, practitioner_id: PractitionerId, hours_id: WeeklyHoursId) -> WeeklyHours:
    row = db.get(WeeklyHours, hours_id, populate_existing=True)
    if row is None or row.practitioner_id != practitioner_id:
        raise NotFound
    return row


def _refuse_clash(db: Session, hours: HoursFacts, *, but: WeeklyHoursId | None) -> None:
    if hours.room_id is not None:
        lock_room(db, hours.room_id, facility_id=hours.facility_id)
    other = find_clash(db, hours, but=but)
    if other is None:
        return
    if other.practitioner_id == hours.practitioner_id:
        raise Conflict("weekly_hours.overlap", other=other)
    raise Conflict("weekly_hours.room_taken", other=other, who=practitioner_by_id(db, other.practitioner_id).full_name)


def _columns(hours: HoursFacts) -> dict[str, object]:
    return {
        "practitioner_id": hours.practitioner_id,
        "facility_id": hours.facility_id,
        "room_id": hours.room_id,
        "mode": hours.mode,
        "starts_minute": hours.starts_minute,
        "ends_minute": hours.ends_minute,
    }


def _validity(hours: HoursFacts) -> dict[str, object]:
    return {"valid_from": hours.valid_from, "valid_until": hours.valid_until}


def _detail(hours: HoursFacts) -> dict[str, str]:
    return {
        "facility": str(hours.facility_id),
        "room": str(hours.room_id or ""),
        "mode": hours.mode.value,
        "weekday": str(hours.weekday),
        "minutes": f"{hours.starts_minute}-{hours.ends_minute}",
        "from": hours.valid_from.isoformat(),
        "until": hours.valid_until.isoformat() if hours.valid_until else "",
    }
