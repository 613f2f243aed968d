"""Held times, and what is in the way of one."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session

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


def lock_holds(
    db: Session, *, mine: ColumnElement[bool], takers: Collection[Taker], wanted: Stretch, now: datetime
) -> Sequence[Appointment]:
    """Return, locked in order of ids, the visitor's own holds and the expired ones that are in the way of a stretch."""
    in_the_way = and_(
        Appointment.held_until <= now,
        _overlaps(wanted),
        or_(
            Appointment.practitioner_id.in_({taker.practitioner_id for taker in takers}),
            Appointment.room_id.in_({taker.room_id for taker in takers if taker.room_id}),
        ),
    )
    return db.scalars(
        select(Appointment)
        .where(Appointment.state == AppointmentState.PROPOSED, or_(mine, in_the_way))
        .order_by(Appointment.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).all()


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
