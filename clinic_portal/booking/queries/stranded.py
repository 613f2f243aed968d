"""Visits to come that lie outside the hours in which their practitioner works there."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    JSON,
    ColumnElement,
    Date,
    DateTime,
    String,
    Uuid,
    and_,
    cast,
    column,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.orm import Session

from clinic_portal.accounts.queries import get_account
from clinic_portal.booking.models import Appointment, OutsideHours
from clinic_portal.booking.queries.appointments import facts_of
from clinic_portal.booking.queries.rota import LONGEST_VISIT
from clinic_portal.booking.queries.visits import VisitFacts, describe
from clinic_portal.booking.queries.work import ONE_DAY, Placed, Scope, Spot, Work, read_work
from clinic_portal.booking.rules import FIRM_STATES, AppointmentState, StrandedAnswer, Stretch
from clinic_portal.core.actor import Actor, Role
from clinic_portal.core.clock import Clock
from clinic_portal.core.errors import Forbidden, NotFound
from clinic_portal.core.ids import AppointmentId, PractitionerId, RoomId
from clinic_portal.core.modes import Mode
from clinic_portal.facilities.queries import RoomFacts, find_facilities, find_rooms
from clinic_portal.patients.queries import PatientFacts, find_patients
from clinic_portal.practitioners.queries import find_practitioner_of

#: What was promised to a patient and has not begun.
PROMISED = (AppointmentState.PENDING, AppointmentState.BOOKED)

_INSTANT = DateTime(timezone=True)

#: A row of what is worked: `Spot`, from when until when, and a UTC day on which it is.
_WORKED = (
    column("who", Uuid), column("place", Uuid), column("room", Uuid), column("mode", String),
    column("first", _INSTANT), column("until", _INSTANT), column("day", Date),
)  # fmt: skip


class ComingVisit(NamedTuple):
    """As much of a visit, or of a held time, as says whether it lies in the hours."""

    id: UUID
    practitioner_id: UUID
    facility_id: UUID
    room_id: UUID | None
    mode: Mode
    starts_at: datetime
    ends_at: datetime


_COLUMNS = tuple(getattr(Appointment, name) for name in ComingVisit._fields)


@dataclass(frozen=True)
class StrandedVisit:
    """A visit outside the hours, for staff who decide what becomes of it. `answer` is what was decided before."""

    visit: VisitFacts
    patient: PatientFacts
    answer: StrandedAnswer | None = None
    #: Where it could take place at the same time, with the same practitioner: their room changed.
    new_room: RoomFacts | None = None

    @property
    def token(self) -> str:
        """Says that this very visit at this very time was shown."""
        return token_of(self.visit.appointment.id, self.visit.appointment.starts_at)


def token_of(appointment_id: AppointmentId, starts_at: datetime) -> str:
    """Return what stands for a visit at a time on a page that asks about it."""
    return f"{appointment_id}@{starts_at:%Y%m%dT%H%M}"


def own_scope(db: Session, *, actor: Actor) -> Scope:
    """Return whose visits the actor decides about: an administrator everybody's, a practitioner their own.

    Raises: Forbidden.
    """
    if actor.role is Role.ADMINISTRATOR:
        return Scope()
    own = find_practitioner_of(db, actor.account_id) if actor.role is Role.DOCTOR and actor.account_id else None
    if own is None:
        raise Forbidden
    return Scope(practitioner_id=own.id)


def all_outside(db: Session, scope: Scope, *, now: datetime) -> frozenset[AppointmentId]:
    """Return which visits to come of a scope lie outside the hours: what `outside_hours` says of all of them.

    The database compares: it is told what is worked, a row for each stretch and UTC day, and reads out few visits of many.
    """
    last = last_coming(db, scope, now=now).date() + ONE_DAY
    people = {scope.practitioner_id} if scope.practitioner_id else None
    work = read_work(db, people, first=now.date() - ONE_DAY, last=last)
    rows = [
        {
            "who": str(spot.practitioner_id), "place": str(spot.facility_id), "mode": spot.mode.value,
            "room": None if spot.room_id is None else str(spot.room_id),
            "first": start.isoformat(), "until": end.isoformat(), "day": str(start.date() + number * ONE_DAY),
        }
        for spot, (start, end) in work.pieces(now.date() - ONE_DAY, last)
        for number in range((end.date() - start.date()).days + 1)
    ]  # fmt: skip
    # As JSON: arrays of so many values take the driver three times as long as all the rest.
    recordset = func.json_to_recordset(literal(rows, JSON()))
    worked = recordset.table_valued(*_WORKED, name="worked").render_derived(with_types=True).c
    covered = exists().where(
        worked.who == Appointment.practitioner_id,
        worked.day == cast(func.timezone("UTC", Appointment.starts_at), Date),
        worked.place == Appointment.facility_id,
        worked.mode == cast(Appointment.mode, String),
        or_(worked.room.is_(None), worked.room == Appointment.room_id),
        worked.first <= Appointment.starts_at,
        worked.until >= Appointment.ends_at,
    )
    # The places are named because that is what the index starts with.
    places = {scope.facility_id} if scope.facility_id else set(find_facilities(db))
    statement = select(Appointment.id).where(_is_coming(now), Appointment.facility_id.in_(places), ~covered)
    if scope.practitioner_id is not None:
        statement = statement.where(Appointment.practitioner_id == scope.practitioner_id)
    return frozenset(AppointmentId(id_) for id_ in db.scalars(statement))


def last_coming(db: Session, scope: Scope, *, now: datetime) -> datetime:
    """Return when the last visit to come begins; now, when there is none."""
    statement = select(func.max(Appointment.starts_at)).where(_is_coming(now))
    if scope.practitioner_id is not None:
        statement = statement.where(Appointment.practitioner_id == scope.practitioner_id)
    if scope.facility_id is not None:
        statement = statement.where(Appointment.facility_id == scope.facility_id)
    return db.scalar(statement) or now


def coming_in(db: Session, work: Mapping[Spot, Sequence[Stretch]], *, now: datetime) -> Sequence[ComingVisit]:
    """Return the visits, and the times that somebody holds now, that touch what their practitioner works there.

    Few are read however many visits there are: each stretch is looked up in the index.
    """
    wanted = {(spot.practitioner_id, start, end) for spot, stretches in work.items() for start, end in stretches}
    if not wanted:
        return ()
    whose, starts, ends = (list(values) for values in zip(*sorted(wanted), strict=True))
    worked = (
        func.unnest(cast(whose, ARRAY(Uuid)), cast(starts, ARRAY(_INSTANT)), cast(ends, ARRAY(_INSTANT)))
        .table_valued(column("who", Uuid), column("first", _INSTANT), column("until", _INSTANT), name="worked")
        .render_derived()
    )
    touches = and_(
        Appointment.practitioner_id == worked.c.who,
        Appointment.starts_at > worked.c.first - LONGEST_VISIT,
        Appointment.starts_at < worked.c.until,
        Appointment.ends_at > worked.c.first,
    )
    held = and_(
        Appointment.state == AppointmentState.PROPOSED, Appointment.held_until > now, Appointment.starts_at > now
    )
    rows = db.execute(select(*_COLUMNS).join(worked, touches).where(or_(_is_coming(now), held)).distinct())
    return [ComingVisit(*row) for row in rows]


def _is_coming(now: datetime) -> ColumnElement[bool]:
    return and_(Appointment.starts_at > now, Appointment.state.in_(PROMISED))


def lock_visits(db: Session, ids: Collection[AppointmentId], *, skip_locked: bool = False) -> Sequence[Appointment]:
    """Return the rows, locked in the order of their ids, as they are now.

    `skip_locked`: without those that somebody else is just changing.
    """
    statement = select(Appointment).where(Appointment.id.in_(set(ids))).order_by(Appointment.id)
    locking = statement.with_for_update(key_share=True, skip_locked=skip_locked)
    return db.scalars(locking.execution_options(populate_existing=True)).all()


def outside_hours(db: Session, rows: Sequence[Placed]) -> frozenset[AppointmentId]:
    """Return which of these visits lie outside the hours, in three statements however many they are."""
    if not rows:
        return frozenset()
    work = _work_around(db, rows)
    return frozenset(AppointmentId(row.id) for row in rows if not work.covers(row))


def _work_around(db: Session, rows: Sequence[Placed]) -> Work:
    # A day more on either side: no clock is further from UTC.
    first, last = min(row.starts_at for row in rows) - ONE_DAY, max(row.ends_at for row in rows) + ONE_DAY
    people = {PractitionerId(row.practitioner_id) for row in rows}
    return read_work(db, people, first=first.date(), last=last.date())


def new_rooms(db: Session, rows: Sequence[Appointment], *, now: datetime) -> Mapping[AppointmentId, RoomId]:
    """Return for each visit that has one the room, free then, in which it would lie in the hours as it is."""
    rows = [row for row in rows if row.room_id is not None]
    work = _work_around(db, rows) if rows else None
    found = {row: work.rooms_for(row) for row in rows} if work else {}
    wanted = {room_id for rooms in found.values() for room_id in rooms}
    if not wanted:
        return {}
    held = and_(Appointment.state == AppointmentState.PROPOSED, Appointment.held_until > now)
    statement = select(Appointment.room_id, Appointment.busy_from, Appointment.busy_until).where(
        Appointment.facility_id.in_({row.facility_id for row in rows}),
        Appointment.room_id.in_(wanted),
        Appointment.starts_at > min(row.busy_from for row in rows) - LONGEST_VISIT,
        Appointment.starts_at < max(row.busy_until for row in rows) + LONGEST_VISIT,
        or_(Appointment.state.in_(FIRM_STATES), held),
    )
    taken = [(room_id, Stretch(start, end)) for room_id, start, end in db.execute(statement)]

    def is_free(row: Appointment, room_id: RoomId) -> bool:
        busy = Stretch(row.busy_from, row.busy_until)
        return not any(room_id == other and busy.touches(stretch) for other, stretch in taken)

    free = {row: next((one for one in rooms if is_free(row, one)), None) for row, rooms in found.items()}
    return {AppointmentId(row.id): room_id for row, room_id in free.items() if room_id is not None}


def stranded_visits(
    db: Session,
    rows: Sequence[Appointment],
    *,
    now: datetime,
    answers: Mapping[AppointmentId, StrandedAnswer] | None = None,
) -> tuple[StrandedVisit, ...]:
    """Return visits with their patients, by start. The caller has decided that the actor may know them."""
    described = describe(db, [facts_of(row) for row in sorted(rows, key=lambda row: (row.starts_at, row.id))])
    patients = find_patients(db, {visit.appointment.known_patient_id for visit in described})
    instead = new_rooms(db, rows, now=now)
    rooms = find_rooms(db, set(instead.values()))
    return tuple(
        StrandedVisit(
            visit,
            _reachable(db, visit, patients[visit.appointment.known_patient_id]),
            (answers or {}).get(visit.appointment.id),
            rooms[instead[visit.appointment.id]] if visit.appointment.id in instead else None,
        )
        for visit in described
    )


def _reachable(db: Session, visit: VisitFacts, patient: PatientFacts) -> PatientFacts:
    """Return the patient with the phone of whoever booked, when they have none of their own: a child."""
    if patient.phone or visit.appointment.booked_by is None:
        return patient
    return replace(patient, phone=get_account(db, visit.appointment.booked_by).confirmed_phone)


def visits_outside_hours(
    db: Session, clock: Clock, *, actor: Actor, practitioner_id: PractitionerId | None = None
) -> tuple[StrandedVisit, ...]:
    """Return the visits to come that lie outside the hours (of one practitioner, or all), by start. Raises: Forbidden."""
    scope = own_scope(db, actor=actor)
    if practitioner_id is not None:
        if scope.practitioner_id not in (None, practitioner_id):
            raise Forbidden
        scope = replace(scope, practitioner_id=practitioner_id)
    outside = all_outside(db, scope, now=clock.now())
    return _stranded(db, clock, _find(db, scope, outside, now=clock.now()))


def find_stranded(db: Session, clock: Clock, tokens: Iterable[str], *, actor: Actor) -> Sequence[Appointment]:
    """Return those of the visits, named with the times at which they were shown, that lie outside the hours now.

    Raises: Forbidden.
    """
    shown = set(tokens)
    rows = _find(db, own_scope(db, actor=actor), {id_ for id_ in map(_id_of, shown) if id_}, now=clock.now())
    rows = [row for row in rows if token_of(AppointmentId(row.id), row.starts_at) in shown]
    outside = outside_hours(db, rows)
    return [row for row in rows if row.id in outside]


def stranded_visit(db: Session, clock: Clock, token: str, *, actor: Actor) -> StrandedVisit:
    """Return one of the visits outside the hours. Raises: NotFound; Forbidden."""
    found = _stranded(db, clock, find_stranded(db, clock, [token], actor=actor))
    if not found:
        raise NotFound
    return found[0]


def _id_of(token: str) -> AppointmentId | None:
    try:
        return AppointmentId(UUID(token.partition("@")[0]))
    except ValueError:
        return None


def _find(db: Session, scope: Scope, ids: Collection[AppointmentId], *, now: datetime) -> Sequence[Appointment]:
    statement = select(Appointment).where(Appointment.id.in_(set(ids)), _is_coming(now))
    if scope.practitioner_id is not None:
        statement = statement.where(Appointment.practitioner_id == scope.practitioner_id)
    return db.scalars(statement.execution_options(populate_existing=True)).all() if ids else ()


def _stranded(db: Session, clock: Clock, rows: Sequence[Appointment]) -> tuple[StrandedVisit, ...]:
    ids = {row.id for row in rows}
    statement = select(OutsideHours).where(OutsideHours.appointment_id.in_(ids))
    decided = {row.appointment_id: row for row in db.scalars(statement)} if rows else {}
    answers = {
        AppointmentId(row.id): decided[row.id].answer
        for row in rows
        if row.id in decided and decided[row.id].starts_at == row.starts_at
    }
    return stranded_visits(db, rows, now=clock.now(), answers=answers)
