"""Book several sessions at once."""

from sqlalchemy.orm import Session

from clinic_portal.booking.steps import hold_key_hash
from clinic_portal.booking.steps.series import Booker, SeriesChoice, book_sessions
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import SeriesId
from clinic_portal.dependents.queries import person_to_book_for


def book_series(
    db: Session, clock: Clock, *, choice: SeriesChoice, actor: Actor, hold_key: str | None = None
) -> SeriesId:
    """Book all of the chosen times or none, send one message about all of them, and release what the browser held.

    Repeating the call returns the same series and sends nothing again.
    Raises: NotFound (no such service or facility, or none of the actor's people); Forbidden (may not book for this
    person); Conflict "series.not_offered" (too many, none, or not this service), "appointment.missed_too_often",
    "series.times_lost" with the codes of those that cannot be had (`lost`, by start).
    """
    own_hold = hold_key_hash(hold_key) if hold_key else None
    with transaction(db):
        person_to_book_for(db, clock, choice.patient_id, actor=actor)
        series_id, _ = book_sessions(db, clock, choice, Booker(actor, actor.account_id, own_hold=own_hold))
        return series_id
