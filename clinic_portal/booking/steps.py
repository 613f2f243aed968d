"""What happens to appointments inside somebody's transaction. Every change of state leaves a history row.

Each step locks the row, is refused with Conflict "appointment.state_changed" when the change may not follow the state
that it finds, and returns the facts unchanged when the appointment is already there: repeating is harmless.
"""

from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment, AppointmentHistory
from clinic_portal.booking.queries import AppointmentFacts, facts_of, lock_appointment
from clinic_portal.booking.rules import AppointmentState, judge_noshow, may_follow
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.errors import Conflict
from clinic_portal.core.ids import AppointmentId


def mark_arrived(db: Session, clock: Clock, *, appointment_id: AppointmentId, actor: Actor) -> AppointmentFacts:
    """The patient is in the building."""
    return _change(db, clock, appointment_id, AppointmentState.ARRIVED, actor, "arrived")


def undo_arrival(db: Session, clock: Clock, *, appointment_id: AppointmentId, actor: Actor) -> AppointmentFacts:
    """They were not: the visit is booked as before."""
    return _change(db, clock, appointment_id, AppointmentState.BOOKED, actor, "arrival.undone")


def start_consultation(db: Session, clock: Clock, *, appointment_id: AppointmentId, actor: Actor) -> AppointmentFacts:
    """The patient is with the practitioner."""
    return _change(db, clock, appointment_id, AppointmentState.CHECKED_IN, actor, "consultation.started")


def fulfil(db: Session, clock: Clock, *, appointment_id: AppointmentId, actor: Actor) -> AppointmentFacts:
    """The visit is over."""
    return _change(db, clock, appointment_id, AppointmentState.FULFILLED, actor, "consultation.ended")


def mark_noshow(db: Session, clock: Clock, *, appointment_id: AppointmentId, actor: Actor) -> AppointmentFacts:
    """The patient did not come. Raises: Conflict "appointment.not_started" before the time of the visit."""
    row = lock_appointment(db, appointment_id)
    verdict = judge_noshow(row.starts_at, now=clock.now())
    if not verdict.allowed:
        raise Conflict(verdict.code)
    return _change(db, clock, appointment_id, AppointmentState.NOSHOW, actor, "noshow")


def _change(
    db: Session, clock: Clock, appointment_id: AppointmentId, wanted: AppointmentState, actor: Actor, reason: str
) -> AppointmentFacts:
    row = lock_appointment(db, appointment_id)
    if row.state is not wanted:
        move(db, clock, row, wanted, actor=actor, reason=reason)
    return facts_of(row)


def move(
    db: Session, clock: Clock, row: Appointment, wanted: AppointmentState, *, actor: Actor | None, reason: str
) -> None:
    """Change the state of a locked row and write its history. `actor` None is a visitor without an account.

    Raises: Conflict "appointment.state_changed" when the change may not follow.
    """
    if not may_follow(row.state, wanted):
        raise Conflict("appointment.state_changed", state=row.state.value)
    before, row.state = row.state, wanted
    row.held_until = None  # No state leads back to a hold.
    write_history(db, clock, row, before=before, actor=actor, reason=reason)
    db.flush()


def write_history(
    db: Session,
    clock: Clock,
    row: Appointment,
    *,
    before: AppointmentState | None,
    actor: Actor | None,
    reason: str,
) -> None:
    """Write one line: who, for whom, when, why the row is now in its state. `before` None: it is new."""
    db.add(
        AppointmentHistory(
            appointment_id=row.id,
            from_state=before,
            to_state=row.state,
            at=clock.now(),
            account_id=actor.account_id if actor else None,
            actor_name=actor.name if actor else "visitor",
            patient_id=row.patient_id,
            reason=reason,
        )
    )
