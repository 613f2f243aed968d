"""Pure decisions about the queue: states, order, expected waits, ticket codes."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

#: Somebody who comes this little after the appointed time still has the place of that time.
GRACE = timedelta(minutes=5)
#: A consultation that has run over still takes at least this long.
LEAST_REST_MINUTES = 5.0
#: Nobody can say how long a consultation goes on that took twice its time and this much more.
LOST_COUNT_MINUTES = 15.0
#: Nobody is being seen and the first has waited this long past their time: the practitioner is not there.
STALLED = timedelta(minutes=30)
#: How many finished consultations tell more than the plan.
ENOUGH_DURATIONS = 3
SLOWEST, FASTEST = 2.0, 0.5
STEP_MINUTES = 5
#: Letters that are not mistaken for each other, or for a digit, across a room.
CODE_LETTERS = "ACDEFHJKMNPRTXY"
#: The TV's cookie, read by the pages and by the sockets.
SCREEN_COOKIE = "clinic_screen"
PAIRING_LENGTH = 6
PAIRING_LIFETIME = timedelta(minutes=10)


class TicketState(StrEnum):
    """Where somebody who has arrived is."""

    WAITING = "waiting"
    CALLED = "called"
    IN_ROOM = "in_room"
    DONE = "done"
    LEFT = "left"


class Move(StrEnum):
    """What staff do with a ticket."""

    CALL = "call"
    RECALL = "recall"
    ENTER = "enter"
    FINISH = "finish"
    PUT_BACK = "put_back"
    LEAVE = "leave"


#: Move → (states from which it is possible, state to which it leads).
MOVES: Mapping[Move, tuple[frozenset[TicketState], TicketState]] = {
    Move.CALL: (frozenset({TicketState.WAITING, TicketState.CALLED}), TicketState.CALLED),
    Move.RECALL: (frozenset({TicketState.CALLED}), TicketState.CALLED),
    # Some walk straight in when the door opens.
    Move.ENTER: (frozenset({TicketState.WAITING, TicketState.CALLED}), TicketState.IN_ROOM),
    Move.FINISH: (frozenset({TicketState.IN_ROOM}), TicketState.DONE),
    # Back from a call that nobody answered, and back after leaving.
    Move.PUT_BACK: (frozenset({TicketState.CALLED, TicketState.LEFT}), TicketState.WAITING),
    Move.LEAVE: (frozenset({TicketState.WAITING, TicketState.CALLED}), TicketState.LEFT),
}


def can_move(state: TicketState, move: Move) -> bool:
    """Whether the move is possible from the state."""
    return state in MOVES[move][0]


#: Move that was a mistake → how long it may be taken back. A consultation that goes on or a wait has no end to count from.
UNDO_WITHIN = timedelta(minutes=10)
#: Presses closer together are one press.
REPEAT_AFTER = timedelta(seconds=3)
SEEN_EVERY = timedelta(seconds=10)


def can_undo(state: TicketState, *, since: datetime | None, now: datetime) -> bool:
    """Whether the move that led to the state may be taken back; `since` is when the ticket ended, if it did."""
    return state is not TicketState.WAITING and (since is None or now - since <= UNDO_WITHIN)


def may_repeat(called_at: datetime | None, *, now: datetime) -> bool:
    """Whether a call may be shown again: not in the seconds after the last one."""
    return called_at is None or now - called_at >= REPEAT_AFTER


def code_has_expired(expires_at: datetime | None, *, now: datetime) -> bool:
    """Whether a screen needs another pairing code."""
    return expires_at is None or now >= expires_at


def is_worth_noting(last_seen_at: datetime | None, *, now: datetime) -> bool:
    """Whether a screen's sign of life is written down: every ten seconds is enough."""
    return last_seen_at is None or now - last_seen_at >= SEEN_EVERY


@dataclass(frozen=True)
class Place:
    """One ticket of a facility's day, as the rules see it."""

    key: UUID
    state: TicketState
    practitioner: UUID
    #: The appointed time.
    due_at: datetime
    arrived_at: datetime
    #: How long the consultation is planned to take.
    minutes: int
    #: The order of arrival: decides between equal times.
    number: int
    entered_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True)
class ScreenLabel:
    """What a TV is called ("Waiting room A") and what it speaks ("pt_PT")."""

    name: str
    language: str


@dataclass(frozen=True)
class Wait:
    """An expected wait, as a range in whole minutes, rounded to five."""

    from_minutes: int
    to_minutes: int


def queue_key(place: Place) -> tuple[datetime, datetime, int]:
    """Return what the queue is sorted by: the appointed time, or the arrival for somebody who came late."""
    late = place.arrived_at > place.due_at + GRACE
    return (place.arrived_at if late else place.due_at, place.arrived_at, place.number)


def in_order(places: Collection[Place]) -> list[Place]:
    """Return those who wait, in the order in which they are called."""
    return sorted((place for place in places if place.state is TicketState.WAITING), key=queue_key)


def next_to_call(places: Collection[Place], *, practitioner: UUID | None = None) -> Place | None:
    """Return who is called next, to one practitioner or to any; None when nobody waits.

    For any practitioner, somebody whose practitioner is free comes before somebody whose practitioner is not.
    """
    waiting = [place for place in in_order(places) if practitioner in {None, place.practitioner}]
    busy = {place.practitioner for place in places if place.state in {TicketState.CALLED, TicketState.IN_ROOM}}
    return min(waiting, key=lambda place: (place.practitioner in busy, queue_key(place)), default=None)


def place_behind(places: Collection[Place], key: UUID, *, others: int = 2) -> datetime | None:
    """Return the due time that puts a ticket behind the next `others` who wait for the same practitioner.

    None when nobody else waits for them: the ticket keeps its time.
    """
    me = next(place for place in places if place.key == key)
    waiting = [place for place in in_order(places) if place.practitioner == me.practitioner and place.key != key]
    behind = [place for place in waiting if queue_key(place) > queue_key(me)][:others]
    if not behind:
        return None
    return max(queue_key(behind[-1])[0], me.arrived_at) + timedelta(microseconds=1)


def expected_waits(places: Collection[Place], *, now: datetime) -> Mapping[UUID, Wait | None]:
    """Return the expected wait of everybody who waits, by key; None when nobody can tell.

    Counts who is in with the same practitioner, who was called, who is ahead, and the pace of that practitioner today.
    """
    waits: dict[UUID, Wait | None] = {}
    for practitioner in {place.practitioner for place in places if place.state is TicketState.WAITING}:
        waits.update(_waits_for([place for place in places if place.practitioner == practitioner], now))
    return waits


def typical_wait(waits: Collection[Wait | None]) -> Wait | None:
    """Return the wait in the middle of several, None when there is none."""
    known = sorted((wait for wait in waits if wait), key=lambda wait: (wait.from_minutes, wait.to_minutes))
    return known[len(known) // 2] if known else None


def pace(places: Collection[Place]) -> float:
    """Return how long consultations take today as a share of their plan, 1 while there are too few to tell."""
    done = [
        (_minutes(place.ended_at - place.entered_at), place.minutes)
        for place in places
        if place.state is TicketState.DONE and place.ended_at and place.entered_at
    ]
    if len(done) < ENOUGH_DURATIONS:
        return 1.0
    return min(max(sum(real for real, _ in done) / sum(planned for _, planned in done), FASTEST), SLOWEST)


def _waits_for(places: Sequence[Place], now: datetime) -> Mapping[UUID, Wait | None]:
    waiting = in_order(places)
    factor = pace(places)
    busy_minutes = 0.0
    for place in places:
        if place.state is TicketState.CALLED:
            busy_minutes += place.minutes * factor
        elif place.state is TicketState.IN_ROOM and place.entered_at:
            planned, elapsed = place.minutes * factor, _minutes(now - place.entered_at)
            if elapsed > 2 * planned + LOST_COUNT_MINUTES:
                return {one.key: None for one in waiting}
            busy_minutes += max(planned - elapsed, LEAST_REST_MINUTES)
    if not busy_minutes and now > max(waiting[0].due_at, waiting[0].arrived_at) + STALLED:
        return {one.key: None for one in waiting}
    waits: dict[UUID, Wait | None] = {}
    for place in waiting:
        start_minutes = max(busy_minutes, _minutes(place.due_at - now))
        waits[place.key] = _around(start_minutes)
        busy_minutes = start_minutes + place.minutes * factor
    return waits


def _around(minutes: float) -> Wait:
    low = STEP_MINUTES * math.floor(max(minutes, 0) * 0.8 / STEP_MINUTES)
    high = STEP_MINUTES * math.ceil((max(minutes, 0) * 1.2 + 1) / STEP_MINUTES)
    return Wait(low, max(high, low + STEP_MINUTES))


def _minutes(span: timedelta) -> float:
    return span.total_seconds() / 60


def told_apart(shown: Sequence[tuple[str, str]]) -> list[str]:
    """Return the names of (shown name, ticket code) pairs; where two are the same, the code stands behind each."""
    names = [name for name, _ in shown]
    return [f"{name} · {code}" if names.count(name) > 1 else name for name, code in shown]


def free_codes(taken: Collection[str]) -> list[str]:
    """Return the ticket codes that nobody has today: a letter and two digits, a third digit when those run out."""
    for low, high in ((10, 100), (100, 1000)):
        codes = [f"{letter}-{number}" for letter in CODE_LETTERS for number in range(low, high)]
        free = sorted(set(codes) - set(taken))
        if free:
            return free
    raise ValueError("a facility cannot have this many tickets in a day")


def typed_code(typed: str) -> str:
    """Return a pairing code as it is stored, from how it was typed: any case, spaces, dashes."""
    return "".join(character for character in typed.upper() if character.isalnum())
