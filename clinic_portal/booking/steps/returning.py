"""Giving a visit that counted as missed its time back."""

from sqlalchemy import delete
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.queries import AppointmentFacts, Taker, facts_of, lock_appointment
from clinic_portal.booking.queries.appointments import promised_appointment
from clinic_portal.booking.queries.missed import is_time_taken
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.booking.steps.appointments import move
from clinic_portal.booking.steps.moving import claim_with
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.errors import Conflict
from clinic_portal.core.ids import AppointmentId
from clinic_portal.patients.steps import lock_patient

_TIME = ("facility_id", "starts_at", "ends_at", "busy_from", "busy_until")


def undo_noshow(
    db: Session, clock: Clock, *, appointment_id: AppointmentId, actor: Actor, is_over: bool
) -> AppointmentFacts:
    """They did come, or the wrong row was pressed: booked as before; done when its day `is_over`.

    Raises: NotFound; Conflict "appointment.time_given_away" when somebody else has the time by now,
    "appointment.state_changed".
    """
    lock_patient(db, promised_appointment(db, appointment_id).known_patient_id)
    row, wanted = (
        lock_appointment(db, appointment_id),
        AppointmentState.FULFILLED if is_over else AppointmentState.BOOKED,
    )
    if row.state is wanted:
        return facts_of(row)
    if row.state is not AppointmentState.NOSHOW:
        raise Conflict("appointment.state_changed", state=row.state.value)
    # Claimed as a move claims its time (ADR 5): an UPDATE alone could deadlock with somebody who books it.
    time, same = {name: getattr(row, name) for name in _TIME}, facts_of(row)
    claimed = None
    if not is_time_taken(db, row):
        claimed = claim_with(db, row, time, [Taker(same.practitioner_id, same.room_id, same.mode)])
    if claimed is None:
        raise Conflict("appointment.time_given_away")
    db.execute(delete(Appointment).where(Appointment.id == claimed[0]).execution_options(synchronize_session=False))
    move(db, clock, row, wanted, actor=actor, reason="noshow.undone")
    return facts_of(row)
