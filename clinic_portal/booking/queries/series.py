"""Series: which sessions they have, and the loaders that lock them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Select, and_, false, func, or_, select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment, AppointmentHistory, Series
from clinic_portal.booking.queries.appointments import AppointmentFacts, facts_of
from clinic_portal.booking.queries.rota import Taker
from clinic_portal.booking.queries.staff import MOVED, MOVED_BY_CLINIC
from clinic_portal.booking.rules import LIVE_STATES, AppointmentState, Stretch
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import (
    AppointmentId,
    FacilityId,
    PatientId,
    PractitionerId,
    SeriesId,
    ServiceId,
)
from clinic_portal.core.modes import Mode
from clinic_portal.dependents.queries import person_to_book_for

#: A session that was given back, or was a mistake, is none any more.
_NO_SESSION = (AppointmentState.CANCELLED, AppointmentState.ENTERED_IN_ERROR)


class Place(NamedTuple):
    """Where sessions take place, and how: those of one place are moved within it."""

    facility_id: FacilityId
    mode: Mode


class SessionNumber(NamedTuple):
    """Which session of how many a visit is."""

    number: int
    total: int


@dataclass(frozen=True)
class SeriesFacts:
    """Sessions that were booked together, in order of time, those given back included."""

    id: SeriesId
    patient_id: PatientId
    service_id: ServiceId
    practitioner_id: PractitionerId
    facility_id: FacilityId
    per_week: int
    sessions: tuple[AppointmentFacts, ...]

    @property
    def kept(self) -> list[AppointmentFacts]:
        """The sessions that were not given back."""
        return [session for session in self.sessions if session.state not in _NO_SESSION]


def place_of(session: AppointmentFacts) -> Place:
    """Return where a session takes place."""
    return Place(session.facility_id, session.mode)


def with_whom(series: SeriesFacts, sessions: Sequence[AppointmentFacts]) -> dict[Place, PractitionerId]:
    """Return with whom sessions get new times at each place, in the order of the places.

    With the series' own therapist where any of them is; elsewhere with whom the first one there is.
    """
    found: dict[Place, PractitionerId] = {}
    for session in sessions:
        place = place_of(session)
        if place not in found or session.practitioner_id == series.practitioner_id:
            found[place] = session.practitioner_id
    return found


def in_turn(
    sessions: Sequence[AppointmentFacts], starts: Sequence[datetime]
) -> list[tuple[AppointmentFacts, datetime]]:
    """Return which session gets which of the times: those that were chosen at one place, in order of time."""
    chosen: dict[Place, list[datetime]] = {}
    for session, start in zip(sessions, starts, strict=True):
        chosen.setdefault(place_of(session), []).append(start)
    turns = {place: iter(sorted(times)) for place, times in chosen.items()}
    return [(session, next(turns[place_of(session)])) for session in sessions]


def series_facts(db: Session, series_id: SeriesId) -> SeriesFacts | None:
    """Return a series for the clinic's own messages, or for somebody who was checked; None when there is none."""
    row = db.get(Series, series_id)
    if row is None:
        return None
    sessions = db.scalars(
        select(Appointment).where(Appointment.series_id == series_id).order_by(Appointment.starts_at, Appointment.id)
    )
    return SeriesFacts(
        id=series_id,
        patient_id=PatientId(row.patient_id),
        service_id=ServiceId(row.service_id),
        practitioner_id=PractitionerId(row.practitioner_id),
        facility_id=FacilityId(row.facility_id),
        per_week=row.per_week,
        sessions=tuple(facts_of(session) for session in sessions),
    )


def series_of(db: Session, clock: Clock, series_id: SeriesId, *, actor: Actor) -> SeriesFacts:
    """Return a series of somebody for whom the actor may book. Raises: NotFound; Forbidden."""
    found = series_facts(db, series_id)
    if found is None:
        raise NotFound
    person_to_book_for(db, clock, found.patient_id, actor=actor)
    return found


def session_numbers(db: Session, series_ids: Collection[SeriesId]) -> Mapping[AppointmentId, SessionNumber]:
    """Return which session of how many each visit of these series is; those given back are not counted."""
    if not series_ids:
        return {}
    place = func.row_number().over(partition_by=Appointment.series_id, order_by=(Appointment.starts_at, Appointment.id))
    total = func.count().over(partition_by=Appointment.series_id)
    rows = db.execute(
        select(Appointment.id, place, total).where(
            Appointment.series_id.in_(series_ids), Appointment.state.not_in(_NO_SESSION)
        )
    )
    return {AppointmentId(id_): SessionNumber(number, of) for id_, number, of in rows}


def same_series(
    db: Session, *, patient_id: PatientId, practitioner_id: PractitionerId, service_id: ServiceId, starts: Collection[datetime]
) -> SeriesId | None:  # fmt: skip
    """Return the series that has all of these sessions already: the answer to somebody who sends a form twice."""
    rows = db.execute(
        select(Appointment.series_id, func.count())
        .where(
            Appointment.patient_id == patient_id,
            Appointment.practitioner_id == practitioner_id,
            Appointment.service_id == service_id,
            Appointment.series_id.is_not(None),
            Appointment.starts_at.in_(starts),
            Appointment.state.in_(LIVE_STATES),
        )
        .group_by(Appointment.series_id)
    )
    return next((SeriesId(series_id) for series_id, count in rows if series_id and count == len(starts)), None)


def moved_since(db: Session, series_id: SeriesId, since: datetime) -> set[AppointmentId]:
    """Return which sessions of a series were given another time since then."""
    rows = db.scalars(
        select(AppointmentHistory.appointment_id)
        .join(Appointment, Appointment.id == AppointmentHistory.appointment_id)
        .where(
            Appointment.series_id == series_id,
            AppointmentHistory.reason.in_((MOVED, MOVED_BY_CLINIC)),
            AppointmentHistory.at >= since,
        )
    )
    return {AppointmentId(id_) for id_ in rows}


def lock_in_the_way(
    db: Session,
    *,
    wanted: Sequence[tuple[Taker, Stretch]],
    patient_id: PatientId,
    now: datetime,
    own_hold: str | None = None,
    visits: Collection[AppointmentId] = (),
) -> Sequence[Appointment]:
    """Return, locked in order of ids in one statement: these visits, the browser's hold, and expired holds in the way.

    In the way is what takes up a practitioner, a room or the patient in one of the wanted stretches.
    """
    overlaps = [
        and_(
            Appointment.busy_from < stretch.end,
            Appointment.busy_until > stretch.start,
            or_(
                Appointment.practitioner_id == taker.practitioner_id,
                Appointment.room_id == taker.room_id if taker.room_id else false(),
                Appointment.patient_id == patient_id,
            ),
        )
        for taker, stretch in wanted
    ]
    expired = and_(Appointment.held_until <= now, or_(*overlaps))
    own = and_(Appointment.hold_key_hash.is_not(None), Appointment.hold_key_hash == own_hold)
    return db.scalars(
        select(Appointment)
        .where(
            or_(
                Appointment.id.in_(visits),
                and_(Appointment.state == AppointmentState.PROPOSED, or_(expired, own)),
            )
        )
        .order_by(Appointment.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).all()


def lock_series(db: Session, series_id: SeriesId) -> Series:
    """Return the row, locked: whoever says something about all of a series counts it there. Sessions are locked before.

    Raises: NotFound.
    """
    row = db.get(Series, series_id, with_for_update={"key_share": True}, populate_existing=True)
    if row is None:
        raise NotFound
    return row


def later_sessions(db: Session, session: AppointmentFacts) -> list[AppointmentFacts]:
    """Return this session and those after it that are booked, in order of time. Raises: NotFound (not of a series)."""
    if session.series_id is None:
        raise NotFound
    rows = db.scalars(_booked_from(session).order_by(Appointment.starts_at, Appointment.id))
    return [facts_of(row) for row in rows]


def lock_later_sessions(db: Session, session: AppointmentFacts) -> list[AppointmentFacts]:
    """Return the same, locked in order of ids in one statement. Raises: NotFound (not of a series)."""
    if session.series_id is None:
        raise NotFound
    rows = db.scalars(
        _booked_from(session)
        .order_by(Appointment.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return sorted((facts_of(row) for row in rows), key=lambda one: (one.starts_at, one.id))


def _booked_from(session: AppointmentFacts) -> Select[Appointment]:
    return select(Appointment).where(
        Appointment.series_id == session.series_id,
        Appointment.starts_at >= session.starts_at,
        Appointment.state == AppointmentState.BOOKED,
    )
