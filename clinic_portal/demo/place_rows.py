"""Inserts the places of the demo clinic, its services, and who works when."""

from datetime import date, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import delete, insert, select
from sqlalchemy.dialects.postgresql import insert as insert_once
from sqlalchemy.orm import Session

from clinic_portal.accounts.models import Account
from clinic_portal.core.clock import day_bounds
from clinic_portal.core.ids import new_id
from clinic_portal.core.modes import Mode
from clinic_portal.demo.content import (
    AWAY,
    AWAY_DAYS,
    EXTRA,
    EXTRA_HOURS,
    FACILITIES,
    ONLINE,
    PRACTITIONERS,
    SERVICES,
    PractitionerContent,
)
from clinic_portal.demo.people_rows import staff_email
from clinic_portal.facilities.models import Facility, OpenHoliday, Room, Service
from clinic_portal.practitioners.models import Absence, ExtraHours, Practitioner, PractitionerService, WeeklyHours

COUNTRY = "PT"
#: How far back the demo's story goes.
STORY_BACK = timedelta(days=30)
#: When somebody is away: soon in a new clinic, later (where nothing is booked yet) in one that has been running.
SOON, LATER = timedelta(days=9), timedelta(days=32)


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
                "buffer_before_minutes": service.buffers[0],
                "buffer_after_minutes": service.buffers[1],
                "change_cutoff_minutes": service.cutoff_hours * 60,
                "visits_per_day": service.visits_per_day,
                "modes": service.modes,
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
                "room_id": None if one.is_in_any_room else rooms[facilities[one.facility], one.room],
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
    _insert_online(db, facilities, services, since=since)


def _insert_online(db: Session, facilities: dict[str, UUID], services: dict[str, UUID], *, since: date) -> None:
    """Insert somebody without a sign-in who meets patients online."""
    who = Practitioner(
        id=new_id(), prefix=ONLINE.prefix, given_name=ONLINE.given_name, family_name=ONLINE.family_name,
        meeting_url=ONLINE.meeting_url,
    )  # fmt: skip
    db.add(who)
    db.flush()
    db.add_all(PractitionerService(practitioner_id=who.id, service_id=services[slug]) for slug in ONLINE.services)
    db.add_all(
        WeeklyHours(
            practitioner_id=who.id, facility_id=facilities[ONLINE.facility], room_id=None, mode=Mode.ONLINE,
            weekday=weekday, starts_minute=round(first * 60), ends_minute=round(last * 60), valid_from=since,
        )
        for weekday in range(7)
        for first, last in ONLINE.hours
    )  # fmt: skip
    db.flush()


def open_today(db: Session, facility_id: UUID, *, today: date) -> None:
    """Open the facility on today's public holiday: the demo is open whenever somebody looks at it."""
    db.execute(insert_once(OpenHoliday).values(facility_id=facility_id, day=today).on_conflict_do_nothing())


def plan_absence(db: Session, *, today: date, is_new: bool) -> None:
    """Have somebody be away for some days soon, and somebody work one evening longer; never today.

    What is planned once stays until it has come. Later ones lie where nobody has booked yet.
    """
    people = {one.email: one for one in PRACTITIONERS}
    away, extra = _worker(db, people[AWAY]), _worker(db, people[EXTRA])
    tomorrow = day_bounds(today + timedelta(days=1), away.tz)[0]
    db.execute(delete(Absence).where(Absence.practitioner_id == away.practitioner_id, Absence.starts_at < tomorrow))
    db.execute(delete(ExtraHours).where(ExtraHours.practitioner_id == extra.practitioner_id, ExtraHours.day <= today))
    if not db.scalar(select(Absence.id).where(Absence.practitioner_id == away.practitioner_id).limit(1)):
        first = today + (SOON if is_new else LATER)
        last = first + timedelta(days=AWAY_DAYS - 1)
        starts_at, ends_at = day_bounds(first, away.tz)[0], day_bounds(last, away.tz)[1]
        db.add(Absence(practitioner_id=away.practitioner_id, starts_at=starts_at, ends_at=ends_at, reason="Holiday"))
    if not db.scalar(select(ExtraHours.id).where(ExtraHours.practitioner_id == extra.practitioner_id).limit(1)):
        db.add(
            ExtraHours(
                practitioner_id=extra.practitioner_id,
                facility_id=extra.facility_id,
                room_id=extra.room_id,
                mode=Mode.IN_PERSON,
                day=today + SOON,
                starts_minute=EXTRA_HOURS[0] * 60,
                ends_minute=EXTRA_HOURS[1] * 60,
            )
        )
    db.flush()


class _Worker(NamedTuple):
    practitioner_id: UUID
    facility_id: UUID
    room_id: UUID
    tz: str


def _worker(db: Session, one: PractitionerContent) -> _Worker:
    statement = (
        select(Practitioner.id, Facility.id, Room.id, Facility.tz)
        .join(Account, Account.id == Practitioner.account_id)
        .join(Facility, Facility.slug == one.facility)
        .join(Room, Room.facility_id == Facility.id)
        .where(Account.email == staff_email(one.email), Room.name == one.room)
    )
    return _Worker(*db.execute(statement).one())
