"""Giving sessions of a series new times, together: all of them or none."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from clinic_portal.booking.events import AppointmentMoved
from clinic_portal.booking.models import Appointment
from clinic_portal.booking.queries import AppointmentFacts, Taker, VisitFacts, Wish, describe, facts_of
from clinic_portal.booking.queries.openings import Openings, read_openings
from clinic_portal.booking.queries.series import lock_in_the_way
from clinic_portal.booking.queries.staff import MOVED
from clinic_portal.booking.rules import AppointmentState, judge_change, judge_change_by_staff
from clinic_portal.booking.steps.appointments import end_holds, write_history
from clinic_portal.booking.steps.moving import claim_with
from clinic_portal.booking.steps.series import TIMES_LOST, takers_of, tell_of_series
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock, local_day
from clinic_portal.core.errors import Conflict
from clinic_portal.core.events import publish
from clinic_portal.core.ids import AppointmentId
from clinic_portal.notifications.steps import void_messages

MOVED_TOGETHER = "series_moved"


def move_together(
    db: Session,
    clock: Clock,
    sessions: Sequence[AppointmentFacts],
    starts: Sequence[datetime],
    *,
    actor: Actor,
    note: str = "",
) -> list[AppointmentId]:
    """Move sessions of a series, in order of time, to where the first of them is, with one message; returns which moved.

    `starts` has a time for each of them; one that stays has the time that it has. The caller has checked that the actor may
    change them, holds the patient's lock, and has a clock that stands (`core.clock.stopped`). A note, the written reason of
    staff, sets cut-off, notice, horizon and visits a day aside.
    Raises: Conflict "series.changed" (there are more or fewer sessions now), "series.times_lost" (`lost`, by start:
    codes), "appointment.too_late_to_change", "appointment.already_started".
    """
    wanted = sorted(set(starts))
    if len(sessions) != len(wanted):
        raise Conflict("series.changed")
    changed = {start: old for old, start in zip(sessions, wanted, strict=True) if old.starts_at != start}
    series_id = sessions[0].series_id if changed else None
    if series_id is not None:
        (visit,) = describe(db, sessions[:1])
        _move(db, clock, visit, changed, actor=actor, note=note)
        tell_of_series(db, clock, series_id, MOVED_TOGETHER, expires_at=max(changed))
    return [old.id for old in changed.values()]


def _move(
    db: Session,
    clock: Clock,
    visit: VisitFacts,
    changed: Mapping[datetime, AppointmentFacts],
    *,
    actor: Actor,
    note: str,
) -> None:
    now, patient_id, ids = clock.now(), visit.appointment.known_patient_id, tuple(old.id for old in changed.values())
    openings = _openings(db, clock, visit, ids, tuple(changed), anyway=bool(note))
    takers = takers_of(openings, visit.practitioner.id, tuple(changed))
    stretches = [(taker, openings.rota.need.busy(start)) for start, found in takers.items() for taker in found]
    rows = lock_in_the_way(db, wanted=stretches, patient_id=patient_id, now=now, visits=ids)
    ours = {row.id: row for row in rows if row.id in ids}
    for row in ours.values():
        _judge(row, visit, note, now)
    end_holds(db, clock, [row for row in rows if row.id not in ours], actor=None, now=now)
    before = {old.id: facts_of(ours[old.id]) for old in changed.values()}
    _step_into(db, {start: (ours[old.id], takers[start]) for start, old in changed.items()}, openings=openings)
    for id_, was in before.items():
        write_history(db, clock, ours[id_], before=ours[id_].state, actor=actor, reason=MOVED, note=note)
        void_messages(db, clock, subject_id=id_)
        moved = AppointmentMoved(
            id_, openings.facility_id, was_facility_id=was.facility_id, was_practitioner_id=was.practitioner_id,
            was_starts_at=was.starts_at, was_ends_at=was.ends_at, was_room_id=was.room_id,
        )  # fmt: skip
        publish(db, clock, moved)


def _openings(
    db: Session,
    clock: Clock,
    visit: VisitFacts,
    ids: tuple[AppointmentId, ...],
    starts: tuple[datetime, ...],
    *,
    anyway: bool,
) -> Openings:
    facts = visit.appointment
    wish = Wish(facts.service_id, facts.practitioner_id, facts.facility_id, mode=facts.mode, own_visits=ids)
    first, last = local_day(starts[0], visit.tz), local_day(starts[-1], visit.tz)
    return read_openings(db, clock, wish, from_day=first, to_day=last, patient_id=facts.known_patient_id, anyway=anyway)


def _judge(row: Appointment, visit: VisitFacts, note: str, now: datetime) -> None:
    if row.state is not AppointmentState.BOOKED:
        raise Conflict("series.changed")
    if note:
        verdict = judge_change_by_staff(row.state)
    else:
        verdict = judge_change(row.state, row.starts_at, cutoff=visit.service.rules.change_cutoff, now=now)
    if not verdict.allowed:
        raise Conflict(verdict.code)


def _step_into(
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
