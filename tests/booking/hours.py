"""Changes of hours for tests."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.queries.stranded import StrandedVisit
from clinic_portal.booking.rules import StrandedAnswer
from clinic_portal.core.ids import FacilityId, PractitionerId, RoomId, WeeklyHoursId
from clinic_portal.core.modes import Mode
from clinic_portal.facilities.models import Facility, Room
from clinic_portal.practitioners.models import Practitioner, WeeklyHours
from clinic_portal.practitioners.queries import HoursFacts
from clinic_portal.practitioners.steps import AddAbsence
from tests.support.clinic import Clinic

#: The day of `factory.THURSDAY`.
DAY = date(2026, 11, 26)
THURSDAY_WEEKDAY = 3


def hours(
    clinic: Clinic,
    *,
    who: Practitioner | None = None,
    place: Facility | None = None,
    room: Room | None = None,
    mode: Mode = Mode.IN_PERSON,
    any_room: bool = False,
    weekday: int = THURSDAY_WEEKDAY,
    at: tuple[int, int] = (540, 780),
    since: date = DAY,
    until: date | None = None,
) -> HoursFacts:
    """Hours of Inês in room 1 of Lisbon, unless told otherwise; minutes after midnight."""
    who, place = who or clinic.ines, place or clinic.lisbon
    room_id = None if mode is Mode.ONLINE or any_room else RoomId((room or clinic.room_1).id)
    return HoursFacts(PractitionerId(who.id), FacilityId(place.id), room_id, mode, weekday, *at, since, until)


def extra(clinic: Clinic, day: date, **other: object) -> HoursFacts:
    """Hours of one day."""
    return hours(clinic, weekday=day.weekday(), since=day, until=day, **other)  # type: ignore[arg-type]


def row_id(db: Session, who: Practitioner, *, weekday: int = THURSDAY_WEEKDAY, starts: int = 540) -> WeeklyHoursId:
    """The id of somebody's hours."""
    id_: UUID = db.scalars(
        select(WeeklyHours.id).where(
            WeeklyHours.practitioner_id == who.id,
            WeeklyHours.weekday == weekday,
            WeeklyHours.starts_minute == starts,
        )
    ).one()
    return WeeklyHoursId(id_)


def away(who: Practitioner, start: str, hours: float) -> AddAbsence:
    """An absence from an instant in UTC on, "2026-11-26T10:00"."""
    begin = datetime.fromisoformat(start).replace(tzinfo=UTC)
    return AddAbsence(PractitionerId(who.id), begin, begin + timedelta(hours=hours), "training")


def same_for_all(visits: tuple[StrandedVisit, ...], answer: StrandedAnswer) -> dict[str, StrandedAnswer]:
    """One answer for all of them."""
    return {stranded.token: answer for stranded in visits}
