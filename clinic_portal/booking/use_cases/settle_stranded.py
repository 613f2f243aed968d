"""Decide what becomes of visits that lie outside the hours."""

from sqlalchemy.orm import Session

from clinic_portal.booking.queries.stranded import find_stranded, lock_visits, token_of
from clinic_portal.booking.steps.stranding import Answers, Settled, settle
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import AppointmentId


def settle_stranded(db: Session, clock: Clock, *, answers: Answers, actor: Actor) -> Settled:
    """Keep, give another room, set down to be moved, or cancel with a message.

    A visit that was moved or cancelled meanwhile is left alone. Raises: Forbidden; Conflict "appointment.slot_taken" when
    somebody takes a room at this very moment: nothing changed.
    """
    with transaction(db):
        asked = {AppointmentId(row.id) for row in find_stranded(db, clock, answers, actor=actor)}
        lock_visits(db, asked)
        rows = find_stranded(db, clock, answers, actor=actor)  # As they are once nobody else can change them.
        tokens = {row: token_of(AppointmentId(row.id), row.starts_at) for row in rows if row.id in asked}
        return settle(db, clock, {row: answers[token] for row, token in tokens.items()}, actor=actor)
