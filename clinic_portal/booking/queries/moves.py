"""What the history says of how visits got the time that they have, and the outbox of what was told of it."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment, AppointmentHistory, OutsideHours
from clinic_portal.booking.queries.staff import EXPECTED, GONE_OUT, MOVED, MOVED_BY_CLINIC
from clinic_portal.booking.rules import StrandedAnswer
from clinic_portal.core.ids import AppointmentId
from clinic_portal.notifications.queries import list_messages

#: The kinds of messages that tell when a visit is, or a session of the series that they are about.
TELLING = (*EXPECTED, "series_booked", "series_moved")


class LastMove(NamedTuple):
    """How a visit was last moved."""

    #: When it started as far as the patient had been told before; None: at the same time, or nobody wrote that down.
    was_at: datetime | None
    #: Whether they were told of this very time already: somebody else, or another place, is what is new.
    is_same_time: bool
    #: Whether a change of hours is why. What else the desk moves may well be what the patient asked for.
    by_clinic: bool


class _Line(NamedTuple):
    appointment_id: UUID
    series_id: UUID | None
    at: datetime
    starts_at: datetime
    reason: str


def to_be_moved(db: Session, appointment_ids: Collection[AppointmentId]) -> frozenset[AppointmentId]:
    """Return which of these visits the clinic has to move: a change of hours left them outside, and somebody decided so."""
    rows = db.scalars(
        select(Appointment.id)
        .join(OutsideHours, OutsideHours.appointment_id == Appointment.id)
        .where(
            Appointment.id.in_(set(appointment_ids)),
            OutsideHours.starts_at == Appointment.starts_at,
            OutsideHours.answer == StrandedAnswer.MOVE,
        )
    )
    return frozenset(AppointmentId(id_) for id_ in rows)


def last_moves(db: Session, appointment_ids: Collection[UUID]) -> Mapping[UUID, LastMove]:
    """Return how visits were last moved; those that never were are left out.

    A time of which no message went out before the visit was moved on is nobody's old time.
    """
    rows = db.execute(
        select(
            AppointmentHistory.appointment_id,
            Appointment.series_id,
            AppointmentHistory.at,
            AppointmentHistory.starts_at,
            AppointmentHistory.reason,
        )
        .join(Appointment, Appointment.id == AppointmentHistory.appointment_id)
        .where(AppointmentHistory.appointment_id.in_(set(appointment_ids)))
        .order_by(AppointmentHistory.appointment_id, AppointmentHistory.id)
    )
    moved = dict[UUID, list[_Line]]()
    for id_, lines in groupby((_Line(*row) for row in rows), key=attrgetter("appointment_id")):
        story = list(lines)
        while story and story[-1].reason not in (MOVED, MOVED_BY_CLINIC):
            story.pop()
        if story:
            moved[id_] = story
    told = _told_at(db, {id_: story[-1].series_id for id_, story in moved.items()})
    return {id_: _last_move(story, told[id_]) for id_, story in moved.items()}


def _last_move(story: Sequence[_Line], told: Collection[datetime]) -> LastMove:
    """Return what the lines until a move say of it; `told`: when the patient was told when the visit is."""
    *before, move = story
    last_told = max((at for at in told if at < move.at), default=None)
    known = [line.starts_at for line in before if last_told and line.at <= last_told]
    # Told of nothing: what they know is what was booked.
    was_at = known[-1] if known else before[0].starts_at if before else None
    is_same_time = was_at == move.starts_at
    return LastMove(None if is_same_time else was_at, is_same_time, by_clinic=move.reason == MOVED_BY_CLINIC)


def _told_at(db: Session, series: Mapping[UUID, UUID | None]) -> Mapping[UUID, Sequence[datetime]]:
    """Return the moments of which messages that went out say when a visit is; `series`: visits, and whose sessions they are.

    A visit's own messages are void when it moves, so those that went say what was so when they were queued; those about
    a series stay, and say what was so when they went.
    """
    ids = {*series, *(series_id for series_id in series.values() if series_id)} if series else set()
    own, together = defaultdict[UUID, list[datetime]](list), defaultdict[UUID, list[datetime]](list)
    for message in list_messages(db, subject_ids=ids, kinds=TELLING) if ids else ():
        if message.state in GONE_OUT:
            own[message.subject_id].append(message.created_at)
            together[message.subject_id].append(message.sent_at or message.created_at)
    return {id_: [*own[id_], *(together[series_id] if series_id else ())] for id_, series_id in series.items()}
