"""Who works when and what is already taken: a statement each, whatever the number of practitioners."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Select, and_, literal_column, null, or_, select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.rules import (
    FIRM_STATES,
    AppointmentState,
    Need,
    PartOfDay,
    Stretch,
    first_day,
    fits,
    free_starts,
    last_day,
    without_room,
    working_stretch,
)
from clinic_portal.core.clock import day_bounds, local_day
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import AppointmentId, FacilityId, PractitionerId, RoomId, ServiceId
from clinic_portal.core.modes import Mode
from clinic_portal.core.statements import built_once, is_any, is_none, read_columns
from clinic_portal.facilities.queries import (
    OpenFacility,
    ServiceFacts,
    open_facilities_column,
    read_open_facilities,
    read_service_columns,
    service_columns,
    service_row,
)
from clinic_portal.practitioners.queries import (
    HoursFacts,
    absences_column,
    hours_column,
    hours_of_days,
    read_absences,
    read_hours,
    room_plan_column,
)

#: A visit lasts eight hours at most and its buffers two each (checks on `service`), so an index on starts finds what
#: still takes up somebody's time.
LONGEST_BUFFER = timedelta(hours=2)
LONGEST_VISIT = timedelta(hours=8) + 2 * LONGEST_BUFFER

ONE_DAY = timedelta(days=1)

#: Written out: a list of parameters would be put into the text at every use.
_IS_FIRM = Appointment.state.in_([literal_column(f"'{state.value}'") for state in sorted(FIRM_STATES)])

#: Stretches by the UTC day on which they start: what touches a few hours is found without looking at the rest.
ByDay = Mapping[date, Sequence[Stretch]]


@dataclass(frozen=True)
class Wish:
    """What somebody looks for. None: no preference. Nobody meets online who has not asked for it.

    For them counts as free: the hold with the hash `own_hold`, and the visits that they want to move: `own_visit`, or
    `own_visits` of a series.
    """

    service_id: ServiceId
    practitioner_id: PractitionerId | None = None
    facility_id: FacilityId | None = None
    part: PartOfDay = PartOfDay.ANY
    mode: Mode = Mode.IN_PERSON
    own_hold: str | None = None
    own_visit: AppointmentId | None = None
    own_visits: tuple[AppointmentId, ...] = ()
    #: The mode is that of a visit that there is, which stays what it is however the service is given now.
    is_as_booked: bool = False


class Window(NamedTuple):
    """Hours of one practitioner on one day, as instants."""

    hours: HoursFacts
    tz: str
    stretch: Stretch


@dataclass(frozen=True)
class Taker:
    """Who can take a time, and where."""

    practitioner_id: PractitionerId
    room_id: RoomId | None
    mode: Mode


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
    #: Room → the hours that have it as theirs: read where a visit in any free room gets its room.
    room_plan: Mapping[RoomId, Sequence[HoursFacts]] = field(default_factory=dict)

    @property
    def need(self) -> Need:
        """How much time a visit takes up."""
        return need_of(self.service)

    def windows(self, day: date) -> Iterator[Window]:
        """Yield the hours that are worked on a day; none when it is closed or the calendar is not open for it."""
        for hours in self.weekdays.get(day.weekday(), ()):
            first, last = self.open_days[hours.facility_id]
            facility = self.facilities[hours.facility_id]
            if hours.is_in_any_room and not facility.rooms:
                continue
            if first <= day <= last and hours.holds_on(day) and day not in facility.closed_days:
                stretch = working_stretch(day, hours.starts_minute, hours.ends_minute, facility.tz)
                if stretch is not None:
                    yield Window(hours, facility.tz, stretch)

    def is_planned(self, room_id: RoomId, busy: Stretch, tz: str) -> bool:
        """Whether somebody's hours have this room as theirs in some of a stretch."""
        day = local_day(busy.start, tz)
        while day <= local_day(busy.end, tz):
            for hours in self.room_plan.get(room_id, ()):
                work = working_stretch(day, hours.starts_minute, hours.ends_minute, tz) if hours.holds_on(day) else None
                if work is not None and work.touches(busy):
                    return True
            day += ONE_DAY
        return False


@dataclass(frozen=True)
class Taken:
    """What live appointments take up."""

    practitioners: Mapping[UUID, ByDay]
    rooms: Mapping[UUID, ByDay]
    #: What was found of stretches in which no room of a facility is free: everybody who works then asks for the same.
    _no_room: dict[tuple[FacilityId, Stretch], Sequence[Stretch]] = field(default_factory=dict)

    def beside(self, window: Window, rota: Rota) -> list[Stretch]:
        """Return what is busy in a window and as far around it as buffers reach, in order of starts.

        Busy is the practitioner, absences included, or the room; where any room will do, all of them.
        """
        hours, _, work = window
        stretch = Stretch(work.start - rota.need.before, work.end + rota.need.after)
        busy = {away for away in rota.absences.get(hours.practitioner_id, ()) if away.touches(stretch)}
        busy.update(_touching(self.practitioners.get(hours.practitioner_id), stretch))
        if hours.room_id is not None:
            busy.update(_touching(self.rooms.get(hours.room_id), stretch))
        elif hours.is_in_any_room:
            busy.update(self._without_room(hours.facility_id, stretch, rota))
        return sorted(busy)

    def takers(self, window: Window, rota: Rota, start: datetime) -> Iterator[Taker]:
        """Yield where the window's practitioner can take a start, in the order in which to ask: no room, or a few.

        Where any room will do, first come those in which nobody's hours are planned then, each time by name.
        """
        hours, tz, work = window
        if not fits(start, work, rota.need, self.beside(window, rota), tz=tz):
            return
        if not hours.is_in_any_room:
            yield Taker(hours.practitioner_id, hours.room_id, hours.mode)
            return
        busy = rota.need.busy(start)
        free = [room for room in rota.facilities[hours.facility_id].rooms if not _touching(self.rooms.get(room), busy)]
        for room_id in sorted(free, key=lambda room: rota.is_planned(room, busy, tz)):
            yield Taker(hours.practitioner_id, room_id, hours.mode)

    def offers(self, window: Window, rota: Rota, start: datetime) -> bool:
        """Whether the pages offer a start of the window."""
        starts = free_starts(window.stretch, rota.need, self.beside(window, rota), tz=window.tz, earliest=start)
        return next(starts, None) == start

    def _without_room(self, facility_id: FacilityId, stretch: Stretch, rota: Rota) -> Sequence[Stretch]:
        key = facility_id, stretch
        if key not in self._no_room:
            rooms = (_touching(self.rooms.get(room), stretch) for room in rota.facilities[facility_id].rooms)
            self._no_room[key] = without_room(rooms, rota.need)
        return self._no_room[key]

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


def read_rota(
    db: Session, wish: Wish, *, from_day: date, to_day: date, now: datetime, with_room_plan: bool = False
) -> Rota:
    """Return who works in [from_day, to_day]: one statement. Raises: NotFound (no such service or facility)."""
    # No clock is further from UTC than a day.
    start = datetime.combine(from_day - ONE_DAY, time(), UTC)
    end = datetime.combine(to_day + 2 * ONE_DAY, time(), UTC)
    statement = _rota(
        service_id=wish.service_id, practitioner_id=wish.practitioner_id, facility_id=wish.facility_id,
        from_day=from_day, to_day=to_day, start=start, end=end, with_room_plan=with_room_plan or None,
    )  # fmt: skip
    rows = read_columns(db, *statement)
    facilities = read_open_facilities(rows[0][0], from_day=from_day, to_day=to_day) if rows else {}
    if not facilities:
        raise NotFound
    _, works, away_then, plan, *service = rows[0]
    found = read_service_columns(service)
    # A visit that there is stays what it is, also where the service is given otherwise by now.
    is_as_booked = wish.is_as_booked or wish.own_visit is not None or bool(wish.own_visits)
    is_given = found.rules.modes.allow(wish.mode) or is_as_booked
    hours = [one for one in read_hours(works) if one.mode is wish.mode] if is_given else []
    weekdays: dict[int, list[HoursFacts]] = defaultdict(list)
    for one in hours:
        weekdays[one.weekday].append(one)
    away: dict[PractitionerId, list[Stretch]] = defaultdict(list)
    for absence in read_absences(away_then):
        away[absence.practitioner_id].append(Stretch(absence.starts_at, absence.ends_at))
    rules = found.rules
    open_days = {
        one.id: (first_day(now, one.tz, notice=rules.notice), last_day(now, one.tz, horizon_days=rules.horizon_days))
        for one in facilities.values()
    }
    planned: dict[RoomId, list[HoursFacts]] = defaultdict(list)
    for one in read_hours(plan):
        if one.room_id is not None:
            planned[one.room_id].append(one)
    return Rota(found, facilities, open_days, hours, weekdays, away, planned)


@built_once
def _rota(  # noqa: PLR0913 - who, where and when, twice
    *,
    service_id: ServiceId,
    practitioner_id: PractitionerId | None,
    facility_id: FacilityId | None,
    from_day: date,
    to_day: date,
    start: datetime,
    end: datetime,
    with_room_plan: bool | None,
) -> Select[*tuple[Any, ...]]:
    service = service_row()
    hours = hours_of_days(from_day, to_day)
    plan = room_plan_column(hours, facility_id=facility_id) if with_room_plan is not None else null()
    return select(
        open_facilities_column(facility_id, from_day=from_day, to_day=to_day),
        hours_column(hours, service_id=service_id, practitioner_id=practitioner_id, facility_id=facility_id),
        absences_column(service_id=service_id, practitioner_id=practitioner_id, start=start, end=end),
        plan,
        *service_columns(),
    ).where(service.id == service_id)


def read_taken(db: Session, rota: Rota, wish: Wish, *, from_day: date, to_day: date, now: datetime) -> Taken:
    """Return what is taken in [from_day, to_day], with buffers: one statement. Holds that ran out take nothing up."""
    practitioners: dict[UUID, dict[date, list[Stretch]]] = defaultdict(lambda: defaultdict(list))
    rooms: dict[UUID, dict[date, list[Stretch]]] = defaultdict(lambda: defaultdict(list))
    if rota.hours:
        start, end = instants(rota.facilities.values(), from_day, to_day)
        own_visits = [*wish.own_visits, *([wish.own_visit] if wish.own_visit else [])]
        statement = _taken(
            practitioner_ids=sorted({row.practitioner_id for row in rota.hours}),
            room_ids=_rooms_of(rota),
            facility_ids=sorted({row.facility_id for row in rota.hours}),
            first=start - LONGEST_VISIT, after=end + 2 * LONGEST_BUFFER, until=start - LONGEST_BUFFER, now=now,
            own_hold=wish.own_hold, own_visits=own_visits or None,
        )  # fmt: skip
        for practitioner_id, room_id, busy_from, busy_until in read_columns(db, *statement):
            stretch, day = Stretch(busy_from, busy_until), busy_from.date()  # In UTC, as every time that is read.
            practitioners[practitioner_id][day].append(stretch)
            if room_id is not None:
                rooms[room_id][day].append(stretch)
    return Taken(practitioners, rooms)


def _rooms_of(rota: Rota) -> list[RoomId]:
    room_ids: set[RoomId] = {row.room_id for row in rota.hours if row.room_id}
    for facility_id in {row.facility_id for row in rota.hours if row.is_in_any_room}:
        room_ids.update(rota.facilities[facility_id].rooms)
    return sorted(room_ids)


@built_once
def _taken(  # noqa: PLR0913 - whose, when, and what does not count
    *,
    practitioner_ids: list[PractitionerId],
    room_ids: list[RoomId],
    facility_ids: list[FacilityId],
    first: datetime,
    after: datetime,
    until: datetime,
    now: datetime,
    own_hold: str | None,
    own_visits: list[AppointmentId] | None,
) -> Select[UUID, UUID | None, datetime, datetime]:
    held = and_(Appointment.state == AppointmentState.PROPOSED, Appointment.held_until > now)
    if own_hold is not None:
        held = and_(held, Appointment.hold_key_hash.is_distinct_from(own_hold))
    theirs = or_(
        is_any(Appointment.practitioner_id, practitioner_ids),
        # A room belongs to its facility: named as well, because that is what the index starts with.
        and_(is_any(Appointment.facility_id, facility_ids), is_any(Appointment.room_id, room_ids)),
    )
    statement = select(
        Appointment.practitioner_id, Appointment.room_id, Appointment.busy_from, Appointment.busy_until
    ).where(
        theirs,
        Appointment.starts_at > first,
        Appointment.starts_at < after,
        Appointment.busy_until > until,
        or_(_IS_FIRM, held),
    )
    if own_visits is not None:
        statement = statement.where(is_none(Appointment.id, own_visits))
    return statement


def need_of(service: ServiceFacts) -> Need:
    """Return how much of practitioner's and room's time a visit of this service takes up."""
    return Need(timedelta(minutes=service.minutes), service.rules.before, service.rules.after)


def instants(facilities: Collection[OpenFacility], from_day: date, to_day: date) -> tuple[datetime, datetime]:
    """Return the first instant of the first day and the last of the last, over all their zones."""
    bounds = [(day_bounds(from_day, one.tz)[0], day_bounds(to_day, one.tz)[1]) for one in facilities]
    return min(start for start, _ in bounds), max(end for _, end in bounds)
