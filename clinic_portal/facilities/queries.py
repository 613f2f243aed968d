"""Reads of facilities, rooms and who works where."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from clinic_portal.core.actor import Actor
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import FacilityId, RoomId
from clinic_portal.facilities.models import Facility, FacilityStaff, Room
from clinic_portal.facilities.rules import Direction

__all__ = [
    "Direction",
    "FacilityFacts",
    "RoomFacts",
    "facilities_of_staff",
    "facility_by_id",
    "facility_by_slug",
    "rooms_of",
    "staff_facility",
    "works_at",
]


@dataclass(frozen=True)
class FacilityFacts:
    """A site of the clinic."""

    id: FacilityId
    slug: str
    name: str
    street: str
    postal_code: str
    city: str
    country: str
    region: str | None
    #: IANA zone of its wall clock.
    tz: str
    phone: str


@dataclass(frozen=True)
class RoomFacts:
    """A room and where it is, seen from the waiting room."""

    id: RoomId
    name: str
    direction: Direction


def facility_by_id(db: Session, facility_id: FacilityId) -> FacilityFacts:
    """Return a facility. Raises: NotFound."""
    row = db.get(Facility, facility_id)
    if row is None:
        raise NotFound
    return _facts(row)


def facility_by_slug(db: Session, slug: str) -> FacilityFacts:
    """Return the facility of a URL. Raises: NotFound."""
    row = db.scalar(select(Facility).where(Facility.slug == slug))
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
    """Return the facilities at which the actor works, by name."""
    rows = db.scalars(
        select(Facility)
        .join(FacilityStaff, FacilityStaff.facility_id == Facility.id)
        .where(FacilityStaff.account_id == actor.account_id)
        .order_by(Facility.name)
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
        name=row.name,
        street=row.street,
        postal_code=row.postal_code,
        city=row.city,
        country=row.country,
        region=row.region,
        tz=row.tz,
        phone=row.phone,
    )
