"""What messages about a series say: all its dates in one. Read from the live rows when they are sent."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from uuid import UUID

from babel.dates import format_datetime
from sqlalchemy.orm import Session

from clinic_portal.booking.calendar import calendar_file, content_type
from clinic_portal.booking.messages import visit_facts
from clinic_portal.booking.queries import AppointmentFacts, AppointmentState, VisitFacts, describe
from clinic_portal.booking.queries.moves import last_moves
from clinic_portal.booking.queries.series import moved_since, place_of, series_facts
from clinic_portal.booking.queries.staff import MOVED_TOGETHER, ON_ITS_WAY
from clinic_portal.core.clock import Clock, zone
from clinic_portal.core.ids import SeriesId
from clinic_portal.core.money import Money
from clinic_portal.core.settings import Settings
from clinic_portal.notifications.queries import list_messages
from clinic_portal.notifications.sources import Attachment, MessageFacts

CANCELLED_TOGETHER = "series_cancelled"


def series_booked_facts(db: Session, clock: Clock, settings: Settings, subject_id: UUID) -> MessageFacts | None:
    """Return what to say of the sessions that are still to come; None when there are none."""
    return _facts(db, clock, settings, subject_id, _coming(db, clock, subject_id))


def series_moved_facts(db: Session, clock: Clock, settings: Settings, subject_id: UUID) -> MessageFacts | None:
    """Return what to say of the sessions to come that were moved since this was last said; None when there are none.

    With the old times, and whether the clinic is why any of them was.
    """
    coming, since = _coming(db, clock, subject_id), _untold_since(db, subject_id, MOVED_TOGETHER)
    moved = moved_since(db, SeriesId(subject_id), since) if since else set()
    sessions = [session for session in coming if session.id in moved]
    moves = last_moves(db, moved)
    was_at = {id_: move.was_at for id_, move in moves.items() if move.was_at}
    facts = _facts(db, clock, settings, subject_id, sessions, others=len(coming) - len(sessions), was_at=was_at)
    by_clinic = any(moves[session.id].by_clinic for session in sessions)
    return replace(facts, context={**facts.context, "by_clinic": by_clinic}) if facts else None


def series_cancelled_facts(db: Session, clock: Clock, settings: Settings, subject_id: UUID) -> MessageFacts | None:
    """Return what to say of the sessions that were given back since this was last said; None when there are none."""
    since = _untold_since(db, subject_id, CANCELLED_TOGETHER)
    cancelled = [
        session
        for session in _sessions(db, subject_id)
        if since and session.state is AppointmentState.CANCELLED and session.cancelled_at is not None
        if session.cancelled_at >= since
    ]
    return _facts(db, clock, settings, subject_id, cancelled)


def _sessions(db: Session, series_id: UUID) -> Sequence[AppointmentFacts]:
    found = series_facts(db, SeriesId(series_id))
    return found.sessions if found else ()


def _coming(db: Session, clock: Clock, series_id: UUID) -> list[AppointmentFacts]:
    now = clock.now()
    return [
        session
        for session in _sessions(db, series_id)
        if session.state is AppointmentState.BOOKED and session.starts_at > now
    ]


def _untold_since(db: Session, series_id: UUID, kind: str) -> datetime | None:
    """Return when the oldest message of this kind that is still on its way was queued: what it says begins there.

    One that waits for a vendor so tells of what was changed meanwhile as well, and nothing that was changed stays untold.
    """
    messages = list_messages(db, subject_ids=[series_id], kinds={kind})
    return min((message.created_at for message in messages if message.state in ON_ITS_WAY), default=None)


def _facts(  # noqa: PLR0913 - all by name
    db: Session,
    clock: Clock,
    settings: Settings,
    series_id: UUID,
    sessions: Sequence[AppointmentFacts],
    *,
    others: int = 0,
    was_at: Mapping[UUID, datetime] | None = None,
) -> MessageFacts | None:
    if not sessions:
        return None
    visits = describe(db, sessions)
    first = visit_facts(db, clock, settings, visits[0])
    if first is None:
        return None
    starts = [session.starts_at for session in sessions]
    is_one_place = len({place_of(session) for session in sessions}) == 1
    rooms = {visit.room.name if visit.room else "" for visit in visits}
    prices = [session.price for session in sessions]
    context = {
        **first.context,
        "starts": starts,
        # On the clock of its place, which each says when they are not all at one.
        "sessions": [_said(visit, with_place=not is_one_place, was_at=was_at or {}) for visit in visits],
        "one_place": is_one_place,
        "are_online": all(session.is_online for session in sessions),
        "practitioner_names": ", ".join(dict.fromkeys(visit.practitioner.full_name for visit in visits)),
        "room_name": rooms.pop() if len(rooms) == 1 else "",
        "directions": first.context["directions"] if is_one_place else {},
        "count": len(starts),
        # Sessions to come that are as they were.
        "others": others,
        "short_times": _short_times(visits, first.language),
        "total": Money(sum(price.minor for price in prices), prices[0].currency),
        "link_path": f"/visits/series/{series_id}",
    }
    file = calendar_file(*visits, settings=settings, language=first.language, now=clock.now())
    return replace(first, context=context, attachments=(Attachment("visits.ics", content_type(*visits), file),))


def _said(visit: VisitFacts, *, with_place: bool, was_at: Mapping[UUID, datetime]) -> dict[str, object]:
    return {
        "starts_at": visit.appointment.starts_at,
        # The time that it had before, if it was moved.
        "was_at": was_at.get(visit.appointment.id),
        "tz": visit.tz,
        "is_online": visit.appointment.is_online,
        "at": visit.facility.names if with_place else {},
    }


def _short_times(visits: Sequence[VisitFacts], language: str) -> str:
    """Return days and times as short as a mailbox wants them: "26 Nov, 3 Dec 10:30; 10 Dec 11:00"."""
    local = [visit.appointment.starts_at.astimezone(zone(visit.tz)) for visit in visits]
    parts = []
    for time, days in groupby(local, key=lambda start: f"{start:%H:%M}"):
        parts.append(f"{', '.join(format_datetime(day, 'd MMM', locale=language) for day in days)} {time}")
    return "; ".join(parts)
