"""What staff of a facility see of its visits: one with its story, and who still has to be told that the clinic cancelled."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from clinic_portal.accounts.queries import get_account
from clinic_portal.booking.models import Appointment, AppointmentHistory
from clinic_portal.booking.queries.appointments import AppointmentFacts, appointment_at, facts_of
from clinic_portal.booking.queries.recipients import is_reachable, recipients, stand_in_for, stand_ins
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.core.actor import Actor
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import AccountId, AppointmentId, FacilityId, PatientId
from clinic_portal.facilities.queries import works_at
from clinic_portal.notifications.queries import MessageLine, MessageState, list_messages, stopped_subjects
from clinic_portal.patients.queries import PatientFacts, patients_for_staff

#: The kinds of messages that say so.
BY_CLINIC = ("appointment_cancelled_by_clinic", "appointment_moved")
#: The same of sessions that were moved together, about their series.
MOVED_TOGETHER = "series_moved"
#: Those of which nobody else would notice that they did not go.
EXPECTED = ("appointment_booked", "appointment_moved", "reminder", "reminder_early")
#: The reason in the history of a move, and of one that the patient did not ask for.
MOVED = "moved"
MOVED_BY_CLINIC = "moved.by_clinic"

#: A message in one of these reached the patient, as far as anybody knows.
GONE_OUT = frozenset({MessageState.SENT, MessageState.DELIVERED})
#: One in these still may.
ON_ITS_WAY = frozenset({MessageState.QUEUED, MessageState.IN_FLIGHT, MessageState.RETRY_WAIT})
#: For how long it may be on its way. A vendor that does not answer is tried for a day: the visit may be sooner.
PATIENCE = timedelta(minutes=15)


@dataclass(frozen=True)
class HistoryLine:
    """One change of a visit."""

    at: datetime
    who: str
    reason: str
    to_state: AppointmentState
    #: When the visit starts, from this change on.
    starts_at: datetime
    note: str


@dataclass(frozen=True)
class Untold:
    """A visit that the clinic cancelled or moved and of which no message reaches the patient: somebody has to phone."""

    appointment_id: AppointmentId
    patient: str
    starts_at: datetime
    #: E.164; empty when the clinic knows no number.
    phone: str
    is_moved: bool = False
    #: Nothing changed: the phone answered STOP, so a confirmation or a reminder did not go, and there is no e-mail.
    is_stopped: bool = False


def visit_at_desk(
    db: Session, appointment_id: AppointmentId, *, facility_id: FacilityId, actor: Actor
) -> AppointmentFacts:
    """Return a visit that was promised at a facility at which the actor works. Raises: NotFound."""
    if not works_at(db, facility_id, actor=actor):
        raise NotFound
    facts = appointment_at(db, appointment_id=appointment_id, facility_id=facility_id)
    if facts.booked_at is None or facts.patient_id is None:
        raise NotFound
    return facts


def patients_of(facility_id: FacilityId) -> Select[UUID | None]:
    """Return the ids, as a subquery, of everybody who has or had a visit at a facility: whom its staff know."""
    return select(Appointment.patient_id).where(
        Appointment.facility_id == facility_id, Appointment.booked_at.is_not(None)
    )


def is_patient_of(db: Session, patient_id: PatientId, facility_id: FacilityId) -> bool:
    """Whether the patient has or had a visit at the facility."""
    theirs = patients_of(facility_id).where(Appointment.patient_id == patient_id)
    return bool(db.scalar(select(theirs.exists())))


def history_of(db: Session, appointment_id: AppointmentId) -> list[HistoryLine]:
    """Return what happened to a visit, oldest first. For staff of its facility: the caller has checked that."""
    rows = db.scalars(
        select(AppointmentHistory)
        .where(AppointmentHistory.appointment_id == appointment_id)
        .order_by(AppointmentHistory.id)
    )
    return [HistoryLine(row.at, row.actor_name, row.reason, row.to_state, row.starts_at, row.note) for row in rows]


def visits_to_phone(db: Session, facility_id: FacilityId, *, now: datetime, actor: Actor) -> Sequence[Untold]:
    """Return the visits to come about which somebody has to phone, each once: what changed at first, then what was stopped.

    For staff of this facility only: the caller has checked that.
    """
    changed = untold(db, facility_id, now=now, actor=actor)
    known = {one.appointment_id for one in changed}
    return [*changed, *(one for one in _stopped_visits(db, facility_id, now=now) if one.appointment_id not in known)]


def untold(db: Session, facility_id: FacilityId, *, now: datetime, actor: Actor) -> Sequence[Untold]:
    """Return the visits to come that the clinic cancelled or moved and whose patients nobody could tell, soonest first.

    A message that is on its way counts as told for a quarter of an hour: when both channels have failed before, or none
    has taken it then, somebody has to phone. For staff of this facility only: the caller has checked that.
    """
    since = _to_tell(db, facility_id, now=now)
    if not since:
        return []
    told = _told_by_clinic(db, since, now=now)
    visits = [facts_of(row) for row in sorted(since, key=lambda row: (row.starts_at, row.id))]
    people = patients_for_staff(db, {visit.known_patient_id for visit in visits}, actor=actor)
    asked = {visit.id: (visit.known_patient_id, visit.booked_by) for visit in visits}
    acting, found = stand_ins(db, asked, today=now.date()), []
    for visit in visits:
        patient, stand_in = people[visit.known_patient_id], acting[visit.id]
        # A message for which there is no address need not have failed before somebody phones.
        if visit.id not in told or not (is_reachable(patient) or stand_in):
            is_moved = visit.state is not AppointmentState.CANCELLED
            found.append(
                Untold(visit.id, patient.full_name, visit.starts_at, phone_of(db, patient, stand_in), is_moved)
            )
    return found


def _stopped_visits(db: Session, facility_id: FacilityId, *, now: datetime) -> Sequence[Untold]:
    """Return the visits to come of which a message did not go because the phone answered STOP, soonest first.

    None of those whose patient said that they come, was phoned since, or has an e-mail address: the e-mail went instead.
    """
    ids = _stopped(now).where(Appointment.facility_id == facility_id, Appointment.starts_at > now)
    rows = db.scalars(
        select(Appointment)
        .where(Appointment.id.in_(ids.with_only_columns(Appointment.id)))
        .order_by(Appointment.starts_at, Appointment.id)
    )
    visits = [facts_of(row) for row in rows]
    told = recipients(db, visits, today=now.date())
    return [
        Untold(visit.id, told[visit.id].patient.full_name, visit.starts_at, told[visit.id].phone or "", is_stopped=True)
        for visit in visits
        if not told[visit.id].email
    ]


def stopped_at(db: Session, row: Appointment, *, now: datetime) -> datetime | None:
    """Return when the last message of a visit did not go because the phone answered STOP, if nobody phoned since."""
    return db.scalar(_stopped(now).where(Appointment.id == row.id))


def _stopped(now: datetime) -> Select[datetime | None]:
    # These messages are worth something until the visit's time. One about a time that it had before says nothing of the
    # time that it has now: that has messages of its own.
    unsent = stopped_subjects(EXPECTED, now=now)
    last = func.max(unsent.c.due_at)
    return (
        select(last)
        .select_from(Appointment)
        .join(unsent, unsent.c.subject_id == Appointment.id)
        .where(Appointment.state == AppointmentState.BOOKED, Appointment.confirmed_at.is_(None))
        .group_by(Appointment.id)
        .having(or_(Appointment.told_at.is_(None), Appointment.told_at < last))
    )


def reached(
    db: Session, since: Mapping[UUID, datetime], kinds: Collection[str], *, now: datetime, patience: timedelta
) -> Collection[UUID]:
    """Return the subjects of which a message of these kinds, made since, went out, or is still on its way not for long."""
    return {
        message.subject_id
        for message in list_messages(db, subject_ids=list(since), kinds=kinds)
        if message.created_at >= since[message.subject_id]
        if _goes_out(message, now=now, patience=patience)
    }


def _goes_out(message: MessageLine, *, now: datetime, patience: timedelta) -> bool:
    return message.state in GONE_OUT or (message.state in ON_ITS_WAY and now < message.created_at + patience)


def _told_by_clinic(db: Session, since: Mapping[Appointment, datetime], *, now: datetime) -> Collection[UUID]:
    """Return the visits of whose change since then a message tells: one of their own, or that about their series.

    What moved together was written down, and its message queued, at one time.
    """
    told = reached(db, {row.id: at for row, at in since.items()}, BY_CLINIC, now=now, patience=PATIENCE)
    series = {row.series_id for row in since if row.series_id}
    messages = list_messages(db, subject_ids=series, kinds={MOVED_TOGETHER}) if series else ()
    together = {(one.subject_id, one.created_at) for one in messages if _goes_out(one, now=now, patience=PATIENCE)}
    return {*told, *(row.id for row, at in since.items() if (row.series_id, at) in together)}


def _to_tell(db: Session, facility_id: FacilityId, *, now: datetime) -> dict[Appointment, datetime]:
    """Return the visits to come of which the clinic has to tell the patient, and since when."""
    here = Appointment.facility_id == facility_id, Appointment.starts_at > now
    cancelled = select(Appointment).where(
        *here, Appointment.cancelled_by_clinic_at.is_not(None), Appointment.told_at.is_(None)
    )
    moved = _moved_by_clinic().where(
        *here,
        Appointment.confirmed_at.is_(None),
        or_(Appointment.told_at.is_(None), Appointment.told_at < AppointmentHistory.at),
    )
    found = {row: at for row, at in db.execute(moved)}  # noqa: C416 - rows are no pairs to the type checker
    return found | {row: row.cancelled_by_clinic_at or now for row in db.scalars(cancelled)}


def moved_by_clinic_at(db: Session, row: Appointment) -> datetime | None:
    """Return when the clinic, without being asked, moved a visit to the time that it has; None when it did not."""
    found = db.execute(_moved_by_clinic().where(Appointment.id == row.id)).first()
    return found[1] if found else None


def _moved_by_clinic() -> Select[Appointment, datetime]:
    return (
        select(Appointment, AppointmentHistory.at)
        .join(AppointmentHistory, AppointmentHistory.appointment_id == Appointment.id)
        .where(
            Appointment.state == AppointmentState.BOOKED,
            Appointment.sequence > 0,
            AppointmentHistory.reason == MOVED_BY_CLINIC,
            # Moved on by somebody since, it has another time.
            AppointmentHistory.starts_at == Appointment.starts_at,
        )
        .order_by(AppointmentHistory.id)
    )


def contact_phone(db: Session, visit: AppointmentFacts, patient: PatientFacts, *, today: date) -> str:
    """Return the number at which the patient of a visit is phoned: their own, else that of who is written to about it."""
    return phone_of(db, patient, stand_in_for(db, patient, visit.booked_by, today=today))


def phone_of(db: Session, patient: PatientFacts, stand_in: AccountId | None) -> str:
    """Return the number to phone. Not confirmed perhaps, so no message goes there: who answers says whether it is right."""
    return patient.phone or (get_account(db, stand_in).phone if stand_in else None) or ""
