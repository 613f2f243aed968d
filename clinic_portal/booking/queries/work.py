"""When practitioners work where over some days: what visits are judged by, and what a change of hours is compared by."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple, Protocol
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.rules import Stretch, is_covered, joined, without, working_stretch
from clinic_portal.core.clock import local_day
from clinic_portal.core.ids import FacilityId, PractitionerId, RoomId
from clinic_portal.core.modes import Mode
from clinic_portal.facilities.queries import OpenFacility, open_facilities_column, read_open_facilities
from clinic_portal.practitioners.queries import HoursFacts, absences_between, hours_between

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Scope:
    """Whose work or visits are looked at. None: everybody's, everywhere, on all days."""

    practitioner_id: PractitionerId | None = None
    facility_id: FacilityId | None = None
    day: date | None = None


class Spot(NamedTuple):
    """Whose work, where and how. `room_id` None: online, or in any room."""

    practitioner_id: UUID
    facility_id: UUID
    room_id: UUID | None
    mode: Mode


class Placed(Protocol):
    """What takes place somewhere: an appointment, or the columns of one that say so."""

    @property
    def id(self) -> UUID:
        """Which."""

    @property
    def practitioner_id(self) -> UUID:
        """With whom."""

    @property
    def facility_id(self) -> UUID:
        """At which facility."""

    @property
    def room_id(self) -> UUID | None:
        """In which room; None when online."""

    @property
    def mode(self) -> Mode:
        """In person or online."""

    @property
    def starts_at(self) -> datetime:
        """From when."""

    @property
    def ends_at(self) -> datetime:
        """Until when."""


class Work:
    """Hours, absences and closed days of some practitioners, as they were when they were read."""

    def __init__(
        self,
        facilities: Mapping[FacilityId, OpenFacility],
        hours: Sequence[HoursFacts],
        away: Mapping[PractitionerId, Sequence[Stretch]],
    ) -> None:
        """Keep them."""
        self._facilities, self._away = facilities, away
        self._hours: Mapping[tuple[Spot, int], list[HoursFacts]] = defaultdict(list)
        for one in hours:
            spot = Spot(one.practitioner_id, one.facility_id, one.room_id, one.mode)
            self._hours[spot, one.weekday].append(one)
        self._found: dict[tuple[Spot, date], Sequence[Stretch]] = {}

    def covers(self, visit: Placed) -> bool:
        """Say whether a visit lies in the hours that are worked where it takes place."""
        worked = self._around(
            Spot(visit.practitioner_id, visit.facility_id, visit.room_id, visit.mode), visit.starts_at
        )
        away = self._away.get(PractitionerId(visit.practitioner_id), ())
        return is_covered(Stretch(visit.starts_at, visit.ends_at), worked, away)

    def rooms_for(self, visit: Placed) -> Sequence[RoomId]:
        """Return the rooms in which the visit would lie in the hours, at its time and with its practitioner."""
        theirs = visit.practitioner_id, visit.facility_id, visit.mode
        mine = {spot for spot, _ in self._hours if (spot[0], spot[1], spot.mode) == theirs}
        away = self._away.get(PractitionerId(visit.practitioner_id), ())
        stretch = Stretch(visit.starts_at, visit.ends_at)
        found = (spot for spot in mine if is_covered(stretch, self._around(spot, visit.starts_at), away))
        return sorted(RoomId(spot.room_id) for spot in found if spot.room_id is not None)

    def stretches(self, first: date, last: date) -> Mapping[Spot, Sequence[Stretch]]:
        """Return what is worked in [first, last], without absences, in order."""
        found: dict[Spot, list[Stretch]] = defaultdict(list)
        for spot, weekday in self._hours:
            day = first + timedelta(days=(weekday - first.weekday()) % 7)
            while day <= last:
                found[spot] += self._worked(spot, day)
                day += 7 * ONE_DAY
        return {
            spot: without(joined(worked), self._away.get(PractitionerId(spot.practitioner_id), ()))
            for spot, worked in found.items()
        }

    def pieces(self, first: date, last: date) -> Iterator[tuple[Spot, Stretch]]:
        """Yield what is worked in [first, last], day by day and without absences.

        A visit lies in the hours if it lies in one of these. In a room that is what is worked there and in any room.
        """
        for spot in {spot for spot, _ in self._hours}:
            away = self._away.get(PractitionerId(spot.practitioner_id), ())
            weekdays = {weekday for one, weekday in self._hours if one in (spot, spot._replace(room_id=None))}
            day = first
            while day <= last:
                if day.weekday() in weekdays:
                    for stretch in without(self._joined(spot, day), away):
                        yield spot, stretch
                day += ONE_DAY

    def _around(self, spot: Spot, moment: datetime) -> Sequence[Stretch]:
        return self._joined(spot, local_day(moment, self._facilities[FacilityId(spot.facility_id)].tz))

    def _joined(self, spot: Spot, day: date) -> Sequence[Stretch]:
        key = spot, day
        if key not in self._found:
            # Hours without a room are online, or in any room.
            spots = {spot, spot._replace(room_id=None)}
            self._found[key] = joined(stretch for one in spots for stretch in self._worked(one, day))
        return self._found[key]

    def _worked(self, spot: Spot, day: date) -> list[Stretch]:
        facility = self._facilities[FacilityId(spot.facility_id)]
        if day in facility.closed_days:
            return []
        hours = (one for one in self._hours.get((spot, day.weekday()), ()) if one.holds_on(day))
        found = (working_stretch(day, one.starts_minute, one.ends_minute, facility.tz) for one in hours)
        return [stretch for stretch in found if stretch is not None]


def read_work(
    db: Session,
    people: Collection[PractitionerId] | None,
    *,
    first: date,
    last: date,
    facility_id: FacilityId | None = None,
) -> Work:
    """Return when practitioners (None: all) work in [first, last], at one facility or all, in three statements."""
    days = {"from_day": first, "to_day": last}
    column = db.scalar(select(open_facilities_column(None, **days)))
    facilities = read_open_facilities(column, **days)
    hours = [one for one in hours_between(db, people, **days) if facility_id in (None, one.facility_id)]
    # No clock is further from UTC than a day.
    start, end = (datetime.combine(day, time(), UTC) for day in (first - ONE_DAY, last + 2 * ONE_DAY))
    away: dict[PractitionerId, list[Stretch]] = defaultdict(list)
    for absence in absences_between(db, people, start=start, end=end):
        away[absence.practitioner_id].append(Stretch(absence.starts_at, absence.ends_at))
    return Work(facilities, hours, {who: joined(stretches) for who, stretches in away.items()})


def added(
    before: Mapping[Spot, Sequence[Stretch]], after: Mapping[Spot, Sequence[Stretch]]
) -> Mapping[Spot, Sequence[Stretch]]:
    """Return what is worked after, and was not before; the other way round it is what is worked no more."""
    found = {spot: without(stretches, before.get(spot, ())) for spot, stretches in after.items()}
    return {spot: stretches for spot, stretches in found.items() if stretches}
