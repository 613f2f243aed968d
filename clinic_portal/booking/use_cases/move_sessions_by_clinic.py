"""Staff give a session of a series, and all that come after it, new times."""

from datetime import datetime

from sqlalchemy.orm import Session

from clinic_portal.booking.queries.moves import to_be_moved
from clinic_portal.booking.queries.series import later_sessions
from clinic_portal.booking.queries.staff import visit_at_desk
from clinic_portal.booking.steps.series_moving import move_together
from clinic_portal.core.actor import Actor
from clinic_portal.core.audit import record
from clinic_portal.core.clock import Clock, stopped
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import AppointmentId, FacilityId
from clinic_portal.facilities.queries import facilities_of_staff
from clinic_portal.patients.steps import lock_patient


def move_sessions_by_clinic(  # noqa: PLR0913 - all by name
    db: Session,
    clock: Clock,
    *,
    appointment_id: AppointmentId,
    facility_id: FacilityId,
    actor: Actor,
    starts: tuple[datetime, ...],
    note: str = "",
) -> list[AppointmentId]:
    """Move this session and the later ones of its series for the patient, who is told once; returns which.

    As `move_later_sessions` does, those at facilities where the actor works: the others stay. A written reason (`note`)
    sets cut-off, notice, horizon and visits a day aside; hours, and what somebody else has, never. Repeating the call
    changes nothing and sends nothing.
    Raises: NotFound (no such visit at a facility of the actor's, or not of a series); Conflict "series.changed",
    "series.times_lost" (`lost`, by start: codes), "appointment.too_late_to_change", "appointment.already_started".
    """
    clock, note = stopped(clock), note.strip()  # Its message is about what has its time.
    with transaction(db):
        visit = visit_at_desk(db, appointment_id, facility_id=facility_id, actor=actor)
        lock_patient(db, visit.known_patient_id)
        own = {one.id for one in facilities_of_staff(db, actor=actor)}
        sessions = [one for one in later_sessions(db, visit) if one.facility_id in own]
        unasked = to_be_moved(db, {one.id for one in sessions})
        moved = move_together(db, clock, sessions, starts, actor=actor, note=note, unasked=unasked)
        for id_ in moved:
            record(
                db, clock, actor=actor, action="appointment.moved_by_staff", subject_kind="appointment", subject_id=id_,
                rules="set_aside" if note else "kept",
            )  # fmt: skip
        return moved
