"""Held times, and what is in the way of one."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, false, or_, select
from sqlalchemy.orm import Session, aliased

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.queries.appointments import AppointmentFacts, facts_of
from clinic_portal.booking.queries.free_times import Taker
from clinic_portal.booking.rules import LIVE_STATES, AppointmentState, Stretch
from clinic_portal.core.actor import Actor
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import AppointmentId, PatientId


def own_hold(db: Session, appointment_id: AppointmentId, *, hold_key_hash: str | None) -> AppointmentFacts:
    """Return the time that this browser holds, or held: what became of it is in its state.

    Raises: NotFound when there is no such, or when another browser holds it.
    """
    row = db.get(Appointment, appointment_id, populate_existing=True)
    if row is None or hold_key_hash is None or row.hold_key_hash != hold_key_hash:
        raise NotFound
    return facts_of(row)


def live_hold(db: Session, hold_key_hash: str, *, now: datetime) -> AppointmentFacts | None:
    """Return the time that this browser holds now."""
    row = db.scalar(
        select(Appointment).where(
            Appointment.hold_key_hash == hold_key_hash,
            Appointment.state == AppointmentState.PROPOSED,
            Appointment.held_until > now,
        )
    )
    return facts_of(row) if row else None


def lock_holds(
    db: Session,
    *,
    mine: ColumnElement[bool],
    wanted: Stretch,
    now: datetime,
    takers: Collection[Taker] = (),
    patient_id: PatientId | None = None,
) -> Sequence[Appointment]:
    """Return, locked in order of ids, the visitor's own holds and the expired ones that are in the way of a stretch.

    In the way is what takes up one of the takers, one of their rooms, or the patient.
    """
    theirs = or_(
        Appointment.practitioner_id.in_({taker.practitioner_id for taker in takers}),
        Appointment.room_id.in_({taker.room_id for taker in takers if taker.room_id}),
        Appointment.patient_id == patient_id if patient_id else false(),
    )
    in_the_way = and_(Appointment.held_until <= now, _overlaps(wanted), theirs)
    return db.scalars(
        select(Appointment)
        .where(Appointment.state == AppointmentState.PROPOSED, or_(mine, in_the_way))
        .order_by(Appointment.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).all()


def lock_hold_for(
    db: Session, appointment_id: AppointmentId, patient_id: PatientId, *, now: datetime
) -> tuple[Appointment, list[Appointment]]:
    """Return the row, and the patient's own expired holds that overlap with it, all locked in order of ids.

    Raises: NotFound.
    """
    this = aliased(Appointment)
    overlapping = exists().where(
        this.id == appointment_id, this.starts_at < Appointment.ends_at, this.ends_at > Appointment.starts_at
    )
    expired = and_(
        Appointment.patient_id == patient_id,
        Appointment.state == AppointmentState.PROPOSED,
        Appointment.held_until <= now,
        overlapping,
    )
    rows = db.scalars(
        select(Appointment)
        .where(or_(Appointment.id == appointment_id, expired))
        .order_by(Appointment.id)
        .with_for_update(key_share=True, of=Appointment)
        .execution_options(populate_existing=True)
    ).all()
    found = [row for row in rows if row.id == appointment_id]
    if not found:
        raise NotFound
    return found[0], [row for row in rows if row.id != appointment_id]


def lock_expired_holds(db: Session, *, now: datetime, limit: int) -> Sequence[Appointment]:
    """Return holds that ran out, locked in order of ids, without those that somebody else is just looking at."""
    return db.scalars(
        select(Appointment)
        .where(Appointment.state == AppointmentState.PROPOSED, Appointment.held_until <= now)
        .order_by(Appointment.id)
        .limit(limit)
        .with_for_update(key_share=True, skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()


def holds_of(hold_key_hash: str, actor: Actor | None) -> ColumnElement[bool]:
    """Return the condition for the holds of a browser, and of the patient who is signed in there."""
    mine = Appointment.hold_key_hash == hold_key_hash
    if actor is None or actor.is_staff or actor.account_id is None:
        return mine
    return or_(mine, Appointment.booked_by_account_id == actor.account_id)


def patient_is_busy(
    db: Session, patient_id: PatientId, wanted: Stretch, *, now: datetime, but: Collection[AppointmentId] = ()
) -> bool:
    """Whether the patient has another live appointment then. The caller holds the patient's lock."""
    held = and_(Appointment.state == AppointmentState.PROPOSED, Appointment.held_until > now)
    firm = Appointment.state.in_(set(LIVE_STATES) - {AppointmentState.PROPOSED})
    found = exists().where(
        Appointment.patient_id == patient_id, _overlaps(wanted), or_(firm, held), Appointment.id.not_in(list(but))
    )
    return bool(db.scalar(select(found)))


def _overlaps(wanted: Stretch) -> ColumnElement[bool]:
    return and_(Appointment.starts_at < wanted.end, Appointment.ends_at > wanted.start)
