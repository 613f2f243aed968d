"""Giving a patient several times at once: all of them or none."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from clinic_portal.booking.events import AppointmentBooked
from clinic_portal.booking.models import Appointment, Series
from clinic_portal.booking.queries import Taker
from clinic_portal.booking.queries.openings import Openings
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.booking.steps.appointments import write_history
from clinic_portal.booking.steps.claiming import look_and_claim
from clinic_portal.booking.steps.moving import claim_with
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.errors import Conflict
from clinic_portal.core.events import publish
from clinic_portal.core.ids import AppointmentId, PractitionerId, new_id, spoken_code

TIMES_LOST = "series.times_lost"


def takers_of(
    openings: Openings, practitioner_id: PractitionerId, starts: tuple[datetime, ...]
) -> dict[datetime, list[Taker]]:
    """Return where the practitioner can take each session, in order of time: the first place, and where else.

    Raises: Conflict "series.times_lost" with the codes of those that cannot be had: `lost`, by start.
    """
    lost = openings.refusals(practitioner_id, starts)
    if lost:
        raise Conflict(TIMES_LOST, lost=lost)
    return {start: openings.takers(practitioner_id, start) for start in sorted(starts)}


def insert_sessions(
    db: Session,
    clock: Clock,
    series: Series,
    sessions: Mapping[datetime, Sequence[Taker]],
    *,
    openings: Openings,
    actor: Actor,
) -> None:
    """Book the sessions of a new series. The caller holds the patient's lock and has ended expired holds in the way.

    In order of time, as everybody who inserts more than one does: two series that want the same times wait for each
    other in one direction only. Raises: Conflict "series.times_lost" when somebody was faster.
    """
    for start in sorted(sessions):
        draft = _draft(series, openings, start, now=clock.now())
        tries = (_insert(db, draft, taker) for taker in sessions[start])
        row = next((row for row in tries if row is not None), None)
        if row is None:
            raise Conflict(TIMES_LOST, lost={start: "appointment.slot_taken"})
        write_history(db, clock, row, before=None, actor=actor, reason="booked")
        publish(db, clock, AppointmentBooked(AppointmentId(row.id), openings.facility_id))


def _insert(db: Session, draft: Mapping[str, object], taker: Taker) -> Appointment | None:
    who = {"practitioner_id": taker.practitioner_id, "room_id": taker.room_id, "mode": taker.mode}
    values = {**draft, **who, "id": new_id(), "reference": spoken_code(8)}
    return db.scalar(look_and_claim(values).returning(Appointment))


def _draft(series: Series, openings: Openings, start: datetime, *, now: datetime) -> dict[str, object]:
    need, service = openings.rota.need, openings.service
    busy = need.busy(start)
    return {
        "state": AppointmentState.BOOKED,
        "series_id": series.id,
        "patient_id": series.patient_id,
        "service_id": service.id,
        "facility_id": openings.facility_id,
        "starts_at": start,
        "ends_at": start + need.length,
        "busy_from": busy.start,
        "busy_until": busy.end,
        "price_minor": service.price.minor,
        "currency": service.price.currency,
        "any_practitioner": False,
        "booked_by_account_id": series.account_id,
        "created_at": now,
        "booked_at": now,
        "sequence": 0,
    }


def move_sessions(
    db: Session, moves: Mapping[datetime, tuple[Appointment, Sequence[Taker]]], *, openings: Openings
) -> None:
    """Give locked sessions their new times, by start: all of them, or none. The caller holds the patient's lock.

    As in `move_visit`, the times are claimed by inserts (in order of time) before the rows step into them, and meanwhile
    all of the rows are out of the way, because one may get the old time of another.
    Raises: Conflict "series.times_lost" when somebody was faster.
    """
    ids = [row.id for row, _ in moves.values()]
    aside = update(Appointment).where(Appointment.id.in_(ids)).execution_options(synchronize_session=False)
    db.execute(aside.values(state=AppointmentState.CANCELLED))
    need, claims, times = openings.rota.need, list[UUID](), dict[UUID, dict[str, object]]()
    for start in sorted(moves):
        row, takers = moves[start]
        busy = need.busy(start)
        time: dict[str, object] = {
            "facility_id": openings.facility_id, "starts_at": start, "ends_at": start + need.length,
            "busy_from": busy.start, "busy_until": busy.end,
        }  # fmt: skip
        claimed = claim_with(db, row, time, takers)
        if claimed is None:
            raise Conflict(TIMES_LOST, lost={start: "appointment.slot_taken"})
        claim, values = claimed
        claims.append(claim)
        times[row.id] = values | {"sequence": row.sequence + 1}
    db.execute(delete(Appointment).where(Appointment.id.in_(claims)).execution_options(synchronize_session=False))
    for row, _ in moves.values():
        this = update(Appointment).where(Appointment.id == row.id).execution_options(synchronize_session=False)
        db.execute(this.values(state=AppointmentState.BOOKED, confirmed_at=None, **times[row.id]))
        db.refresh(row)
