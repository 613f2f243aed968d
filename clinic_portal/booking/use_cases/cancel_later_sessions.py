"""Give a session of a series back, and all that come after it."""

from sqlalchemy.orm import Session

from clinic_portal.booking import steps
from clinic_portal.booking.queries import visit_of
from clinic_portal.booking.queries.series import lock_later_sessions
from clinic_portal.booking.rules import CancelReason, judge_change
from clinic_portal.booking.steps.series import tell_of_series
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock, stopped
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import AppointmentId


def cancel_later_sessions(
    db: Session, clock: Clock, *, appointment_id: AppointmentId, actor: Actor, reason: CancelReason
) -> list[AppointmentId]:
    """Cancel this session and the later ones of its series, with one message about all; returns which.

    Those for which it is too late stay. Repeating the call finds nothing left, and sends nothing.
    Raises: NotFound (no such, not of a series, or none that the actor may change); Forbidden; Conflict
    "appointment.too_late_to_change" when it is too late for every one of them.
    """
    clock = stopped(clock)  # Its message is about what has its time.
    with transaction(db):
        visit = visit_of(db, clock, appointment_id, actor=actor)
        sessions, now = lock_later_sessions(db, visit.appointment), clock.now()
        cutoff = visit.service.rules.change_cutoff
        open_ones = [one for one in sessions if judge_change(one.state, one.starts_at, cutoff=cutoff, now=now).allowed]
        if sessions and not open_ones:
            raise Conflict("appointment.too_late_to_change")
        for one in open_ones:
            steps.cancel_visit(db, clock, appointment_id=one.id, actor=actor, reason=reason, is_told=False)
        series_id = visit.appointment.series_id
        if series_id is None:
            raise NotFound
        if open_ones:
            tell_of_series(db, clock, series_id, "series_cancelled")
        return [one.id for one in open_ones]
