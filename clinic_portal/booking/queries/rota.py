"""Who works when and what is already taken, read in four statements, whatever the number of practitioners."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.rules import (
    LIVE_STATES,
    AppointmentState,
    PartOfDay,
    Stretch,
    first_day,
    last_day,
    working_stretch,
)
from clinic_portal.core.clock import day_bounds
from clinic_portal.core.ids import FacilityId, PractitionerId, RoomId, ServiceId
from clinic_portal.facilities.queries import OpenFacility, ServiceFacts, service_with_facilities
from clinic_portal.practitioners.queries import HoursFacts, absences, weekly_hours

#: A visit lasts eight hours at most (a check on `service`), so an index on starts finds what is still going on.
LONGEST_VISIT = timedelta(hours=8)

ONE_DAY = timedelta(days=1)

#: Stretches by the UTC day on which they start: what touches a few hours is found without looking at the rest.
ByDay = Mapping[date, Sequence[Stretch]]


@dataclass(frozen=True)
class Wish:
    """What somebody looks for. None: no preference. `own_hold` is the hash of a hold that counts as free for them."""

    service_id: ServiceId
    practitioner_id: PractitionerId | None = None
    facility_id: FacilityId | None = None
    part: PartOfDay = PartOfDay.ANY
    own_hold: str | None = None


class Window(NamedTuple):
    """Hours of one practitioner on one day, as instants."""

    hours: HoursFacts
    tz: str
    stretch: Stretch


@dataclass(frozen=True)
class Rota:
    """Who works when, before anything was booked."""

    service: ServiceFacts
    facilities: Mapping[FacilityId, OpenFacility]
    #: Facility → first and last day for which its calendar is open now.
    open_days: Mapping[FacilityId, tuple[date, date]]
    hours: Sequence[HoursFacts]
    #: Weekday → hours.
    weekdays: Mapping[int, Sequence[HoursFacts]]
    absences: Mapping[PractitionerId, Sequence[Stretch]]

    def windows(self, day: date) -> Iterator[Window]:
        """Yield the hours that are worked on a day; none when it is closed or the calendar is not open for it."""
        for hours in self.weekdays.get(day.weekday(), ()):
            first, last = self.open_days[hours.facility_id]
            facility = self.facilities[hours.facility_id]
            if first <= day <= last and hours.holds_on(day) and day not in facility.closed_days:
                stretch = working_stretch(day, hours.starts_minute, hours.ends_minute, facility.tz)
                if stretch is not None:
                    yield Window(hours, facility.tz, stretch)


@dataclass(frozen=True)
class Taken:
    """What live appointments take up."""

    practitioners: Mapping[UUID, ByDay]
    rooms: Mapping[UUID, ByDay]

    def beside(self, window: Window, rota: Rota) -> list[Stretch]:
        """Return what is busy in a window: for the practitioner, for the room, and absences; in order of starts."""
        hours, _, stretch = window
        busy = {away for away in rota.absences.get(hours.practitioner_id, ()) if away.touches(stretch)}
        busy.update(_touching(self.practitioners.get(hours.practitioner_id), stretch))
        if hours.room_id is not None:
            busy.update(_touching(self.rooms.get(hours.room_id), stretch))
        return sorted(busy)

    def load(self, practitioner_id: PractitionerId, day: Stretch) -> int:
        """Return how many appointments of the practitioner touch a day."""
        return len(_touching(self.practitioners.get(practitioner_id), day))


def _touching(by_day: ByDay | None, stretch: Stretch) -> list[Stretch]:
    found: list[Stretch] = []
    if by_day:
        start, end = stretch
        day, last = (start - LONGEST_VISIT).date(), end.date()
        while day <= last:
            # As Stretch.touches says, without a call for each of the many.
            found += [busy for busy in by_day.get(day, ()) if busy[0] < end and start < busy[1]]
            day += ONE_DAY
    return found


def read_rota(db: Session, wish: Wish, *, from_day: date, to_day: date, now: datetime) -> Rota:
    """Return who works in [from_day, to_day]: three statements. Raises: NotFound (no such service or facility)."""
    service, facilities = service_with_facilities(
        db, service_id=wish.service_id, facility_id=wish.facility_id, from_day=from_day, to_day=to_day
    )
    hours = weekly_hours(
        db,
        service_id=wish.service_id,
        practitioner_id=wish.practitioner_id,
        facility_id=wish.facility_id,
        from_day=from_day,
        to_day=to_day,
    )
    weekdays: dict[int, list[HoursFacts]] = defaultdict(list)
    for row in hours:
        weekdays[row.weekday].append(row)
    start, end = instants(facilities.values(), from_day, to_day)
    away: dict[PractitionerId, list[Stretch]] = defaultdict(list)
    for absence in absences(db, {row.practitioner_id for row in hours}, start=start, end=end):
        away[absence.practitioner_id].append(Stretch(absence.starts_at, absence.ends_at))
    open_days = {one.id: (first_day(now, one.tz), last_day(now, one.tz)) for one in facilities.values()}
    return Rota(service, facilities, open_days, hours, weekdays, away)


def read_taken(db: Session, rota: Rota, wish: Wish, *, from_day: date, to_day: date, now: datetime) -> Taken:
    """Return what is taken in [from_day, to_day]: one statement. Holds that ran out take nothing up any more."""
    practitioners: dict[UUID, dict[date, list[Stretch]]] = defaultdict(lambda: defaultdict(list))
    rooms: dict[UUID, dict[date, list[Stretch]]] = defaultdict(lambda: defaultdict(list))
    if rota.hours:
        start, end = instants(rota.facilities.values(), from_day, to_day)
        held = and_(Appointment.state == AppointmentState.PROPOSED, Appointment.held_until > now)
        if wish.own_hold is not None:
            held = and_(held, Appointment.hold_key_hash.is_distinct_from(wish.own_hold))
        statement = select(
            Appointment.practitioner_id, Appointment.room_id, Appointment.starts_at, Appointment.ends_at
        ).where(
            _of_these(rota.hours),
            Appointment.starts_at > start - LONGEST_VISIT,
            Appointment.starts_at < end,
            Appointment.ends_at > start,
            or_(Appointment.state.in_(set(LIVE_STATES) - {AppointmentState.PROPOSED}), held),
        )
        for practitioner_id, room_id, starts_at, ends_at in db.execute(statement):
            stretch, day = Stretch(starts_at, ends_at), starts_at.date()  # In UTC, as every time that is read.
            practitioners[practitioner_id][day].append(stretch)
            if room_id is not None:
                rooms[room_id][day].append(stretch)
    return Taken(practitioners, rooms)


def _of_these(hours: Sequence[HoursFacts]) -> ColumnElement[bool]:
    practitioner_ids = {row.practitioner_id for row in hours}
    room_ids: set[RoomId] = {row.room_id for row in hours if row.room_id}
    facility_ids = {row.facility_id for row in hours}
    return or_(
        Appointment.practitioner_id.in_(practitioner_ids),
        # A room belongs to its facility: named as well, because that is what the index starts with.
        and_(Appointment.facility_id.in_(facility_ids), Appointment.room_id.in_(room_ids)),
    )


def instants(facilities: Collection[OpenFacility], from_day: date, to_day: date) -> tuple[datetime, datetime]:
    """Return the first instant of the first day and the last of the last, over all their zones."""
    bounds = [(day_bounds(from_day, one.tz)[0], day_bounds(to_day, one.tz)[1]) for one in facilities]
    return min(start for start, _ in bounds), max(end for _, end in bounds)
