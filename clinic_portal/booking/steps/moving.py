"""Giving a visit another time. The row stays, and with it payment, documents, history and links (ADR 5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from clinic_portal.booking.events import AppointmentMoved, RoomChanged
from clinic_portal.booking.models import Appointment
from clinic_portal.booking.queries import AppointmentFacts, Taker, Wish, facts_of, takers
from clinic_portal.booking.queries.appointments import promised_appointment
from clinic_portal.booking.queries.holds import PatientsTime, check_patients_time, lock_for_move, lock_holds
from clinic_portal.booking.queries.rota import need_of
from clinic_portal.booking.queries.staff import MOVED
from clinic_portal.booking.rules import AppointmentState, Stretch, judge_change, judge_change_by_staff
from clinic_portal.booking.steps.appointments import end_holds, write_history
from clinic_portal.booking.steps.claiming import look_and_claim
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.errors import Conflict
from clinic_portal.core.events import publish
from clinic_portal.core.ids import AppointmentId, FacilityId, PractitionerId, RoomId, new_id, spoken_code
from clinic_portal.facilities.queries import ServiceFacts
from clinic_portal.notifications.steps import queue_message, void_messages
from clinic_portal.patients.steps import lock_patient


@dataclass(frozen=True)
class NewTime:
    """The time to which a visit is moved. `practitioner_id` None: whoever is free."""

    facility_id: FacilityId
    starts_at: datetime
    practitioner_id: PractitionerId | None = None
    #: Staff's own choice of who and where, outside of what is offered: needs a written reason.
    anyway: Taker | None = None


def move_visit(  # noqa: PLR0913 - all by name
    db: Session,
    clock: Clock,
    *,
    appointment_id: AppointmentId,
    to: NewTime,
    actor: Actor,
    note: str = "",
    reason: str = MOVED,
    only_offered: bool = False,
) -> AppointmentFacts:
    """Move a visit and tell the patient. The caller has checked that the actor may change it.

    With a `note` (the written reason of staff) cut-off, notice, horizon, hours and visits a day do not count; that
    nobody else has the time always counts. Staff may change the room alone: that is not told. `reason` MOVED_BY_CLINIC:
    nobody asked for it, so the desk sees to it that the patient knows. `only_offered`: as `takers` says. Repeating the
    call changes nothing and sends nothing.
    Raises: NotFound; Conflict "appointment.slot_taken", "appointment.patient_overlap", "appointment.too_many_that_day",
    "appointment.too_late_to_change", "appointment.already_started": the visit is then as it was.
    """
    before = promised_appointment(db, appointment_id)
    patient_id = before.known_patient_id
    lock_patient(db, patient_id)  # Before anything is judged: whoever moves the visit at the same time is done by then.
    wish = Wish(before.service_id, to.practitioner_id, to.facility_id, mode=before.mode, own_visit=appointment_id)
    service, offered = takers(db, clock, wish, start=to.starts_at, only_offered=only_offered)
    candidates = [to.anyway] if to.anyway and note else offered
    wanted, now = need_of(service).busy(to.starts_at), clock.now()
    row, expired = lock_for_move(db, appointment_id, wanted=wanted, takers=candidates, patient_id=patient_id, now=now)
    if _is_there(row, to):
        return facts_of(row)
    judge_move(row, service, note, now)
    if to.anyway is not None and to.anyway.room_id is not None and _is_there(row, to, but_for_room=True):
        change_room(db, clock, row, to.anyway.room_id, actor=actor, note=note)
        return facts_of(row)
    theirs = PatientsTime(patient_id, service, to.facility_id, to.starts_at, but=(appointment_id,))
    check_patients_time(db, theirs, now=now, is_limited=not note)
    if not candidates:
        raise Conflict("appointment.slot_taken")
    end_holds(db, clock, expired, actor=None, now=now)
    was = facts_of(row)
    _step_into(db, row, service, to, candidates)
    write_history(db, clock, row, before=row.state, actor=actor, reason=reason, note=note)
    void_messages(db, clock, subject_id=row.id)
    queue_message(db, clock, "appointment_moved", subject_id=row.id, expires_at=row.starts_at, key=str(row.sequence))
    old_time = (was.facility_id, was.practitioner_id, was.starts_at, was.ends_at, was.room_id)
    publish(db, clock, AppointmentMoved(appointment_id, to.facility_id, *old_time))
    return facts_of(row)


def _is_there(row: Appointment, to: NewTime, *, but_for_room: bool = False) -> bool:
    if (row.facility_id, row.starts_at) != (to.facility_id, to.starts_at):
        return False
    if to.anyway is None:
        return to.practitioner_id in (row.practitioner_id, None)
    is_so = (row.practitioner_id, row.mode) == (to.anyway.practitioner_id, to.anyway.mode)
    return is_so and (but_for_room or row.room_id == to.anyway.room_id)


def judge_move(row: Appointment, service: ServiceFacts, note: str, now: datetime) -> None:
    """Refuse to move a visit that may not be moved; a `note` is the written reason of staff. Raises: Conflict."""
    if note:
        verdict = judge_change_by_staff(row.state)
    else:
        verdict = judge_change(row.state, row.starts_at, cutoff=service.rules.change_cutoff, now=now)
    if not verdict.allowed:
        raise Conflict(verdict.code)


def _step_into(db: Session, row: Appointment, service: ServiceFacts, to: NewTime, candidates: Sequence[Taker]) -> None:
    """Give a locked row the new time with the first candidate who has it.

    An UPDATE that meets a rival on an exclusion constraint may deadlock with it, and it has no ON CONFLICT. So the time
    is claimed as a hold is, by an INSERT that waits without having anything; the claim then makes room for the visit
    within this transaction, and nobody sees either. Meanwhile the visit itself is out of the way, because the new time
    may overlap with the old one.
    """
    need = need_of(service)
    busy = need.busy(to.starts_at)
    time: dict[str, object] = {
        "facility_id": to.facility_id,
        "starts_at": to.starts_at,
        "ends_at": to.starts_at + need.length,
        "busy_from": busy.start,
        "busy_until": busy.end,
    }
    any_practitioner = to.practitioner_id is None and to.anyway is None
    _put(db, row, time, candidates, {"any_practitioner": any_practitioner, "confirmed_at": None})


def change_room(
    db: Session, clock: Clock, row: Appointment, room_id: RoomId, *, actor: Actor, note: str = ""
) -> None:  # fmt: skip
    """Have a locked visit take place in another room of its facility. The patient is not told: they come to the same place.

    Raises: Conflict "appointment.slot_taken".
    """
    now, busy = clock.now(), Stretch(row.busy_from, row.busy_until)
    taker = Taker(PractitionerId(row.practitioner_id), room_id, row.mode)
    # Rows are locked in order of ids, and this one comes after that of the visit: whoever has it locked ends it.
    expired = lock_holds(db, wanted=busy, now=now, takers=[taker], skip_locked=True)
    end_holds(db, clock, expired, actor=None, now=now)
    names = ("facility_id", "starts_at", "ends_at", "busy_from", "busy_until")
    was_room_id = row.room_id
    _put(db, row, {name: getattr(row, name) for name in names}, [taker], {})
    write_history(db, clock, row, before=row.state, actor=actor, reason="room.changed", note=note)
    if was_room_id is not None:
        publish(db, clock, RoomChanged(AppointmentId(row.id), RoomId(was_room_id)))


def _put(
    db: Session,
    row: Appointment,
    time: Mapping[str, object],
    candidates: Sequence[Taker],
    others: Mapping[str, object],
) -> None:
    state = row.state
    this = update(Appointment).where(Appointment.id == row.id).execution_options(synchronize_session=False)
    db.execute(this.values(state=AppointmentState.CANCELLED))
    claimed = claim_with(db, row, time, candidates)
    if claimed is None:
        raise Conflict("appointment.slot_taken")
    claim, values = claimed
    db.execute(delete(Appointment).where(Appointment.id == claim).execution_options(synchronize_session=False))
    db.execute(this.values(state=state, sequence=row.sequence + 1, **values, **others))
    db.refresh(row)


def claim_with(
    db: Session, row: Appointment, time: Mapping[str, object], candidates: Sequence[Taker]
) -> tuple[UUID, dict[str, object]] | None:
    """Claim a time with the first candidate who has it; returns the claim and the columns that say when, who and where."""
    for taker in candidates:
        who: dict[str, object] = {
            "practitioner_id": taker.practitioner_id,
            "room_id": taker.room_id,
            "mode": taker.mode,
        }
        values = {**time, **who}
        claim = _claim(db, row, values)
        if claim is not None:
            return claim, values
    return None


def _claim(db: Session, row: Appointment, time: Mapping[str, object]) -> UUID | None:
    """Insert a hold of nobody's on the time; None when somebody else has it. Waits for a rival that has not committed."""
    values = {
        "id": new_id(), "reference": spoken_code(8), "state": AppointmentState.PROPOSED, "service_id": row.service_id,
        "price_minor": row.price_minor, "currency": row.currency, "held_until": row.created_at,
        "created_at": row.created_at, "sequence": 0, **time,
    }  # fmt: skip
    claim = look_and_claim(db, values)
    return claim.id if claim else None
