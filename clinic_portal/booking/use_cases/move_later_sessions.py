"""Give a session of a series, and all that come after it, new times."""

from datetime import datetime

from sqlalchemy.orm import Session

from clinic_portal.booking import steps
from clinic_portal.booking.events import AppointmentMoved
from clinic_portal.booking.models import Appointment
from clinic_portal.booking.queries import AppointmentFacts, facts_of, visit_of
from clinic_portal.booking.queries.openings import Openings, read_openings
from clinic_portal.booking.queries.rota import Wish
from clinic_portal.booking.queries.series import later_sessions, lock_in_the_way, lock_series
from clinic_portal.booking.queries.visits import VisitFacts
from clinic_portal.booking.rules import AppointmentState, judge_change
from clinic_portal.booking.steps.series import move_sessions, takers_of
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock, local_day, stopped
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.events import publish
from clinic_portal.core.ids import AppointmentId, SeriesId
from clinic_portal.notifications.steps import queue_message, void_messages
from clinic_portal.patients.steps import lock_patient


def move_later_sessions(
    db: Session, clock: Clock, *, appointment_id: AppointmentId, actor: Actor, starts: tuple[datetime, ...]
) -> SeriesId:
    """Move this session and the later ones of its series, in order of time, with one message; all of them or none.

    `starts` has a time for each of them; one that stays has the time that it has. Until all are certain every old time
    stays. Repeating the call changes nothing and sends nothing.
    Raises: NotFound (no such, not of a series, or none that the actor may change); Forbidden; Conflict
    "series.changed" (there are more or fewer sessions now), "series.times_lost" (`lost`, by start: codes),
    "appointment.too_late_to_change", "appointment.already_started".
    """
    wanted = tuple(sorted(set(starts)))
    clock = stopped(clock)  # Its message is about what has its time.
    with transaction(db):
        visit = visit_of(db, clock, appointment_id, actor=actor)
        series_id = visit.appointment.series_id
        if series_id is None:
            raise NotFound
        lock_patient(db, visit.appointment.known_patient_id)
        sessions = later_sessions(db, visit.appointment)
        if len(sessions) != len(wanted):
            raise Conflict("series.changed")
        changed = [(old, start) for old, start in zip(sessions, wanted, strict=True) if old.starts_at != start]
        if changed:
            _move(db, clock, visit, changed, actor)
            series = lock_series(db, series_id)
            series.version += 1
            queue_message(
                db, clock, "series_moved", subject_id=series_id, expires_at=wanted[-1], key=str(series.version)
            )
        return series_id


def _move(
    db: Session, clock: Clock, visit: VisitFacts, changed: list[tuple[AppointmentFacts, datetime]], actor: Actor
) -> None:
    now, patient_id, who = clock.now(), visit.appointment.known_patient_id, visit.practitioner.id
    ids, starts = tuple(old.id for old, _ in changed), tuple(start for _, start in changed)
    openings = _openings(db, clock, visit, ids, starts)
    takers = takers_of(openings, who, starts)
    stretches = [(taker, openings.rota.need.busy(start)) for start, found in takers.items() for taker in found]
    rows = lock_in_the_way(db, wanted=stretches, patient_id=patient_id, now=now, visits=ids)
    ours = {row.id: row for row in rows if row.id in ids}
    for row in ours.values():
        _judge(row, visit, now)
    steps.end_holds(db, clock, [row for row in rows if row.id not in ours], actor=None, now=now)
    before = {old.id: facts_of(ours[old.id]) for old, _ in changed}
    move_sessions(db, {start: (ours[old.id], takers[start]) for old, start in changed}, openings=openings)
    for old, _ in changed:
        row, was = ours[old.id], before[old.id]
        steps.write_history(db, clock, row, before=row.state, actor=actor, reason="moved")
        void_messages(db, clock, subject_id=row.id)
        moved = AppointmentMoved(
            old.id, openings.facility_id, was_facility_id=was.facility_id, was_practitioner_id=was.practitioner_id,
            was_starts_at=was.starts_at, was_ends_at=was.ends_at,
        )  # fmt: skip
        publish(db, clock, moved)


def _openings(
    db: Session, clock: Clock, visit: VisitFacts, ids: tuple[AppointmentId, ...], starts: tuple[datetime, ...]
) -> Openings:
    facts = visit.appointment
    wish = Wish(facts.service_id, facts.practitioner_id, facts.facility_id, mode=facts.mode, own_visits=ids)
    first, last = local_day(starts[0], visit.tz), local_day(starts[-1], visit.tz)
    return read_openings(db, clock, wish, from_day=first, to_day=last, patient_id=facts.known_patient_id)


def _judge(row: Appointment, visit: VisitFacts, now: datetime) -> None:
    if row.state is not AppointmentState.BOOKED:
        raise Conflict("series.changed")
    verdict = judge_change(row.state, row.starts_at, cutoff=visit.service.rules.change_cutoff, now=now)
    if not verdict.allowed:
        raise Conflict(verdict.code)
