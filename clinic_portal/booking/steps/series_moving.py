"""Giving sessions of a series new times, together: all of them or none."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from clinic_portal.booking.events import AppointmentMoved
from clinic_portal.booking.models import Appointment
from clinic_portal.booking.queries import AppointmentFacts, Wish, facts_of
from clinic_portal.booking.queries.openings import Openings, Wanted, read_openings, refusals_of
from clinic_portal.booking.queries.series import Place, in_turn, lock_in_the_way, place_of, series_facts, with_whom
from clinic_portal.booking.queries.staff import MOVED, MOVED_BY_CLINIC, MOVED_TOGETHER
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.booking.steps.appointments import end_holds, write_history
from clinic_portal.booking.steps.moving import claim_with, judge_move
from clinic_portal.booking.steps.series import TIMES_LOST, tell_of_series
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock, local_day
from clinic_portal.core.errors import Conflict
from clinic_portal.core.events import publish
from clinic_portal.core.ids import AppointmentId, FacilityId, PractitionerId
from clinic_portal.facilities.queries import facility_by_id
from clinic_portal.notifications.steps import void_messages


class _Move(NamedTuple):
    """A session that gets a new time, where it is."""

    session: AppointmentFacts
    wanted: Wanted


def move_together(  # noqa: PLR0913 - all by name
    db: Session,
    clock: Clock,
    sessions: Sequence[AppointmentFacts],
    starts: Sequence[datetime],
    *,
    actor: Actor,
    note: str = "",
    unasked: Collection[AppointmentId] = (),
) -> list[AppointmentId]:
    """Move sessions of a series, each within the place that it has, with one message; returns which moved.

    They are in order of time, and `starts` has a time for each; one that stays has the time that it has. The caller has
    checked that the actor may change them, holds the patient's lock, and has a clock that stands (`core.clock.stopped`).
    A note, the written reason of staff, sets cut-off, notice, horizon and visits a day aside. `unasked`: those that are
    moved because of the clinic, so the message says sorry, and the desk sees to it that the patient knows.
    Raises: Conflict "series.changed" (there are more or fewer sessions now), "series.times_lost" (`lost`, by start:
    codes), "appointment.too_late_to_change", "appointment.already_started".
    """
    if len(sessions) != len(starts) or len(sessions) != len(set(starts)):
        raise Conflict("series.changed")
    changed = [(session, start) for session, start in in_turn(sessions, starts) if session.starts_at != start]
    series_id = sessions[0].series_id if changed else None
    series = series_facts(db, series_id) if series_id is not None else None
    if series is not None:
        moves = _read(db, clock, changed, with_whom(series, sessions), anyway=bool(note))
        _move(db, clock, moves, actor=actor, note=note, unasked=unasked)
        tell_of_series(db, clock, series.id, MOVED_TOGETHER, expires_at=max(start for _, start in changed))
    return [session.id for session, _ in changed]


def _read(
    db: Session,
    clock: Clock,
    changed: Sequence[tuple[AppointmentFacts, datetime]],
    therapists: Mapping[Place, PractitionerId],
    *,
    anyway: bool,
) -> list[_Move]:
    """Return what is offered for each session at its own place. Raises: Conflict "series.times_lost"."""
    ids, offers = tuple(session.id for session, _ in changed), dict[Place, Openings]()
    for session, _ in changed:
        place = place_of(session)
        if place not in offers:
            tz = facility_by_id(db, place.facility_id).tz
            days = [local_day(start, tz) for other, start in changed if place_of(other) == place]
            who, patient_id = therapists[place], session.known_patient_id
            wish = Wish(session.service_id, who, place.facility_id, mode=place.mode, own_visits=ids)
            offers[place] = read_openings(
                db, clock, wish, from_day=min(days), to_day=max(days), patient_id=patient_id, anyway=anyway
            )
    moves = [
        _Move(session, Wanted(offers[place_of(session)], therapists[place_of(session)], start))
        for session, start in changed
    ]
    lost = refusals_of([move.wanted for move in moves])
    if lost:
        raise Conflict(TIMES_LOST, lost=lost)
    return moves


def _move(
    db: Session, clock: Clock, moves: Sequence[_Move], *, actor: Actor, note: str, unasked: Collection[AppointmentId]
) -> None:
    now, ids = clock.now(), tuple(move.session.id for move in moves)
    need, patient_id = moves[0].wanted.openings.rota.need, moves[0].session.known_patient_id
    stretches = [(taker, need.busy(move.wanted.start)) for move in moves for taker in move.wanted.takers]
    rows = lock_in_the_way(db, wanted=stretches, patient_id=patient_id, now=now, visits=ids)
    ours = {row.id: row for row in rows if row.id in ids}
    if any(row.state is not AppointmentState.BOOKED for row in ours.values()):
        raise Conflict("series.changed")
    for move in moves:
        judge_move(ours[move.session.id], move.wanted.openings.service, note, now)
    end_holds(db, clock, [row for row in rows if row.id not in ours], actor=None, now=now)
    before = {move.session.id: facts_of(ours[move.session.id]) for move in moves}
    _step_into(db, [(ours[move.session.id], move) for move in moves])
    for id_, was in before.items():
        row, reason = ours[id_], MOVED_BY_CLINIC if id_ in unasked else MOVED
        write_history(db, clock, row, before=row.state, actor=actor, reason=reason, note=note)
        void_messages(db, clock, subject_id=id_)
        moved = AppointmentMoved(
            id_, FacilityId(row.facility_id), was_facility_id=was.facility_id, was_practitioner_id=was.practitioner_id,
            was_starts_at=was.starts_at, was_ends_at=was.ends_at, was_room_id=was.room_id,
        )  # fmt: skip
        publish(db, clock, moved)


def _step_into(db: Session, moves: Sequence[tuple[Appointment, _Move]]) -> None:
    """Give locked sessions their new times: all of them, or none. The caller holds the patient's lock.

    As in `move_visit`, the times are claimed by inserts (in order of time) before the rows step into them, and meanwhile
    all of the rows are out of the way, because one may get the old time of another.
    Raises: Conflict "series.times_lost" when somebody was faster.
    """
    ids = [row.id for row, _ in moves]
    aside = update(Appointment).where(Appointment.id.in_(ids)).execution_options(synchronize_session=False)
    db.execute(aside.values(state=AppointmentState.CANCELLED))
    claims, times = list[UUID](), dict[UUID, dict[str, object]]()
    for row, move in sorted(moves, key=lambda one: one[1].wanted.start):
        openings, start = move.wanted.openings, move.wanted.start
        need, busy = openings.rota.need, openings.rota.need.busy(start)
        time: dict[str, object] = {
            "facility_id": openings.facility_id, "starts_at": start, "ends_at": start + need.length,
            "busy_from": busy.start, "busy_until": busy.end,
        }  # fmt: skip
        claimed = claim_with(db, row, time, move.wanted.takers)
        if claimed is None:
            raise Conflict(TIMES_LOST, lost={start: "appointment.slot_taken"})
        claim, values = claimed
        claims.append(claim)
        times[row.id] = values | {"sequence": row.sequence + 1}
    db.execute(delete(Appointment).where(Appointment.id.in_(claims)).execution_options(synchronize_session=False))
    for row, _ in moves:
        this = update(Appointment).where(Appointment.id == row.id).execution_options(synchronize_session=False)
        db.execute(this.values(state=AppointmentState.BOOKED, confirmed_at=None, **times[row.id]))
        db.refresh(row)
