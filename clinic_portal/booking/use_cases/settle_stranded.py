"""Decide what becomes of visits that lie outside the hours."""

from sqlalchemy.orm import Session

from clinic_portal.booking.queries.stranded import coming_visits, lock_visits, outside_hours, own_scope, token_of
from clinic_portal.booking.steps.stranding import Answers, Settled, settle
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import AppointmentId


def settle_stranded(db: Session, clock: Clock, *, answers: Answers, actor: Actor) -> Settled:
    """Keep, set down to be moved, or cancel with a message. A visit that was moved or cancelled meanwhile is left alone.

    Raises: Forbidden.
    """
    with transaction(db):
        rows = coming_visits(db, own_scope(db, actor=actor), now=clock.now())
        asked = {AppointmentId(row.id) for row in rows if token_of(AppointmentId(row.id), row.starts_at) in answers}
        locked = lock_visits(db, asked)
        coming = {row.id for row in coming_visits(db, own_scope(db, actor=actor), now=clock.now())}
        outside = outside_hours(db, [row for row in locked if row.id in coming])
        tokens = {row: token_of(AppointmentId(row.id), row.starts_at) for row in locked if row.id in outside}
        return settle(
            db, clock, {row: answers[token] for row, token in tokens.items() if token in answers}, actor=actor
        )
