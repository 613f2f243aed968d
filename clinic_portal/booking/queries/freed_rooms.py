"""Who has a free time because a room came free: colleagues who were free before, and had no room (ADR 9)."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import FreedTime, WaitingEntry
from clinic_portal.booking.queries.rota import Rota, Taken, Window, Wish, read_rota, read_taken
from clinic_portal.booking.rules import EntryState, Stretch, free_starts
from clinic_portal.core.clock import local_day
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import FacilityId, PractitionerId, ServiceId
from clinic_portal.core.modes import Mode


def gained_by_room(db: Session, freed: FreedTime, *, tz: str, now: datetime) -> Mapping[PractitionerId, Stretch]:
    """Return the colleagues for whom somebody waits and whom the room of a freed time gives times, and from when to when.

    A time counts when it could be in no other room: with one more free it was offered all along. Rooms of other freed
    times that nobody looked at yet are no such others. Two statements for each service that somebody waits for.
    """
    wanted, days = _wanted(db, freed, tz=tz), (local_day(freed.starts_at, tz), local_day(freed.ends_at, tz))
    rooms, found = _freed_rooms(db, freed), defaultdict[PractitionerId, list[Stretch]](list)
    for service_id, people in wanted.items():
        wish = Wish(service_id, facility_id=FacilityId(freed.facility_id))
        try:
            rota = read_rota(db, wish, from_day=days[0], to_day=days[1], now=now)
        except NotFound:
            continue  # The service, or the place, is no longer offered.
        taken = read_taken(db, rota, wish, from_day=days[0], to_day=days[1], now=now)
        for window in (window for day in sorted(set(days)) for window in rota.windows(day)):
            who = window.hours.practitioner_id
            if who != freed.practitioner_id and (None in people or who in people):
                found[who] += _gained(window, rota, taken, freed, rooms, now)
    return {
        who: Stretch(min(start for start, _ in gained), max(end for _, end in gained))
        for who, gained in found.items()
        if gained
    }


def _gained(
    window: Window, rota: Rota, taken: Taken, freed: FreedTime, rooms: Collection[UUID], now: datetime
) -> Iterator[Stretch]:  # fmt: skip
    came_free, need = Stretch(freed.starts_at, freed.ends_at), rota.need
    busy, earliest = taken.beside(window, rota), now + rota.service.rules.notice
    for start in free_starts(window.stretch, need, busy, tz=window.tz, earliest=earliest):
        if need.busy(start).touches(came_free):
            possible = {taker.room_id for taker in taken.takers(window, rota, start)}
            if possible <= set(rooms):
                yield Stretch(start, start + need.length)


def _wanted(db: Session, freed: FreedTime, *, tz: str) -> Mapping[ServiceId, set[UUID | None]]:
    """Return for which services somebody waits for a colleague (None: for anybody) in person, in a facility on these days."""
    rows = db.execute(
        select(WaitingEntry.service_id, WaitingEntry.practitioner_id)
        .where(
            WaitingEntry.state == EntryState.WAITING,
            WaitingEntry.mode == Mode.IN_PERSON,
            or_(WaitingEntry.facility_id.is_(None), WaitingEntry.facility_id == freed.facility_id),
            WaitingEntry.practitioner_id.is_distinct_from(freed.practitioner_id),
            WaitingEntry.from_day <= local_day(freed.ends_at, tz),
            WaitingEntry.until_day >= local_day(freed.starts_at, tz),
        )
        .distinct()
        .order_by(WaitingEntry.service_id)
    )
    found: dict[ServiceId, set[UUID | None]] = defaultdict(set)
    for service_id, practitioner_id in rows:
        found[ServiceId(service_id)].add(practitioner_id)
    return found


def _freed_rooms(db: Session, freed: FreedTime) -> Sequence[UUID]:
    others = select(FreedTime.room_id).where(
        FreedTime.facility_id == freed.facility_id,
        FreedTime.closed_at.is_(None),
        FreedTime.room_id.is_not(None),
        FreedTime.starts_at < freed.ends_at,
        FreedTime.ends_at > freed.starts_at,
    )
    return [room_id for room_id in (freed.room_id, *db.scalars(others)) if room_id is not None]
