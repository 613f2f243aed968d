"""Reads of practitioners: who they are, what they give, when they work."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import AccountId, FacilityId, PractitionerId, RoomId, ServiceId
from clinic_portal.core.modes import Mode
from clinic_portal.practitioners.models import Absence, Practitioner, PractitionerService, WeeklyHours
from clinic_portal.practitioners.rules import initials, short_name

__all__ = [
    "AbsenceFacts",
    "HoursFacts",
    "PractitionerFacts",
    "absences",
    "find_practitioner_of",
    "places_of_service",
    "practitioner_by_id",
    "practitioners",
    "weekly_hours",
]


@dataclass(frozen=True)
class PractitionerFacts:
    """Somebody who treats patients."""

    id: PractitionerId
    prefix: str
    given_name: str
    family_name: str
    is_active: bool

    @property
    def full_name(self) -> str:
        """Prefix, given and family name: "Dr. Rui Meireles"."""
        return " ".join(part for part in (self.prefix, self.given_name, self.family_name) if part)

    @property
    def short_name(self) -> str:
        """What fits under a time: "Rui M."."""
        return short_name(self.given_name, self.family_name)

    @property
    def initials(self) -> str:
        """Two letters: "RM"."""
        return initials(self.given_name, self.family_name)


@dataclass(frozen=True, slots=True)
class HoursFacts:
    """A stretch of one weekday on the facility's wall clock, for as long as it is valid."""

    practitioner_id: PractitionerId
    facility_id: FacilityId
    #: None when online.
    room_id: RoomId | None
    mode: Mode
    #: 0 is Monday.
    weekday: int
    #: Minutes after midnight; the end is not included.
    starts_minute: int
    ends_minute: int
    valid_from: date
    #: The last day; None is until further notice.
    valid_until: date | None

    def holds_on(self, day: date) -> bool:
        """Whether the practitioner works this stretch on that day."""
        return (
            day.weekday() == self.weekday
            and self.valid_from <= day
            and (self.valid_until is None or day <= self.valid_until)
        )


@dataclass(frozen=True, slots=True)
class AbsenceFacts:
    """A stretch of time in which a practitioner does not work."""

    practitioner_id: PractitionerId
    starts_at: datetime
    ends_at: datetime


def practitioners(db: Session, ids: Collection[PractitionerId]) -> Mapping[PractitionerId, PractitionerFacts]:
    """Return practitioners by id, those who no longer work here as well: their visits still bear their names."""
    if not ids:
        return {}
    rows = db.scalars(select(Practitioner).where(Practitioner.id.in_(set(ids))))
    return {PractitionerId(row.id): _facts(row) for row in rows}


def practitioner_by_id(db: Session, practitioner_id: PractitionerId) -> PractitionerFacts:
    """Return one practitioner. Raises: NotFound."""
    row = db.get(Practitioner, practitioner_id)
    if row is None:
        raise NotFound
    return _facts(row)


def find_practitioner_of(db: Session, account_id: AccountId) -> PractitionerFacts | None:
    """Return the practitioner whose sign-in this account is."""
    row = db.scalar(select(Practitioner).where(Practitioner.account_id == account_id))
    return _facts(row) if row else None


def places_of_service(
    db: Session, service_id: ServiceId, *, from_day: date
) -> Sequence[tuple[PractitionerFacts, FacilityId]]:
    """Return who gives the service where, from that day on or later: by given name, a pair for each facility."""
    rows = db.execute(
        select(Practitioner, WeeklyHours.facility_id)
        .join(PractitionerService, PractitionerService.practitioner_id == Practitioner.id)
        .join(WeeklyHours, WeeklyHours.practitioner_id == Practitioner.id)
        .where(
            PractitionerService.service_id == service_id,
            Practitioner.is_active,
            or_(WeeklyHours.valid_until.is_(None), WeeklyHours.valid_until >= from_day),
        )
        .distinct()
        .order_by(Practitioner.given_name, Practitioner.family_name, Practitioner.id)
    )
    return [(_facts(row), FacilityId(facility_id)) for row, facility_id in rows]


def weekly_hours(
    db: Session,
    *,
    service_id: ServiceId,
    practitioner_id: PractitionerId | None,
    facility_id: FacilityId | None,
    from_day: date,
    to_day: date,
) -> Sequence[HoursFacts]:
    """Return the hours, valid on some day of [from_day, to_day], of whoever gives the service (there, or anywhere)."""
    statement = (
        select(
            WeeklyHours.practitioner_id,
            WeeklyHours.facility_id,
            WeeklyHours.room_id,
            WeeklyHours.mode,
            WeeklyHours.weekday,
            WeeklyHours.starts_minute,
            WeeklyHours.ends_minute,
            WeeklyHours.valid_from,
            WeeklyHours.valid_until,
        )
        .join(Practitioner, Practitioner.id == WeeklyHours.practitioner_id)
        .join(PractitionerService, PractitionerService.practitioner_id == Practitioner.id)
        .where(
            PractitionerService.service_id == service_id,
            Practitioner.is_active,
            WeeklyHours.valid_from <= to_day,
            or_(WeeklyHours.valid_until.is_(None), WeeklyHours.valid_until >= from_day),
        )
        .order_by(WeeklyHours.practitioner_id, WeeklyHours.weekday, WeeklyHours.starts_minute)
    )
    if practitioner_id is not None:
        statement = statement.where(WeeklyHours.practitioner_id == practitioner_id)
    if facility_id is not None:
        statement = statement.where(WeeklyHours.facility_id == facility_id)
    return [
        HoursFacts(PractitionerId(row[0]), FacilityId(row[1]), RoomId(row[2]) if row[2] else None, *row[3:])
        for row in db.execute(statement)
    ]


def absences(
    db: Session, practitioner_ids: Collection[PractitionerId], *, start: datetime, end: datetime
) -> Sequence[AbsenceFacts]:
    """Return the absences that touch [start, end)."""
    if not practitioner_ids:
        return []
    rows = db.execute(
        select(Absence.practitioner_id, Absence.starts_at, Absence.ends_at).where(
            Absence.practitioner_id.in_(set(practitioner_ids)), Absence.starts_at < end, Absence.ends_at > start
        )
    )
    return [AbsenceFacts(PractitionerId(id_), starts_at, ends_at) for id_, starts_at, ends_at in rows]


def _facts(row: Practitioner) -> PractitionerFacts:
    return PractitionerFacts(
        id=PractitionerId(row.id),
        prefix=row.prefix,
        given_name=row.given_name,
        family_name=row.family_name,
        is_active=row.is_active,
    )
