"""A change of hours must not leave booked visits outside of them in silence: whoever makes it says what becomes of each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment, OutsideHours
from clinic_portal.booking.queries.appointments import facts_of
from clinic_portal.booking.queries.recipients import recipients
from clinic_portal.booking.queries.stranded import (
    StrandedVisit,
    coming_in,
    last_coming,
    lock_visits,
    new_rooms,
    outside_hours,
    stranded_visits,
    token_of,
)
from clinic_portal.booking.queries.work import ONE_DAY, Scope, Spot, Work, added, read_work
from clinic_portal.booking.rules import AppointmentState, ClinicReason, StrandedAnswer, Stretch
from clinic_portal.booking.steps.appointments import end_holds
from clinic_portal.booking.steps.cancelling import cancel_visit
from clinic_portal.booking.steps.freed_hours import DAYS_AHEAD, note_new_hours
from clinic_portal.booking.steps.moving import change_room
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.errors import Busy, Conflict
from clinic_portal.core.ids import AppointmentId

#: `StrandedVisit.token` → what becomes of it: what somebody was shown, and what they chose.
Answers = Mapping[str, StrandedAnswer]


class VisitsStranded(Conflict):
    """The change would leave these visits outside the hours, and not all of them were answered for. Nothing was changed."""

    def __init__(self, visits: tuple[StrandedVisit, ...]) -> None:
        """Keep the visits."""
        super().__init__("hours.visits_stranded")
        self.visits = visits


@dataclass(frozen=True)
class Edit:
    """A change of hours: whose visits it can touch, how it is made, and why the clinic then cancels one."""

    scope: Scope
    make: Callable[[], None]
    reason: ClinicReason


@dataclass(frozen=True)
class Settled:
    """What became of the visits that lay in the way."""

    kept: int = 0
    to_move: int = 0
    cancelled: int = 0
    #: How many of those cancelled have a patient without phone and e-mail: the desk is asked to call, or to wait for them.
    unreachable: int = 0
    #: Stay at their time, in another room.
    other_room: int = 0


def change_with_visits(
    db: Session,
    clock: Clock,
    *,
    edit: Edit,
    answers: Answers,
    actor: Actor,
) -> Settled:
    """Make a change of hours and, with it, what was chosen for the visits that it leaves outside of them.

    The caller has locked the practitioner or the facility, so that nobody begins a visit there meanwhile. Times that
    somebody only holds are released. What lay outside before the change is not asked about.
    Raises: VisitsStranded when the visits are not exactly those that were answered for; Busy when somebody is just changing
    one of them. They are not waited for: they may be waiting for the practitioner or the facility.
    """
    now = clock.now()
    before = _Snapshot.read(db, edit.scope, now=now)
    edit.make()
    db.flush()
    after = _Snapshot.read(db, edit.scope, now=now)
    # Whatever lies outside now and did not before touches what is worked no more.
    near = coming_in(db, added(after.stretches, before.stretches), now=now)
    left = {AppointmentId(row.id) for row in near if before.work.covers(row) and not after.work.covers(row)}
    rows = lock_visits(db, left, skip_locked=True)
    if len(rows) < len(left):
        raise Busy
    locked = [row for row in rows if row.starts_at > now]
    holds = [row for row in locked if row.state is AppointmentState.PROPOSED]
    visits = [row for row in locked if row.state in {AppointmentState.PENDING, AppointmentState.BOOKED}]
    still = outside_hours(db, visits)  # One of them may have been moved since it was read.
    visits = [row for row in visits if row.id in still]
    answered = {row: answers[_token(row)] for row in visits if _token(row) in answers}
    if answers.keys() != {_token(row) for row in visits} or not _all_have_rooms(db, answered, now):
        raise VisitsStranded(stranded_visits(db, visits, now=now))
    end_holds(db, clock, holds, actor=actor, now=now)
    note_new_hours(db, clock, added(before.stretches, after.stretches))
    return settle(db, clock, answered, actor=actor, reason=edit.reason)


@dataclass(frozen=True)
class _Snapshot:
    """What is worked in a scope, at a moment of the transaction."""

    work: Work
    stretches: Mapping[Spot, Sequence[Stretch]]

    @classmethod
    def read(cls, db: Session, scope: Scope, *, now: datetime) -> Self:
        last = max(last_coming(db, scope, now=now), now + timedelta(days=DAYS_AHEAD))
        first_day, last_day = now.date() - ONE_DAY, last.date() + ONE_DAY
        if scope.day is not None:
            first_day = last_day = scope.day
        people = {scope.practitioner_id} if scope.practitioner_id else None
        work = read_work(db, people, first=first_day, last=last_day, facility_id=scope.facility_id)
        return cls(work, work.stretches(first_day, last_day))


def _all_have_rooms(db: Session, answered: Mapping[Appointment, StrandedAnswer], now: datetime) -> bool:
    rows = [row for row, answer in answered.items() if answer is StrandedAnswer.ROOM]
    return len(new_rooms(db, rows, now=now)) == len(rows)


def settle(
    db: Session,
    clock: Clock,
    answers: Mapping[Appointment, StrandedAnswer],
    *,
    actor: Actor,
    reason: ClinicReason = ClinicReason.PRACTITIONER_AWAY,
) -> Settled:
    """Do what was chosen for locked visits: a cancelled one is told to the patient, the others stay and are remembered.

    Who keeps the time and gets another room is told nothing: they come to the same place. A visit without such a room is
    left alone. Raises: Conflict "appointment.slot_taken" when somebody takes the room at this very moment.
    """
    rooms = new_rooms(db, [row for row, answer in answers.items() if answer is StrandedAnswer.ROOM], now=clock.now())
    for row, answer in answers.items():
        if answer is StrandedAnswer.ROOM:
            if AppointmentId(row.id) in rooms:
                change_room(db, clock, row, rooms[AppointmentId(row.id)], actor=actor)
        elif answer is StrandedAnswer.CANCEL:
            cancel_visit(db, clock, appointment_id=AppointmentId(row.id), actor=actor, reason=reason)
        else:
            db.merge(
                OutsideHours(
                    appointment_id=row.id,
                    starts_at=row.starts_at,
                    answer=answer,
                    decided_at=clock.now(),
                    decided_by_account_id=actor.account_id,
                )
            )
    db.flush()
    chosen = list(answers.values())
    cancelled = [facts_of(row) for row, answer in answers.items() if answer is StrandedAnswer.CANCEL]
    reached = recipients(db, cancelled, today=clock.now().date()).values()
    return Settled(
        kept=chosen.count(StrandedAnswer.KEEP),
        to_move=chosen.count(StrandedAnswer.MOVE),
        cancelled=len(cancelled),
        unreachable=sum(not (who.email or who.phone) for who in reached),
        other_room=len(rooms),
    )


def _token(row: Appointment) -> str:
    return token_of(AppointmentId(row.id), row.starts_at)
