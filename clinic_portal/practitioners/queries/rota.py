"""Reads of practitioners: who they are, what they give, when they work."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    CTE,
    CompoundSelect,
    Integer,
    ScalarSelect,
    Select,
    String,
    cast,
    func,
    or_,
    select,
    union,
    union_all,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from clinic_portal.core.actor import Actor, Role
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import (
    AccountId,
    FacilityId,
    PractitionerId,
    RoomId,
    ServiceId,
)
from clinic_portal.core.modes import Mode, Modes
from clinic_portal.facilities.queries import service_row
from clinic_portal.practitioners.models import Absence, ExtraHours, Practitioner, PractitionerService, WeeklyHours
from clinic_portal.practitioners.rules import initials, short_name


@dataclass(frozen=True)
class PractitionerFacts:
    """Somebody who treats patients."""

    id: PractitionerId
    prefix: str
    given_name: str
    family_name: str
    is_active: bool
    #: Where patients meet them online; None: they phone their patients.
    meeting_url: str | None = None

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


class ServicePlace(NamedTuple):
    """Somebody who gives a service, at a facility or online from there."""

    practitioner: PractitionerFacts
    facility_id: FacilityId
    mode: Mode


@dataclass(frozen=True, slots=True)
class HoursFacts:
    """A stretch of one weekday on the facility's wall clock, for as long as it is valid."""

    practitioner_id: PractitionerId
    facility_id: FacilityId
    #: None when online, and in person: any room of the facility that is free.
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

    @property
    def is_in_any_room(self) -> bool:
        """Whether each visit gets a room that is free then."""
        return self.room_id is None and self.mode is Mode.IN_PERSON

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


def practitioner_to_plan(db: Session, practitioner_id: PractitionerId, *, actor: Actor) -> PractitionerFacts:
    """Return somebody whose hours the actor may change: an administrator everybody's, a practitioner their own.

    Raises: NotFound.
    """
    row = db.get(Practitioner, practitioner_id)
    own = row is not None and row.account_id is not None and row.account_id == actor.account_id
    if row is None or not (actor.role is Role.ADMINISTRATOR or (actor.role is Role.DOCTOR and own)):
        raise NotFound
    return _facts(row)


def find_practitioner_of(db: Session, account_id: AccountId) -> PractitionerFacts | None:
    """Return the practitioner whose sign-in this account is."""
    row = db.scalar(select(Practitioner).where(Practitioner.account_id == account_id))
    return _facts(row) if row else None


def places_of_service(db: Session, service_id: ServiceId, *, from_day: date) -> Sequence[ServicePlace]:
    """Return who gives the service where and how, from that day on or later: by given name, one for each facility and mode.

    Only in those ways in which the service may be given.
    """
    places = _places(from_day).subquery()
    service = service_row()
    rows = db.execute(
        select(Practitioner, places.c.facility_id, places.c.mode)
        .join(PractitionerService, PractitionerService.practitioner_id == Practitioner.id)
        .join(places, places.c.practitioner_id == Practitioner.id)
        .join(service, service.id == PractitionerService.service_id)
        .where(
            service.id == service_id,
            Practitioner.is_active,
            or_(service.modes == Modes.BOTH, cast(service.modes, String) == cast(places.c.mode, String)),
        )
        .order_by(
            Practitioner.given_name, Practitioner.family_name, Practitioner.id, places.c.facility_id, places.c.mode
        )
    )
    return [ServicePlace(_facts(row), FacilityId(facility_id), mode) for row, facility_id, mode in rows]


def who_gives(db: Session) -> Mapping[ServiceId, Collection[PractitionerId]]:
    """Return who of those who work here gives which service, wherever and whenever they work."""
    rows = db.execute(
        select(PractitionerService.service_id, PractitionerService.practitioner_id)
        .join(Practitioner, Practitioner.id == PractitionerService.practitioner_id)
        .where(Practitioner.is_active)
    )
    found = defaultdict[ServiceId, set[PractitionerId]](set)
    for service_id, practitioner_id in rows:
        found[ServiceId(service_id)].add(PractitionerId(practitioner_id))
    return found


def services_of(practitioner_id: PractitionerId) -> Select[UUID]:
    """Return the ids, as a subquery, of the services that somebody gives."""
    return select(PractitionerService.service_id).where(PractitionerService.practitioner_id == practitioner_id)


def _places(from_day: date) -> CompoundSelect[Any]:
    return union(
        select(WeeklyHours.practitioner_id, WeeklyHours.facility_id, WeeklyHours.mode).where(
            or_(WeeklyHours.valid_until.is_(None), WeeklyHours.valid_until >= from_day)
        ),
        select(ExtraHours.practitioner_id, ExtraHours.facility_id, ExtraHours.mode).where(ExtraHours.day >= from_day),
    )


def hours_of_days(from_day: date, to_day: date) -> CTE:
    """Return what stands for everybody's hours, valid on some day of [from_day, to_day], in one statement's columns."""
    return _hours(from_day, to_day).cte("hours").prefix_with("NOT MATERIALIZED")


def hours_column(
    hours: CTE, *, service_id: ServiceId, practitioner_id: PractitionerId | None, facility_id: FacilityId | None
) -> ScalarSelect[list[list[Any]]]:
    """Return a column with the weekly and extra ones of `hours_of_days` of whoever gives the service.

    For one statement with other features' columns; `read_hours` reads it.
    """
    statement = (
        select(func.json_agg(aggregate_order_by(func.json_build_array(*hours.c), hours.c[0], hours.c[4], hours.c[5])))
        .join(Practitioner, Practitioner.id == hours.c[0])
        .join(PractitionerService, PractitionerService.practitioner_id == hours.c[0])
        .where(PractitionerService.service_id == service_id, Practitioner.is_active)
    )
    if practitioner_id is not None:
        statement = statement.where(hours.c[0] == practitioner_id)
    if facility_id is not None:
        statement = statement.where(hours.c[1] == facility_id)
    return statement.scalar_subquery()


def read_hours(column: list[list[Any]] | None) -> Sequence[HoursFacts]:
    """Return what an `hours_column` holds."""
    return [
        HoursFacts(
            practitioner_id=PractitionerId(UUID(row[0])),
            facility_id=FacilityId(UUID(row[1])),
            room_id=RoomId(UUID(row[2])) if row[2] else None,
            mode=Mode(row[3]),
            weekday=row[4],
            starts_minute=row[5],
            ends_minute=row[6],
            valid_from=date.fromisoformat(row[7]),
            valid_until=date.fromisoformat(row[8]) if row[8] else None,
        )
        for row in column or []
    ]


def room_plan_column(hours: CTE, *, facility_id: FacilityId | None) -> ScalarSelect[list[list[Any]]]:
    """Return a column with all those of `hours_of_days` that have a room of their own.

    Only where somebody works in any room, and therefore must know them; otherwise it is empty. `read_hours` reads it.
    """
    others = hours.alias()
    somebody = select(others.c[0]).where(others.c[3] == Mode.IN_PERSON, others.c[2].is_(None))
    statement = select(func.json_agg(func.json_build_array(*hours.c))).where(hours.c[2].is_not(None))
    if facility_id is not None:
        somebody = somebody.where(others.c[1] == facility_id)
        statement = statement.where(hours.c[1] == facility_id)
    return statement.where(somebody.exists()).scalar_subquery()


def absences_column(
    *, service_id: ServiceId, practitioner_id: PractitionerId | None, start: datetime, end: datetime
) -> ScalarSelect[list[list[Any]]]:
    """Return a column with the absences that touch [start, end) of whoever gives the service; `read_absences` reads it."""
    one = func.json_build_array(Absence.practitioner_id, Absence.starts_at, Absence.ends_at)
    statement = (
        select(func.json_agg(one))
        .join(PractitionerService, PractitionerService.practitioner_id == Absence.practitioner_id)
        .where(PractitionerService.service_id == service_id, Absence.starts_at < end, Absence.ends_at > start)
    )
    if practitioner_id is not None:
        statement = statement.where(Absence.practitioner_id == practitioner_id)
    return statement.scalar_subquery()


def read_absences(column: list[list[Any]] | None) -> Sequence[AbsenceFacts]:
    """Return what an `absences_column` holds."""
    return [
        AbsenceFacts(
            PractitionerId(UUID(id_)),
            datetime.fromisoformat(starts_at).astimezone(UTC),
            datetime.fromisoformat(ends_at).astimezone(UTC),
        )
        for id_, starts_at, ends_at in column or []
    ]


def _hours(from_day: date, to_day: date) -> CompoundSelect[Any]:
    """Return weekly and extra hours that are valid on some day of [from_day, to_day], in the columns of `HoursFacts`."""
    weekly = select(
        WeeklyHours.practitioner_id,
        WeeklyHours.facility_id,
        WeeklyHours.room_id,
        WeeklyHours.mode,
        WeeklyHours.weekday,
        WeeklyHours.starts_minute,
        WeeklyHours.ends_minute,
        WeeklyHours.valid_from,
        WeeklyHours.valid_until,
    ).where(
        WeeklyHours.valid_from <= to_day, or_(WeeklyHours.valid_until.is_(None), WeeklyHours.valid_until >= from_day)
    )
    extra = select(
        ExtraHours.practitioner_id,
        ExtraHours.facility_id,
        ExtraHours.room_id,
        ExtraHours.mode,
        # PostgreSQL counts Monday as 1, here it is 0.
        (func.extract("isodow", ExtraHours.day) - 1).cast(Integer),
        ExtraHours.starts_minute,
        ExtraHours.ends_minute,
        ExtraHours.day,
        ExtraHours.day,
    ).where(ExtraHours.day.between(from_day, to_day))
    return union_all(weekly, extra)


def active_practitioners(db: Session) -> Sequence[PractitionerFacts]:
    """Return everybody who works here, by given name."""
    rows = db.scalars(
        select(Practitioner)
        .where(Practitioner.is_active)
        .order_by(Practitioner.given_name, Practitioner.family_name, Practitioner.id)
    )
    return [_facts(row) for row in rows]


def hours_between(
    db: Session, practitioner_ids: Collection[PractitionerId] | None, *, from_day: date, to_day: date
) -> Sequence[HoursFacts]:
    """Return the weekly and extra hours of some practitioners (None: all), valid on some day of [from_day, to_day]."""
    hours = _hours(from_day, to_day).subquery()
    statement = select(*hours.c)
    if practitioner_ids is not None:
        statement = statement.where(hours.c[0].in_(set(practitioner_ids)))
    rows = db.execute(statement)
    return [
        HoursFacts(PractitionerId(row[0]), FacilityId(row[1]), RoomId(row[2]) if row[2] else None, *row[3:])
        for row in rows
    ]


def absences_between(
    db: Session, practitioner_ids: Collection[PractitionerId] | None, *, start: datetime, end: datetime
) -> Sequence[AbsenceFacts]:
    """Return the absences of some practitioners (None: all) that touch [start, end)."""
    statement = select(Absence).where(Absence.starts_at < end, Absence.ends_at > start)
    if practitioner_ids is not None:
        statement = statement.where(Absence.practitioner_id.in_(set(practitioner_ids)))
    rows = db.scalars(statement)
    return [AbsenceFacts(PractitionerId(row.practitioner_id), row.starts_at, row.ends_at) for row in rows]


def _facts(row: Practitioner) -> PractitionerFacts:
    return PractitionerFacts(
        id=PractitionerId(row.id),
        prefix=row.prefix,
        given_name=row.given_name,
        family_name=row.family_name,
        is_active=row.is_active,
        meeting_url=row.meeting_url,
    )
