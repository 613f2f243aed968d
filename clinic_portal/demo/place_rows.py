"""Inserts the places of the demo clinic, its services, and who works when."""

from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.dialects.postgresql import insert as insert_once
from sqlalchemy.orm import Session

from clinic_portal.core.ids import new_id
from clinic_portal.core.modes import Mode
from clinic_portal.demo.content import FACILITIES, PRACTITIONERS, SERVICES
from clinic_portal.facilities.models import Facility, OpenHoliday, Room, Service
from clinic_portal.practitioners.models import Practitioner, PractitionerService, WeeklyHours

COUNTRY = "PT"
#: How far back the demo's story goes.
STORY_BACK = timedelta(days=30)


def insert_places(db: Session) -> dict[str, UUID]:
    """Insert facilities, rooms and services; returns the facilities' ids by slug."""
    ids = {place.slug: new_id() for place in FACILITIES}
    db.execute(
        insert(Facility),
        [
            {
                "id": ids[place.slug],
                "slug": place.slug,
                "names": place.names,
                "street": place.street,
                "postal_code": place.postal_code,
                "city": place.city,
                "country": COUNTRY,
                "region": place.region,
                "tz": place.tz,
                "phone": place.phone,
                "directions": place.directions,
            }
            for place in FACILITIES
        ],
    )
    db.execute(
        insert(Room),
        [
            {"facility_id": ids[place.slug], "name": room.name, "direction": room.direction}
            for place in FACILITIES
            for room in place.rooms
        ],
    )
    db.execute(
        insert(Service),
        [
            {
                "slug": service.slug,
                "names": service.names,
                "summaries": service.summaries,
                "preparations": service.preparations,
                "minutes": service.minutes,
                "price_minor": service.price_minor,
                "series_max": service.series_max,
                "position": position,
            }
            for position, service in enumerate(SERVICES, start=1)
        ],
    )
    return ids


def insert_practitioners(db: Session, facilities: dict[str, UUID], accounts: dict[str, UUID], *, since: date) -> None:
    """Insert the practitioners, what they give, and their hours: the same on all seven days, so that any day can be shown."""
    ids = {one.email: new_id() for one in PRACTITIONERS}
    services = {row.slug: row.id for row in db.execute(select(Service.slug, Service.id))}
    rooms = {(facility, name): id_ for facility, name, id_ in db.execute(select(Room.facility_id, Room.name, Room.id))}
    db.execute(
        insert(Practitioner),
        [
            {
                "id": ids[one.email],
                "account_id": accounts[one.email],
                "prefix": one.prefix,
                "given_name": one.given_name,
                "family_name": one.family_name,
            }
            for one in PRACTITIONERS
        ],
    )
    db.execute(
        insert(PractitionerService),
        [
            {"practitioner_id": ids[one.email], "service_id": services[slug]}
            for one in PRACTITIONERS
            for slug in one.services
        ],
    )
    db.execute(
        insert(WeeklyHours),
        [
            {
                "practitioner_id": ids[one.email],
                "facility_id": facilities[one.facility],
                "room_id": rooms[facilities[one.facility], one.room],
                "mode": Mode.IN_PERSON,
                "weekday": weekday,
                "starts_minute": round(first * 60),
                "ends_minute": round(last * 60),
                "valid_from": since,
            }
            for one in PRACTITIONERS
            for weekday in range(7)
            for first, last in one.hours
        ],
    )


def open_today(db: Session, facility_id: UUID, *, today: date) -> None:
    """Open the facility on today's public holiday: the demo is open whenever somebody looks at it."""
    db.execute(insert_once(OpenHoliday).values(facility_id=facility_id, day=today).on_conflict_do_nothing())
