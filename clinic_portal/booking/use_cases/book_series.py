"""Book several sessions at once."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from clinic_portal.booking import steps
from clinic_portal.booking.models import Series
from clinic_portal.booking.queries import Wish
from clinic_portal.booking.queries.openings import read_openings
from clinic_portal.booking.queries.series import lock_in_the_way, same_series
from clinic_portal.booking.steps.missed import check_missed
from clinic_portal.booking.steps.series import insert_sessions, takers_of
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock, local_day
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import Conflict
from clinic_portal.core.ids import FacilityId, PatientId, PractitionerId, SeriesId, ServiceId
from clinic_portal.core.modes import Mode
from clinic_portal.dependents.queries import person_to_book_for
from clinic_portal.facilities.queries import facility_by_id, service_by_id
from clinic_portal.notifications.steps import queue_message
from clinic_portal.patients.steps import lock_patient


@dataclass(frozen=True)
class SeriesChoice:
    """The sessions that were chosen, with whom, where, for whom."""

    service_id: ServiceId
    facility_id: FacilityId
    practitioner_id: PractitionerId
    patient_id: PatientId
    starts: tuple[datetime, ...]
    per_week: int
    mode: Mode = Mode.IN_PERSON


def book_series(
    db: Session, clock: Clock, *, choice: SeriesChoice, actor: Actor, hold_key: str | None = None
) -> SeriesId:
    """Book all of the chosen times or none, send one message about all of them, and release what the browser held.

    Repeating the call returns the same series and sends nothing again.
    Raises: NotFound (no such service or facility, or none of the actor's people); Forbidden (may not book for this
    person); Conflict "series.not_offered" (too many, none, or not this service), "appointment.missed_too_often",
    "series.times_lost" with the codes of those that cannot be had (`lost`, by start).
    """
    own_hold = steps.hold_key_hash(hold_key) if hold_key else None
    wish = Wish(
        choice.service_id, choice.practitioner_id, choice.facility_id, mode=choice.mode, own_hold=own_hold
    )  # fmt: skip
    starts = tuple(sorted(set(choice.starts)))
    with transaction(db):
        person_to_book_for(db, clock, choice.patient_id, actor=actor)
        longest = service_by_id(db, choice.service_id).rules.series_max
        if longest is None or not 1 <= len(starts) <= longest:
            raise Conflict("series.not_offered")
        lock_patient(db, choice.patient_id)
        before = same_series(
            db, patient_id=choice.patient_id, practitioner_id=choice.practitioner_id, service_id=choice.service_id,
            starts=starts,
        )  # fmt: skip
        if before is not None:
            return before
        check_missed(db, clock, choice.patient_id, actor=actor)
        tz = facility_by_id(db, choice.facility_id).tz
        days = local_day(starts[0], tz), local_day(starts[-1], tz)
        openings = read_openings(
            db, clock, wish, from_day=days[0], to_day=days[1], patient_id=choice.patient_id
        )  # fmt: skip
        sessions = takers_of(openings, choice.practitioner_id, starts)
        need, now = openings.rota.need, clock.now()
        wanted = [(taker, need.busy(start)) for start, found in sessions.items() for taker in found]
        rows = lock_in_the_way(db, wanted=wanted, patient_id=choice.patient_id, now=now, own_hold=own_hold)
        steps.end_holds(db, clock, rows, actor=actor, now=now)
        series = Series(
            patient_id=choice.patient_id, service_id=choice.service_id, practitioner_id=choice.practitioner_id,
            facility_id=choice.facility_id, account_id=actor.account_id, created_at=now, per_week=choice.per_week,
            planned=len(starts),
        )  # fmt: skip
        db.add(series)
        db.flush()
        insert_sessions(db, clock, series, sessions, openings=openings, actor=actor)
        queue_message(db, clock, "series_booked", subject_id=series.id, expires_at=starts[-1])
        return SeriesId(series.id)
