"""Booking several times at once: all of them or none, for a patient at a page or on the phone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from clinic_portal.booking.events import AppointmentBooked
from clinic_portal.booking.models import Appointment, Series
from clinic_portal.booking.queries import Taker, Wish
from clinic_portal.booking.queries.openings import Openings, Wanted, read_openings, refusals_of
from clinic_portal.booking.queries.series import lock_in_the_way, lock_series, same_series
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.booking.steps.appointments import end_holds, write_history
from clinic_portal.booking.steps.claiming import look_and_claim
from clinic_portal.booking.steps.missed import check_missed
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock, local_day
from clinic_portal.core.errors import Conflict
from clinic_portal.core.events import publish
from clinic_portal.core.ids import (
    AccountId,
    AppointmentId,
    FacilityId,
    PatientId,
    PractitionerId,
    SeriesId,
    ServiceId,
    new_id,
    spoken_code,
)
from clinic_portal.core.modes import Mode
from clinic_portal.facilities.queries import facility_by_id, service_by_id
from clinic_portal.notifications.steps import queue_message
from clinic_portal.patients.steps import lock_patient

TIMES_LOST = "series.times_lost"
#: How many sessions staff may book at once when they set a service's own limit aside (a check on `series`).
MOST_SESSIONS = 20


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
    #: Sessions at times that are not offered, and where each is taken: staff's own choice, needs a written reason.
    own: tuple[tuple[datetime, Taker], ...] = ()

    @property
    def all_starts(self) -> tuple[datetime, ...]:
        """All sessions, in order of time."""
        return tuple(sorted({*self.starts, *dict(self.own)}))


@dataclass(frozen=True)
class Booker:
    """Who books sessions. With a `note`, the written reason of staff, the rules of booking are set aside."""

    actor: Actor
    #: Whose sessions these are: who is told of them. For a child, the parent.
    account_id: AccountId | None
    #: What the history says.
    reason: str = "booked"
    note: str = ""
    #: The hash of what the browser holds, which is released.
    own_hold: str | None = None


def book_sessions(db: Session, clock: Clock, choice: SeriesChoice, by: Booker) -> tuple[SeriesId, bool]:
    """Book all of the chosen times or none, with one message. The caller has checked that the actor may book for them.

    Returns the series, and whether it is new: the same times of the same patient are the same series. A note sets notice,
    horizon, visits a day and the number of sessions aside, for the choice's own times hours too; what somebody else has, never.
    Raises: NotFound (no such service, facility or patient); Conflict "series.not_offered" (too many, none, or not this
    service), "appointment.missed_too_often", "series.times_lost" with the codes of those that cannot be had (`lost`, by start).
    """
    starts, now = choice.all_starts, clock.now()
    longest = service_by_id(db, choice.service_id).rules.series_max
    if longest is None or not 1 <= len(starts) <= (MOST_SESSIONS if by.note else longest):
        raise Conflict("series.not_offered")
    lock_patient(db, choice.patient_id)
    before = same_series(
        db, patient_id=choice.patient_id, practitioner_id=choice.practitioner_id, service_id=choice.service_id,
        starts=starts,
    )  # fmt: skip
    if before is not None:
        return before, False
    check_missed(db, clock, choice.patient_id, actor=by.actor)
    openings = _openings(db, clock, choice, by, starts)
    sessions = _takers(openings, choice, starts, is_aside=bool(by.note))
    need = openings.rota.need
    wanted = [(taker, need.busy(start)) for start, found in sessions.items() for taker in found]
    rows = lock_in_the_way(db, wanted=wanted, patient_id=choice.patient_id, now=now, own_hold=by.own_hold)
    end_holds(db, clock, rows, actor=by.actor, now=now)
    series = Series(
        patient_id=choice.patient_id, service_id=choice.service_id, practitioner_id=choice.practitioner_id,
        facility_id=choice.facility_id, account_id=by.account_id, created_at=now, per_week=choice.per_week,
        planned=len(starts),
    )  # fmt: skip
    db.add(series)
    db.flush()
    insert_sessions(db, clock, series, sessions, openings=openings, by=by)
    queue_message(db, clock, "series_booked", subject_id=series.id, expires_at=starts[-1])
    return SeriesId(series.id), True


def _openings(db: Session, clock: Clock, choice: SeriesChoice, by: Booker, starts: tuple[datetime, ...]) -> Openings:
    tz = facility_by_id(db, choice.facility_id).tz
    first, last = local_day(starts[0], tz), local_day(starts[-1], tz)
    wish = Wish(
        choice.service_id, choice.practitioner_id, choice.facility_id, mode=choice.mode, own_hold=by.own_hold
    )  # fmt: skip
    return read_openings(
        db, clock, wish, from_day=first, to_day=last, patient_id=choice.patient_id, anyway=bool(by.note)
    )


def tell_of_series(
    db: Session, clock: Clock, series_id: SeriesId, kind: str, *, expires_at: datetime | None = None
) -> None:
    """Queue one message about several of its sessions. They were locked before."""
    series = lock_series(db, series_id)
    series.version += 1
    queue_message(db, clock, kind, subject_id=series_id, expires_at=expires_at, key=str(series.version))


def _takers(
    openings: Openings, choice: SeriesChoice, starts: tuple[datetime, ...], *, is_aside: bool
) -> dict[datetime, list[Taker]]:
    """Return where each session can be taken, in order of time: the first place, and where else.

    Raises: Conflict "series.times_lost" with the codes of those that cannot be had: `lost`, by start.
    """
    own = dict(choice.own) if is_aside else {}
    wanted = [Wanted(openings, choice.practitioner_id, start, own.get(start)) for start in starts]
    lost = refusals_of(wanted)
    if lost:
        raise Conflict(TIMES_LOST, lost=lost)
    return {one.start: one.takers for one in wanted}


def insert_sessions(
    db: Session,
    clock: Clock,
    series: Series,
    sessions: Mapping[datetime, Sequence[Taker]],
    *,
    openings: Openings,
    by: Booker,
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
        write_history(db, clock, row, before=None, actor=by.actor, reason=by.reason, note=by.note)
        publish(db, clock, AppointmentBooked(AppointmentId(row.id), openings.facility_id, row.starts_at))


def _insert(db: Session, draft: Mapping[str, object], taker: Taker) -> Appointment | None:
    who = {"practitioner_id": taker.practitioner_id, "room_id": taker.room_id, "mode": taker.mode}
    values = {**draft, **who, "id": new_id(), "reference": spoken_code(8)}
    return look_and_claim(db, values)


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
