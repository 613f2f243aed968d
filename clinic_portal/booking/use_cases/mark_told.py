"""The patient was told by phone what no message could tell them."""

from sqlalchemy.orm import Session

from clinic_portal.booking.queries import AppointmentFacts, facts_of, lock_appointment
from clinic_portal.booking.queries.staff import moved_by_clinic_at, stopped_at, visit_at_desk
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.core.actor import Actor
from clinic_portal.core.audit import record
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import Conflict
from clinic_portal.core.ids import AppointmentId, FacilityId


def mark_told(
    db: Session, clock: Clock, *, appointment_id: AppointmentId, facility_id: FacilityId, actor: Actor
) -> AppointmentFacts:
    """Note that the patient knows. Repeating the call keeps the first note.

    Raises: NotFound (no such visit at a facility of the actor's); Conflict "appointment.state_changed" for a visit that
    is neither cancelled nor moved by the clinic, and of which no message was stopped.
    """
    with transaction(db):
        visit_at_desk(db, appointment_id, facility_id=facility_id, actor=actor)
        row = lock_appointment(db, appointment_id)
        moved_at, unsent_at = moved_by_clinic_at(db, row), stopped_at(db, row, now=clock.now())
        if row.state is not AppointmentState.CANCELLED and moved_at is None and unsent_at is None and not row.told_at:
            raise Conflict("appointment.state_changed", state=row.state.value)
        if row.told_at is None or unsent_at is not None or (moved_at is not None and row.told_at < moved_at):
            row.told_at = clock.now()
            record(
                db, clock, actor=actor, action="appointment.told_by_phone", subject_kind="appointment",
                subject_id=appointment_id,
            )  # fmt: skip
        return facts_of(row)
