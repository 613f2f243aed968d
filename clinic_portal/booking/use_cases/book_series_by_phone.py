"""Staff book several sessions at once for a patient who phones or stands at the desk."""

from sqlalchemy.orm import Session

from clinic_portal.booking.steps.series import Booker, SeriesChoice, book_sessions
from clinic_portal.core.actor import Actor
from clinic_portal.core.audit import record
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import SeriesId
from clinic_portal.dependents.queries import account_for
from clinic_portal.facilities.queries import works_at


def book_series_by_phone(db: Session, clock: Clock, *, choice: SeriesChoice, actor: Actor, note: str = "") -> SeriesId:
    """Book all of the chosen times or none at a facility of the actor's, and tell the patient, or who acts for a child, once.

    A note sets notice, horizon, visits a day and the number of sessions aside, and hours for the choice's own times; what
    somebody else has, never.
    Repeating the call returns the same series and sends nothing again.
    Raises: NotFound (no such patient, service or facility of the actor's); Conflict "series.not_offered" (too many, none,
    or not this service), "series.times_lost" with the codes of those that cannot be had (`lost`, by start).
    """
    note = note.strip()
    with transaction(db):
        if not works_at(db, choice.facility_id, actor=actor):
            raise NotFound
        # Never staff: who is told of a child's sessions is who acts for the child.
        told = account_for(db, choice.patient_id, today=clock.now().date())
        by = Booker(actor, told, reason="booked.by_staff", note=note)
        series_id, is_new = book_sessions(db, clock, choice, by)
        if is_new:
            record(
                db, clock, actor=actor, action="series.booked_by_staff", subject_kind="series", subject_id=series_id,
                rules="set_aside" if note else "kept",
            )  # fmt: skip
        return series_id
