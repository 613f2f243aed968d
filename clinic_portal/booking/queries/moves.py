"""What the history says of how visits got the time that they have."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import AppointmentHistory
from clinic_portal.booking.queries.staff import MOVED, MOVED_BY_CLINIC


class LastMove(NamedTuple):
    """How a visit was last moved."""

    #: When it started before; None: at the same time, or nobody wrote that down.
    was_at: datetime | None
    #: Whether the clinic did it without being asked. What the desk moves may well be what the patient asked for.
    by_clinic: bool


def last_moves(db: Session, appointment_ids: Collection[UUID]) -> Mapping[UUID, LastMove]:
    """Return how visits were last moved; those that never were are left out."""
    lines = db.execute(
        select(AppointmentHistory.appointment_id, AppointmentHistory.reason, AppointmentHistory.starts_at)
        .where(AppointmentHistory.appointment_id.in_(set(appointment_ids)))
        .order_by(AppointmentHistory.id)
    )
    before, found = dict[UUID, datetime](), dict[UUID, LastMove]()
    for id_, reason, starts_at in lines:
        if reason in (MOVED, MOVED_BY_CLINIC):
            was_at = before.get(id_)
            found[id_] = LastMove(was_at if was_at != starts_at else None, by_clinic=reason == MOVED_BY_CLINIC)
        before[id_] = starts_at
    return found
