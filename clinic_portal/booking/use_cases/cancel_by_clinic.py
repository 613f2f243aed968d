"""Staff give a visit back."""

from sqlalchemy.orm import Session

from clinic_portal.booking import steps
from clinic_portal.booking.queries import AppointmentFacts
from clinic_portal.booking.queries.staff import visit_at_desk
from clinic_portal.booking.rules import ClinicReason
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import AppointmentId, FacilityId


def cancel_by_clinic(  # noqa: PLR0913 - all by name
    db: Session,
    clock: Clock,
    *,
    appointment_id: AppointmentId,
    facility_id: FacilityId,
    actor: Actor,
    reason: ClinicReason,
    note: str = "",
) -> AppointmentFacts:
    """Cancel a visit for the clinic, or for a patient who asked staff to. The patient is told on every channel there is.

    A `note` is for staff; when a patient asks after the cut-off it is needed, and sets the cut-off aside.
    Repeating the call returns the first result and queues no second message.
    Raises: NotFound (no such visit at a facility of the actor's); Conflict "appointment.already_started",
    "appointment.too_late_to_change".
    """
    with transaction(db):
        visit_at_desk(db, appointment_id, facility_id=facility_id, actor=actor)
        return steps.cancel_as_staff(db, clock, appointment_id=appointment_id, actor=actor, reason=reason, note=note)
