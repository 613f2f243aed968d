"""How visits go: patients come, wait, are called, are seen, or stay away."""

import math
from datetime import datetime, timedelta
from random import Random

from clinic_portal.booking.rules import AppointmentState, CancelReason
from clinic_portal.core.ids import new_id
from clinic_portal.demo.clinic import Place, Who
from clinic_portal.demo.ledger import Ledger, Slip, Visit
from clinic_portal.waiting_room.rules import TicketState

#: Of a hundred patients, so many do not come, or give the visit back beforehand.
MISSED, GIVEN_BACK = 6, 9


def minutes(chance: Random, low: float, high: float) -> timedelta:
    """Return a span of some minutes, in whole seconds."""
    return timedelta(seconds=round(chance.uniform(low, high) * 60))


def chance_of(visit: Visit) -> Random:
    """Return chance that always falls the same way for the same visit."""
    return Random(visit.reference)  # noqa: S311 - a story that is the same every time, not a secret


def arrive(ledger: Ledger, place: Place, visit: Visit, at: datetime) -> Slip:
    """The patient comes and takes a ticket; somebody who is here already keeps theirs."""
    if visit.slip is None:
        visit.slip = Slip(new_id(), TicketState.WAITING, at, is_new=True)
        due = max((visit.start - at).total_seconds() / 60, 0)
        visit.slip.wait = promise(due + chance_of(visit).uniform(2, 12))
        ledger.touch(visit)
    if visit.state is AppointmentState.BOOKED:
        ledger.move(visit, AppointmentState.ARRIVED, at, place.desk, "arrived")
    return visit.slip


def call(ledger: Ledger, visit: Visit, slip: Slip, at: datetime) -> None:
    """The name appears on the screens."""
    if slip.state in {TicketState.WAITING, TicketState.LEFT}:
        slip.state, slip.called_at, slip.calls, slip.ended_at = TicketState.CALLED, at, slip.calls + 1, None
        ledger.touch(visit)


def enter(ledger: Ledger, visit: Visit, slip: Slip, at: datetime, who: Who) -> None:
    """The consultation begins."""
    if slip.state is TicketState.CALLED:
        slip.state, slip.entered_at = TicketState.IN_ROOM, at
        ledger.touch(visit)
    if visit.state is AppointmentState.ARRIVED:
        ledger.move(visit, AppointmentState.CHECKED_IN, at, who, "consultation.started")


def finish(ledger: Ledger, visit: Visit, slip: Slip, at: datetime, who: Who) -> None:
    """The consultation is over."""
    if slip.state is TicketState.IN_ROOM:
        slip.state, slip.ended_at = TicketState.DONE, at
        ledger.touch(visit)
    if visit.state is AppointmentState.CHECKED_IN:
        ledger.move(visit, AppointmentState.FULFILLED, at, who, "consultation.ended")


def see(ledger: Ledger, place: Place, visit: Visit, *, latest: datetime, free_from: datetime | None = None) -> datetime:
    """Have the whole visit happen, from wherever it is, over by `latest`; returns when it ended.

    The practitioner has no time before `free_from`.
    """
    chance, who = chance_of(visit), worker_of(place, visit)
    length = visit.minutes * chance.uniform(0.8, 1.05)
    entered = max(visit.start + minutes(chance, -2, 9), free_from or visit.start)
    entered = min(entered, latest - minutes(chance, length * 0.7, length))
    arrived = min(visit.start - minutes(chance, 3, 14), entered - minutes(chance, 3, 6))
    slip = arrive(ledger, place, visit, arrived)
    entered = max(slip.entered_at or entered, slip.arrived_at + timedelta(seconds=80))
    called = max(entered - minutes(chance, 0.4, 1), slip.arrived_at)
    call(ledger, visit, slip, called)
    enter(ledger, visit, slip, max(entered, slip.called_at or entered), who)
    begun = slip.entered_at or entered
    ended = max(min(begun + timedelta(minutes=length), latest), begun + timedelta(minutes=1))
    finish(ledger, visit, slip, ended, who)
    return ended


def is_missed(visit: Visit) -> bool:
    """Whether chance wants that the patient does not come; who is here has come."""
    return visit.state is AppointmentState.BOOKED and chance_of(visit).randrange(100) < MISSED


def miss(ledger: Ledger, place: Place, visit: Visit) -> None:
    """The patient does not come."""
    ledger.move(visit, AppointmentState.NOSHOW, visit.start + timedelta(minutes=20), place.desk, "noshow")


def give_back(ledger: Ledger, place: Place, visit: Visit, *, before: datetime) -> None:
    """The patient cancels, some time between booking and the visit."""
    chance = chance_of(visit)
    latest = min(visit.start - timedelta(hours=2), before)
    at = (visit.booked_at or latest) + chance.random() * (latest - (visit.booked_at or latest))
    ledger.move(
        visit, AppointmentState.CANCELLED, at, visit.booker or place.desk, chance.choice(list(CancelReason)).value
    )


def pass_by(ledger: Ledger, place: Place, visit: Visit, *, free_from: datetime | None) -> datetime | None:
    """Let a visit of an earlier day have happened as chance wants it; returns when the practitioner was free again."""
    if is_missed(visit):
        miss(ledger, place, visit)
        return free_from
    fate = chance_of(visit).randrange(100)
    if visit.state is AppointmentState.BOOKED and visit.booked_at and fate < MISSED + GIVEN_BACK:
        give_back(ledger, place, visit, before=visit.start)
        return free_from
    return see(ledger, place, visit, latest=visit.end + timedelta(minutes=40), free_from=free_from)


def worker_of(place: Place, visit: Visit) -> Who:
    """Return who treats."""
    return next((worker.who for worker in place.workers if worker.id == visit.worker_id), place.desk)


def promise(expected_minutes: float) -> tuple[int, int]:
    """Return the wait that somebody was told on arrival, rounded to five minutes like the real ones."""
    low = 5 * math.floor(max(expected_minutes, 0) * 0.8 / 5)
    return low, max(5 * math.ceil((max(expected_minutes, 0) * 1.2 + 1) / 5), low + 5)
