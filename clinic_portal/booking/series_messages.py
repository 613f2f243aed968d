"""What messages about a series say: all its dates in one. Read from the live rows when they are sent."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from uuid import UUID

from babel.dates import format_datetime
from sqlalchemy.orm import Session

from clinic_portal.booking.calendar import calendar_file, content_type
from clinic_portal.booking.messages import visit_facts
from clinic_portal.booking.queries import AppointmentFacts, AppointmentState, describe
from clinic_portal.booking.queries.series import series_facts
from clinic_portal.core.clock import Clock, zone
from clinic_portal.core.ids import SeriesId
from clinic_portal.core.money import Money
from clinic_portal.core.settings import Settings
from clinic_portal.notifications.sources import Attachment, MessageFacts


def series_booked_facts(db: Session, clock: Clock, settings: Settings, subject_id: UUID) -> MessageFacts | None:
    """Return what to say of the sessions that are still to come; None when there are none."""
    found = series_facts(db, SeriesId(subject_id))
    coming = [
        session
        for session in (found.sessions if found else ())
        if session.state is AppointmentState.BOOKED and session.starts_at > clock.now()
    ]
    return _facts(db, clock, settings, subject_id, coming)


def series_cancelled_facts(db: Session, clock: Clock, settings: Settings, subject_id: UUID) -> MessageFacts | None:
    """Return what to say of the sessions that were given back together, the last time that some were."""
    found = series_facts(db, SeriesId(subject_id))
    cancelled = [
        session
        for session in (found.sessions if found else ())
        if session.state is AppointmentState.CANCELLED and session.cancelled_at is not None
    ]
    last = max((session.cancelled_at for session in cancelled if session.cancelled_at), default=None)
    return _facts(
        db, clock, settings, subject_id, [session for session in cancelled if session.cancelled_at == last]
    )  # fmt: skip


def _facts(
    db: Session, clock: Clock, settings: Settings, series_id: UUID, sessions: Sequence[AppointmentFacts]
) -> MessageFacts | None:
    if not sessions:
        return None
    visits = describe(db, sessions)
    first = visit_facts(db, clock, settings, visits[0])
    if first is None:
        return None
    starts = [session.starts_at for session in sessions]
    prices = [session.price for session in sessions]
    context = {
        **first.context,
        "starts": starts,
        "count": len(starts),
        "short_times": _short_times(starts, visits[0].tz, first.language),
        "total": Money(sum(price.minor for price in prices), prices[0].currency),
        "link_path": f"/visits/series/{series_id}",
    }
    file = calendar_file(*visits, settings=settings, language=first.language, now=clock.now())
    return replace(first, context=context, attachments=(Attachment("visits.ics", content_type(*visits), file),))


def _short_times(starts: Sequence[datetime], tz: str, language: str) -> str:
    """Return days and times as short as an SMS wants them: "26 Nov, 3 Dec 10:30; 10 Dec 11:00"."""
    local = [start.astimezone(zone(tz)) for start in starts]
    parts = []
    for time, days in groupby(local, key=lambda start: f"{start:%H:%M}"):
        parts.append(f"{', '.join(format_datetime(day, 'd MMM', locale=language) for day in days)} {time}")
    return "; ".join(parts)
