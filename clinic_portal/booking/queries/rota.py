"""Who works when and what is already taken: a statement each, whatever the number of practitioners."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.rules import (
    FIRM_STATES,
    AppointmentState,
    Need,
    PartOfDay,
    Stretch,
    first_day,
    last_day,
    working_stretch,
)
from clinic_portal.core.clock import day_bounds
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import AppointmentId, FacilityId, PractitionerId, RoomId, ServiceId
from clinic_portal.core.modes import Mode
from clinic_portal.facilities.queries import (
    OpenFacility,
    ServiceFacts,
    open_facilities_column,
    read_open_facilities,
    read_service,
    service_row,
)
from clinic_portal.practitioners.queries import (
    HoursFacts,
    absences_column,
    hours_column,
    read_absences,
    read_hours,
)

#: A visit lasts eight hours at most and its buffers two each (checks on `service`), so an index on starts finds what
#: still takes up somebody's time.
LONGEST_BUFFER = timedelta(hours=2)
LONGEST_VISIT = timedelta(hours=8) + 2 * LONGEST_BUFFER

ONE_DAY = timedelta(days=1)

#: Stretches by the UTC day on which they start: what touches a few hours is found without looking at the rest.
ByDay = Mapping[date, Sequence[Stretch]]


@dataclass(frozen=True)
class Wish:
    """What somebody looks for. None: no preference.

    For them counts as free: the hold with the hash `own_hold`, and the visits that they want to move: `own_visit`, or
    `own_visits` of a series.
    """

    service_id: ServiceId
    practitioner_id: PractitionerId | None = None
    facility_id: FacilityId | None = None
    part: PartOfDay = PartOfDay.ANY
    mode: Mode | None = None
    own_hold: str | None = None
    own_visit: AppointmentId | None = None
    own_visits: tuple[AppointmentId, ...] = ()


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

    @property
    def need(self) -> Need:
        """How much time a visit takes up."""
        return need_of(self.service)

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
        """Return what is busy in a window and as far around it as buffers reach, in order of starts.

        Busy is the practitioner, absences included, or the room.
        """
        hours, _, work = window
        stretch = Stretch(work.start - rota.need.before, work.end + rota.need.after)
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
    """Return who works in [from_day, to_day]: one statement. Raises: NotFound (no such service or facility)."""
    service_id, practitioner_id, facility_id = wish.service_id, wish.practitioner_id, wish.facility_id
    service = service_row()
    # No clock is further from UTC than a day.
    start = datetime.combine(from_day - ONE_DAY, time(), UTC)
    end = datetime.combine(to_day + 2 * ONE_DAY, time(), UTC)
    row = db.execute(
        select(
            service,
            open_facilities_column(facility_id, from_day=from_day, to_day=to_day),
            hours_column(
                service_id=service_id,
                practitioner_id=practitioner_id,
                facility_id=facility_id,
                from_day=from_day,
                to_day=to_day,
            ),
            absences_column(service_id=service_id, practitioner_id=practitioner_id, start=start, end=end),
        ).where(service.id == service_id)
    ).one_or_none()
    facilities = read_open_facilities(row[1], from_day=from_day, to_day=to_day) if row else {}
    if row is None or not facilities:
        raise NotFound
    found, hours = read_service(row[0]), [one for one in read_hours(row[2]) if wish.mode in (one.mode, None)]
    weekdays: dict[int, list[HoursFacts]] = defaultdict(list)
    for one in hours:
        weekdays[one.weekday].append(one)
    away: dict[PractitionerId, list[Stretch]] = defaultdict(list)
    for absence in read_absences(row[3]):
        away[absence.practitioner_id].append(Stretch(absence.starts_at, absence.ends_at))
    rules = found.rules
    open_days = {
        one.id: (first_day(now, one.tz, notice=rules.notice), last_day(now, one.tz, horizon_days=rules.horizon_days))
        for one in facilities.values()
    }
    return Rota(found, facilities, open_days, hours, weekdays, away)


def read_taken(db: Session, rota: Rota, wish: Wish, *, from_day: date, to_day: date, now: datetime) -> Taken:
    """Return what is taken in [from_day, to_day], with buffers: one statement. Holds that ran out take nothing up."""
    practitioners: dict[UUID, dict[date, list[Stretch]]] = defaultdict(lambda: defaultdict(list))
    rooms: dict[UUID, dict[date, list[Stretch]]] = defaultdict(lambda: defaultdict(list))
    if rota.hours:
        start, end = instants(rota.facilities.values(), from_day, to_day)
        held = and_(Appointment.state == AppointmentState.PROPOSED, Appointment.held_until > now)
        if wish.own_hold is not None:
            held = and_(held, Appointment.hold_key_hash.is_distinct_from(wish.own_hold))
        statement = select(
            Appointment.practitioner_id, Appointment.room_id, Appointment.busy_from, Appointment.busy_until
        ).where(
            _of_these(rota.hours),
            Appointment.starts_at > start - LONGEST_VISIT,
            Appointment.starts_at < end + 2 * LONGEST_BUFFER,
            Appointment.busy_until > start - LONGEST_BUFFER,
            or_(Appointment.state.in_(FIRM_STATES), held),
        )
        if wish.own_visit is not None:
            statement = statement.where(Appointment.id != wish.own_visit)
        if wish.own_visits:
            statement = statement.where(Appointment.id.not_in(wish.own_visits))
        for practitioner_id, room_id, busy_from, busy_until in db.execute(statement):
            stretch, day = Stretch(busy_from, busy_until), busy_from.date()  # In UTC, as every time that is read.
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


def need_of(service: ServiceFacts) -> Need:
    """Return how much of practitioner's and room's time a visit of this service takes up."""
    return Need(timedelta(minutes=service.minutes), service.rules.before, service.rules.after)


def instants(facilities: Collection[OpenFacility], from_day: date, to_day: date) -> tuple[datetime, datetime]:
    """Return the first instant of the first day and the last of the last, over all their zones."""
    bounds = [(day_bounds(from_day, one.tz)[0], day_bounds(to_day, one.tz)[1]) for one in facilities]
    return min(start for start, _ in bounds), max(end for _, end in bounds)
