"""States and holds."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table, Update, update
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningInsert

from clinic_portal.booking.models import Appointment, AppointmentHistory
from clinic_portal.booking.queries import AppointmentFacts, Taker, facts_of, lock_appointment
from clinic_portal.booking.queries.holds import PatientsTime, check_patients_time
from clinic_portal.booking.rules import (
    HOLD_FOR,
    LIVE_STATES,
    AppointmentState,
    judge_noshow,
    may_follow,
    quarters_touched,
)
from clinic_portal.booking.steps.claiming import DEFAULTS, look_and_claim
from clinic_portal.booking.steps.missed import check_missed
from clinic_portal.core.actor import Actor, system
from clinic_portal.core.cache import FREE_TIMES, forget_after_commit
from clinic_portal.core.clock import Clock
from clinic_portal.core.errors import Conflict
from clinic_portal.core.ids import AppointmentId, FacilityId, PatientId, ServiceId, new_id, spoken_code
from clinic_portal.core.modes import Mode
from clinic_portal.core.statements import built_once, loaded, read_objects, write_row
from clinic_portal.facilities.queries import service_by_id

_HISTORY = cast("Table", AppointmentHistory.__table__)
_APPOINTMENTS = cast("Table", Appointment.__table__)

#: Who ends holds that ran out.
SWEEPER = system("hold-sweeper")


def mark_arrived(db: Session, clock: Clock, *, appointment_id: AppointmentId, actor: Actor) -> AppointmentFacts:
    """The patient is in the building."""
    return _change(db, clock, appointment_id, AppointmentState.ARRIVED, actor, "arrived")


def undo_arrival(db: Session, clock: Clock, *, appointment_id: AppointmentId, actor: Actor) -> AppointmentFacts:
    """They were not: the visit is booked as before. A time that is only held, or unpaid, is not booked by this."""
    row = lock_appointment(db, appointment_id)
    if row.mode is Mode.ONLINE and row.state is AppointmentState.CHECKED_IN:
        # Online, arriving and beginning are one press: so is taking it back.
        move(db, clock, row, AppointmentState.ARRIVED, actor=actor, reason="arrival.undone")
    if row.state not in {AppointmentState.ARRIVED, AppointmentState.BOOKED}:
        raise Conflict("appointment.state_changed", state=row.state.value)
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


def hold_key_hash(hold_key: str) -> str:
    """Return what is stored of the key in a browser: who reads the table cannot book with it."""
    return hashlib.sha256(hold_key.encode()).hexdigest()


def end_holds(db: Session, clock: Clock, rows: Sequence[Appointment], *, actor: Actor | None, now: datetime) -> None:
    """Cancel locked holds: those that ran out by themselves, the others because their browser gave them up."""
    for row in rows:
        expired = row.held_until is not None and row.held_until <= now
        who, reason = (SWEEPER, "hold.expired") if expired else (actor, "hold.released")
        move(db, clock, row, AppointmentState.CANCELLED, actor=who, reason=reason, cancelled_at=now)


def insert_hold(  # noqa: PLR0913 - a hold has that many sides
    db: Session,
    clock: Clock,
    taker: Taker,
    draft: Mapping[str, object],
    *,
    actor: Actor | None,
    until: datetime | None = None,
    gave_up: bool = False,
) -> Appointment | None:
    """Hold the drafted time with one practitioner (`until` None: for ten minutes); None when somebody else has it.

    `ON CONFLICT DO NOTHING` waits for a rival that has not committed, where a plain insert would deadlock with it.
    Who has just given up a time (`gave_up`), for which a rival may be waiting, looks before they wait.
    """
    now = clock.now()
    values = {**DEFAULTS, **draft} | {
        "id": new_id(), "reference": spoken_code(8), "state": AppointmentState.PROPOSED,
        "practitioner_id": taker.practitioner_id, "room_id": taker.room_id, "mode": taker.mode,
        "held_until": until or now + HOLD_FOR, "created_at": now, "sequence": 0,
    }  # fmt: skip
    row = look_and_claim(db, values) if gave_up else _insert(db, values)
    if row is not None:
        write_history(db, clock, row, before=None, actor=actor, reason="hold")
    return row


def _insert(db: Session, values: dict[str, object]) -> Appointment | None:
    """Insert a live row, unless somebody else has the time. Past the ORM's bulk insert, which takes twice as long."""
    found = read_objects(db, Appointment, *_inserted(**values))
    return found[0] if found else None


@built_once
def _inserted(**values: object) -> ReturningInsert[*tuple[Any, ...]]:
    return insert(_APPOINTMENTS).values(**values).on_conflict_do_nothing().returning(*_APPOINTMENTS.c)


def give_to_patient(db: Session, clock: Clock, row: Appointment, patient_id: PatientId, *, actor: Actor) -> None:
    """Make a locked hold a patient's. The caller holds the patient's lock, taken before the row's.

    Raises: Conflict "appointment.patient_overlap" when the patient has another visit then,
    "appointment.too_many_that_day", "appointment.missed_too_often".
    """
    if row.patient_id == patient_id:
        return
    check_missed(db, clock, patient_id, actor=actor)
    service = service_by_id(db, ServiceId(row.service_id))
    this = AppointmentId(row.id)
    wanted = PatientsTime(patient_id, service, FacilityId(row.facility_id), row.starts_at, but=(this,))
    check_patients_time(db, wanted, now=clock.now())
    row.patient_id = patient_id
    row.booked_by_account_id = actor.account_id
    db.flush()


def _change(
    db: Session, clock: Clock, appointment_id: AppointmentId, wanted: AppointmentState, actor: Actor, reason: str
) -> AppointmentFacts:
    row = lock_appointment(db, appointment_id)
    if row.state is not wanted:
        move(db, clock, row, wanted, actor=actor, reason=reason)
    return facts_of(row)


def move(  # noqa: PLR0913 - a line of history has that many sides
    db: Session,
    clock: Clock,
    row: Appointment,
    wanted: AppointmentState,
    *,
    actor: Actor | None,
    reason: str,
    note: str = "",
    **also: object,
) -> None:
    """Change the state of a locked row, and `also` other columns, and write its history: two statements.

    `actor` None is a visitor without an account.

    Raises: Conflict "appointment.state_changed" when the change may not follow.
    """
    if not may_follow(row.state, wanted):
        raise Conflict("appointment.state_changed", state=row.state.value)
    before = row.state
    changes: dict[str, object] = {"state": wanted, "held_until": None, **also}  # No state leads back to a hold.
    write_row(db, *_changed(id_=row.id, **changes))
    loaded(db, Appointment, {"id": row.id, **changes})
    write_history(db, clock, row, before=before, actor=actor, reason=reason, note=note)


@built_once
def _changed(*, id_: UUID, **values: object) -> Update:
    return update(_APPOINTMENTS).where(_APPOINTMENTS.c.id == id_).values(**values)


def write_history(  # noqa: PLR0913 - a line of history has that many sides
    db: Session,
    clock: Clock,
    row: Appointment,
    *,
    before: AppointmentState | None,
    actor: Actor | None,
    reason: str,
    note: str = "",
) -> None:
    """Write one line: who, for whom, when, why the row is now in its state. `before` None: it is new."""
    if before is row.state:
        forget_after_commit(db, FREE_TIMES)  # It moved: it was at another time before, and here nobody knows at which.
    elif (before in LIVE_STATES) is not (row.state in LIVE_STATES):
        forget_after_commit(db, FREE_TIMES, *quarters_touched(row.busy_from, row.busy_until))
    line = _history(
        id=new_id(),
        appointment_id=row.id,
        from_state=before,
        to_state=row.state,
        at=clock.now(),
        starts_at=row.starts_at,
        account_id=actor.account_id if actor else None,
        actor_name=actor.name if actor else "visitor",
        patient_id=row.patient_id,
        reason=reason,
        note=note,
    )
    write_row(db, *line)


@built_once
def _history(**values: object) -> Insert:
    """Return the INSERT of a line: lines are only ever written, so they need no object to keep track of."""
    return insert(_HISTORY).values(**values)
