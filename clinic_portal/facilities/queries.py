"""Reads of facilities, rooms, services, closed days and who works where."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, cast
from uuid import UUID

import phonenumbers
from sqlalchemy import ColumnElement, ScalarSelect, Table, exists, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from clinic_portal.core.actor import Actor
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import FacilityId, RoomId, ServiceId
from clinic_portal.core.money import Money
from clinic_portal.core.statements import unattached
from clinic_portal.core.text import LocalizedText
from clinic_portal.facilities.holidays import closed_days, holidays_between
from clinic_portal.facilities.models import Closure, Facility, FacilityStaff, OpenHoliday, Room, Service
from clinic_portal.facilities.rules import BookingRules, Direction

__all__ = [
    "BookingRules",
    "CalendarDay",
    "Direction",
    "FacilityFacts",
    "FacilityYear",
    "OpenFacility",
    "RoomFacts",
    "ServiceFacts",
    "all_services",
    "bookable_services",
    "closed_days_of",
    "facilities_of_staff",
    "facility_by_id",
    "facility_by_slug",
    "find_facilities",
    "find_rooms",
    "find_services",
    "open_facilities_column",
    "read_open_facilities",
    "read_service",
    "read_service_columns",
    "rooms_of",
    "service_by_id",
    "service_by_slug",
    "service_columns",
    "service_row",
    "staff_facility",
    "tz_of",
    "works_at",
    "year_of",
]


_SERVICES = cast("Table", Service.__table__)


@dataclass(frozen=True)
class FacilityFacts:
    """A site of the clinic."""

    id: FacilityId
    slug: str
    #: What patients call it, per language.
    names: LocalizedText
    street: str
    postal_code: str
    city: str
    country: str
    region: str | None
    #: IANA zone of its wall clock.
    tz: str
    phone: str
    #: How to find the place, per language.
    directions: LocalizedText

    @property
    def address(self) -> str:
        """The address in one line."""
        return f"{self.street}, {self.postal_code} {self.city}"

    @property
    def phone_in_words(self) -> str:
        """The number as people write it: "+351 210 000 001"."""
        try:
            number = phonenumbers.parse(self.phone)
        except phonenumbers.NumberParseException:
            return self.phone
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


@dataclass(frozen=True)
class RoomFacts:
    """A room and where it is, seen from the waiting room."""

    id: RoomId
    name: str
    direction: Direction


@dataclass(frozen=True)
class ServiceFacts:
    """What can be booked."""

    id: ServiceId
    slug: str
    names: LocalizedText
    summaries: LocalizedText
    #: How to prepare, what to bring.
    preparations: LocalizedText
    minutes: int
    price: Money
    is_bookable: bool
    rules: BookingRules = field(default_factory=BookingRules)


@dataclass(frozen=True)
class OpenFacility:
    """A facility's wall clock, its closed days in some stretch of days, and its rooms by name."""

    id: FacilityId
    tz: str
    closed_days: frozenset[date]
    rooms: tuple[RoomId, ...] = ()


@dataclass(frozen=True)
class CalendarDay:
    """A day that is not like the others: a public holiday, or one on which the facility is closed."""

    day: date
    #: Empty when it is none.
    holiday: str
    #: Why it is closed although it is no public holiday; for staff.
    reason: str
    is_closed: bool


@dataclass(frozen=True)
class FacilityYear:
    """The days of a year that are not like the others, in order."""

    year: int
    keeps_holidays: bool
    days: tuple[CalendarDay, ...]


def facility_by_id(db: Session, facility_id: FacilityId) -> FacilityFacts:
    """Return a facility. Raises: NotFound."""
    row = db.get(Facility, facility_id)
    if row is None:
        raise NotFound
    return _facts(row)


def facility_by_slug(db: Session, slug: str) -> FacilityFacts:
    """Return the facility of a URL. Raises: NotFound."""
    # An address may hold what PostgreSQL cannot: the null character, half of a surrogate pair.
    row = db.scalar(select(Facility).where(Facility.slug == slug)) if slug.isprintable() else None
    if row is None:
        raise NotFound
    return _facts(row)


def staff_facility(db: Session, slug: str, *, actor: Actor) -> FacilityFacts:
    """Return the facility of a URL for somebody who works there. Raises: NotFound for everybody else."""
    facility = facility_by_slug(db, slug)
    if not works_at(db, facility.id, actor=actor):
        raise NotFound
    return facility


def works_at(db: Session, facility_id: FacilityId, *, actor: Actor) -> bool:
    """Whether the actor works at the facility."""
    if not actor.is_staff or actor.account_id is None:
        return False
    found = exists().where(FacilityStaff.facility_id == facility_id, FacilityStaff.account_id == actor.account_id)
    return bool(db.scalar(select(found)))


def facilities_of_staff(db: Session, *, actor: Actor) -> Sequence[FacilityFacts]:
    """Return the facilities at which the actor works, in the order of their slugs."""
    rows = db.scalars(
        select(Facility)
        .join(FacilityStaff, FacilityStaff.facility_id == Facility.id)
        .where(FacilityStaff.account_id == actor.account_id)
        .order_by(Facility.slug)
    )
    return [_facts(row) for row in rows]


def rooms_of(db: Session, facility_id: FacilityId) -> Sequence[RoomFacts]:
    """Return the rooms of a facility, by name."""
    rows = db.scalars(select(Room).where(Room.facility_id == facility_id).order_by(Room.name))
    return [RoomFacts(RoomId(row.id), row.name, row.direction) for row in rows]


def _facts(row: Facility) -> FacilityFacts:
    return FacilityFacts(
        id=FacilityId(row.id),
        slug=row.slug,
        names=row.names,
        street=row.street,
        postal_code=row.postal_code,
        city=row.city,
        country=row.country,
        region=row.region,
        tz=row.tz,
        phone=row.phone,
        directions=row.directions,
    )


def tz_of(facility_id: FacilityId) -> ScalarSelect[str]:
    """Return a facility's zone as a part of somebody else's statement."""
    return select(Facility.tz).where(Facility.id == facility_id).scalar_subquery()


def find_facilities(
    db: Session, facility_ids: Collection[FacilityId] | None = None
) -> Mapping[FacilityId, FacilityFacts]:
    """Return facilities by id, in the order of their slugs (None: all of them)."""
    statement = select(Facility).order_by(Facility.slug)
    if facility_ids is not None:
        statement = statement.where(Facility.id.in_(set(facility_ids)))
    return {FacilityId(row.id): _facts(row) for row in db.scalars(statement)}


def have_many_clocks(places: Iterable[FacilityFacts]) -> bool:
    """Whether places are on different clocks: a deadline, met wherever the patient is, then says on whose it is."""
    return len({place.tz for place in places}) > 1


def find_rooms(db: Session, room_ids: Collection[RoomId]) -> Mapping[RoomId, RoomFacts]:
    """Return rooms by id."""
    if not room_ids:
        return {}
    rows = db.scalars(select(Room).where(Room.id.in_(set(room_ids))))
    return {RoomId(row.id): RoomFacts(RoomId(row.id), row.name, row.direction) for row in rows}


def bookable_services(db: Session) -> Sequence[ServiceFacts]:
    """Return what patients may book, in the order in which the clinic shows it."""
    rows = db.scalars(select(Service).where(Service.is_bookable).order_by(Service.position, Service.slug))
    return [_service(row) for row in rows]


def find_services(db: Session, service_ids: Collection[ServiceId]) -> Mapping[ServiceId, ServiceFacts]:
    """Return services by id, those that are no longer given as well."""
    if not service_ids:
        return {}
    rows = db.scalars(select(Service).where(Service.id.in_(set(service_ids))))
    return {ServiceId(row.id): _service(row) for row in rows}


def service_by_id(db: Session, service_id: ServiceId) -> ServiceFacts:
    """Return a service. Raises: NotFound."""
    row = db.get(Service, service_id)
    if row is None:
        raise NotFound
    return _service(row)


def service_by_slug(db: Session, slug: str) -> ServiceFacts:
    """Return the bookable service of a URL. Raises: NotFound."""
    row = db.scalar(select(Service).where(Service.slug == slug, Service.is_bookable)) if slug.isprintable() else None
    if row is None:
        raise NotFound
    return _service(row)


def all_services(db: Session) -> Sequence[ServiceFacts]:
    """Return every service, in the order of the clinic: those that are no longer given come last."""
    rows = db.scalars(select(Service).order_by(Service.is_bookable.desc(), Service.position, Service.slug))
    return [_service(row) for row in rows]


def year_of(db: Session, facility_id: FacilityId, year: int, *, language: str) -> FacilityYear:
    """Return a facility's year with the names of its public holidays. Raises: NotFound."""
    row = db.get(Facility, facility_id, populate_existing=True)
    if row is None:
        raise NotFound
    first, last = date(year, 1, 1), date(year, 12, 31)
    names = holidays_between(row.country, row.region, first, last, language)
    own = select(Closure).where(Closure.facility_id == facility_id, Closure.day.between(first, last))
    reasons = {closure.day: closure.reason for closure in db.scalars(own)}
    closed = closed_days_of(db, facility_id, from_day=first, to_day=last)
    days = tuple(
        CalendarDay(day, names.get(day, ""), reasons.get(day, ""), day in closed) for day in sorted({*names, *reasons})
    )
    return FacilityYear(year, row.observes_holidays, days)


def service_row() -> type[Service]:
    """Return what stands for a service in a statement of another feature."""
    return Service


def service_columns() -> Sequence[ColumnElement[Any]]:
    """Return what of a `service_row` a statement has to read for `read_service_columns`."""
    return tuple(_SERVICES.c)


def read_service(row: Service) -> ServiceFacts:
    """Return the facts of a service's own row."""
    return _service(row)


def read_service_columns(columns: Iterable[Any]) -> ServiceFacts:
    """Return the facts of the `service_columns` of a row."""
    return _service(unattached(Service, dict(zip(_SERVICES.c.keys(), columns, strict=True))))


def open_facilities_column(
    facility_id: FacilityId | None, *, from_day: date, to_day: date
) -> ScalarSelect[list[list[Any]]]:
    """Return a column that holds each facility (or the one): its rooms, and what decides its closed days in [from_day, to_day].

    For one statement with other features' columns; `read_open_facilities` reads it.
    """
    of_days = [
        func.array(
            select(func.to_char(table.day, "YYYY-MM-DD"))
            .where(table.facility_id == Facility.id, table.day.between(from_day, to_day))
            .scalar_subquery()
        )
        for table in (Closure, OpenHoliday)
    ]
    rooms = func.array(select(Room.id).where(Room.facility_id == Facility.id).order_by(Room.name).scalar_subquery())
    one = func.json_build_array(
        Facility.id, Facility.tz, Facility.country, Facility.region, Facility.observes_holidays, *of_days, rooms
    )
    statement = select(func.json_agg(aggregate_order_by(one, Facility.slug)))
    if facility_id is not None:
        statement = statement.where(Facility.id == facility_id)
    return statement.scalar_subquery()


def read_open_facilities(
    column: list[list[Any]] | None, *, from_day: date, to_day: date
) -> Mapping[FacilityId, OpenFacility]:
    """Return what an `open_facilities_column` of the same days holds."""
    found = {}
    for id_, tz, country, region, observes, closures, openings, rooms in column or []:
        holidays = holidays_between(country, region, from_day, to_day) if observes else {}
        closed = closed_days(
            holidays, closures=map(date.fromisoformat, closures), openings=map(date.fromisoformat, openings)
        )
        facility = OpenFacility(FacilityId(UUID(id_)), tz, closed, tuple(RoomId(UUID(room)) for room in rooms))
        found[facility.id] = facility
    return found


def closed_days_of(db: Session, facility_id: FacilityId, *, from_day: date, to_day: date) -> frozenset[date]:
    """Return the days of [from_day, to_day] on which a facility is closed."""
    column = db.scalar(select(open_facilities_column(facility_id, from_day=from_day, to_day=to_day)))
    return read_open_facilities(column, from_day=from_day, to_day=to_day)[facility_id].closed_days


def _service(row: Service) -> ServiceFacts:
    return ServiceFacts(
        id=ServiceId(row.id),
        slug=row.slug,
        names=row.names,
        summaries=row.summaries,
        preparations=row.preparations,
        minutes=row.minutes,
        price=row.price,
        is_bookable=row.is_bookable,
        rules=row.rules,
    )
