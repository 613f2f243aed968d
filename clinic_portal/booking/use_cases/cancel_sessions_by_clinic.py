"""Staff give a session of a series back, and all that come after it."""

from sqlalchemy.orm import Session

from clinic_portal.booking import steps
from clinic_portal.booking.queries import AppointmentFacts
from clinic_portal.booking.queries.series import lock_later_sessions
from clinic_portal.booking.queries.staff import visit_at_desk
from clinic_portal.booking.rules import ClinicReason, judge_change
from clinic_portal.booking.steps.series import tell_of_series
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock, stopped
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import AppointmentId, FacilityId
from clinic_portal.facilities.queries import facilities_of_staff, service_by_id


def cancel_sessions_by_clinic(  # noqa: PLR0913 - all by name
    db: Session,
    clock: Clock,
    *,
    appointment_id: AppointmentId,
    facility_id: FacilityId,
    actor: Actor,
    reason: ClinicReason,
    note: str = "",
) -> list[AppointmentId]:
    """Cancel this session and the later ones of its series, as `cancel_by_clinic` does; returns which.

    Those at facilities where the actor does not work stay.
    When the patient asks, one message tells of all, and those for which it is too late stay unless a `note` says why not.
    What the clinic cancels is told by a message for each: the desk sees of each whether it reached the patient.
    Repeating the call finds nothing left, and sends nothing.
    Raises: NotFound (no such visit at a facility of the actor's, or not of a series); Conflict
    "appointment.too_late_to_change" when it is too late for every one of them.
    """
    clock = stopped(clock)  # Its message is about what has its time.
    with transaction(db):
        visit = visit_at_desk(db, appointment_id, facility_id=facility_id, actor=actor)
        if visit.series_id is None:
            raise NotFound
        own = {one.id for one in facilities_of_staff(db, actor=actor)}
        ours = [one for one in lock_later_sessions(db, visit) if one.facility_id in own]
        is_wanted = reason is ClinicReason.PATIENT_ASKED
        open_ones = [one for one in ours if not is_wanted or note.strip() or _is_in_time(db, clock, one)]
        if ours and not open_ones:
            raise Conflict("appointment.too_late_to_change")
        for one in open_ones:
            steps.cancel_as_staff(
                db, clock, appointment_id=one.id, actor=actor, reason=reason, note=note, is_told=not is_wanted
            )
        if open_ones and is_wanted:
            tell_of_series(db, clock, visit.series_id, "series_cancelled")
        return [one.id for one in open_ones]


def _is_in_time(db: Session, clock: Clock, session: AppointmentFacts) -> bool:
    cutoff = service_by_id(db, session.service_id).rules.change_cutoff
    return judge_change(session.state, session.starts_at, cutoff=cutoff, now=clock.now()).allowed
