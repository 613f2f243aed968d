"""What is to be written: visits, their history and their tickets, kept in memory until one flush at the end."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from clinic_portal.booking.rules import AppointmentState, Stretch
from clinic_portal.core.clock import local_day
from clinic_portal.core.ids import SPOKEN_ALPHABET, new_id
from clinic_portal.demo.clinic import Place, Treatment, Wanted, Who, Worker
from clinic_portal.waiting_room.rules import TicketState

#: The states from which a visit goes on.
UNFINISHED = frozenset({AppointmentState.BOOKED, AppointmentState.ARRIVED, AppointmentState.CHECKED_IN})


@dataclass(eq=False)
class Slip:
    """A ticket. `number` and `code` are 0 and empty until it is written."""

    id: UUID
    state: TicketState
    arrived_at: datetime
    number: int = 0
    code: str = ""
    called_at: datetime | None = None
    calls: int = 0
    entered_at: datetime | None = None
    ended_at: datetime | None = None
    wait: tuple[int, int] | None = None
    is_new: bool = False

    @property
    def last_touched_at(self) -> datetime:
        """When somebody last did something with it."""
        return max(at for at in (self.arrived_at, self.called_at, self.entered_at, self.ended_at) if at)


@dataclass(eq=False)
class Visit:
    """An appointment, new or in the database."""

    id: UUID
    reference: str
    state: AppointmentState
    facility_id: UUID
    worker_id: UUID
    room_id: UUID | None
    patient_id: UUID | None
    start: datetime
    end: datetime
    #: What it takes up of practitioner's and room's time.
    busy: Stretch
    slip: Slip | None = None
    #: Only what is new has these.
    treatment: Treatment | None = None
    booker: Who | None = None
    booked_at: datetime | None = None
    cancelled_at: datetime | None = None

    @property
    def minutes(self) -> int:
        """How long it is planned to take."""
        return round((self.end - self.start).total_seconds() / 60)


class Diary:
    """When practitioners, rooms and patients are taken, by the UTC day on which a stretch starts."""

    def __init__(self) -> None:
        self._taken: dict[tuple[UUID, date], list[Stretch]] = defaultdict(list)

    def take(self, keys: Iterable[UUID | None], stretch: Stretch) -> None:
        """Note that all of these are taken."""
        for key in keys:
            if key is not None:
                self._taken[key, stretch.start.astimezone(UTC).date()].append(stretch)

    def busy(self, key: UUID | None, stretch: Stretch) -> list[Stretch]:
        """Return what touches a stretch."""
        if key is None:
            return []
        day, found = stretch.start.astimezone(UTC).date() - timedelta(days=1), list[Stretch]()
        while day <= stretch.end.astimezone(UTC).date():
            found += [one for one in self._taken.get((key, day), ()) if one.touches(stretch)]
            day += timedelta(days=1)
        return found

    def is_free(self, keys: Iterable[UUID | None], stretch: Stretch) -> bool:
        """Whether none of these is taken then."""
        return not any(self.busy(key, stretch) for key in keys)


class Ledger:
    """The visits that the demo knows, and the changes that it makes to them."""

    def __init__(self, visits: Iterable[Visit], now: datetime) -> None:
        self.now = now
        self.visits = list(visits)
        self.references = {visit.reference for visit in self.visits}
        self.added: list[Visit] = []
        self.changed: dict[UUID, Visit] = {}
        self.history: list[dict[str, object]] = []
        self.diary = Diary()
        # What was given back as well: a second start then finds the same times taken as the first one, and plans the same.
        for visit in self.visits:
            self._take(visit)

    def at(self, place: Place, stretch: Stretch) -> list[Visit]:
        """Return the visits in a facility's rooms that start in a stretch, in order."""
        here = (one for one in self.visits if one.facility_id == place.id and one.room_id is not None)
        found = [one for one in here if stretch.start <= one.start < stretch.end]
        return sorted(found, key=lambda visit: (visit.start, visit.reference))

    def book(self, wanted: Wanted, *, booked_at: datetime, salt: str) -> Visit | None:
        """Book a visit; None when the time is not free, or when this very visit was booked before and given back."""
        worker, person, stretch = wanted.worker, wanted.person, wanted.stretch
        reference = _reference(worker, wanted.start, salt)
        is_free = self.diary.is_free((worker.id, worker.room_id), wanted.busy)
        if reference in self.references or not is_free or not self.diary.is_free((person.id,), stretch):
            return None
        visit = Visit(
            id=new_id(),
            reference=reference,
            state=AppointmentState.PROPOSED,
            facility_id=worker.facility_id,
            worker_id=worker.id,
            room_id=worker.room_id,
            patient_id=person.id,
            start=stretch.start,
            end=stretch.end,
            busy=wanted.busy,
            treatment=wanted.treatment,
            booker=person.booker,
            booked_at=booked_at,
        )
        self.visits.append(visit)
        self.added.append(visit)
        self.references.add(reference)
        self._take(visit)
        self._write(visit, None, booked_at - timedelta(seconds=90), person.booker, "hold")
        self.move(visit, AppointmentState.BOOKED, booked_at, person.booker, "booked")
        return visit

    def move(self, visit: Visit, state: AppointmentState, at: datetime, who: Who, reason: str) -> None:
        """Change the state of a visit and write its history."""
        before, visit.state = visit.state, state
        self.changed[visit.id] = visit
        if state is AppointmentState.CANCELLED:
            visit.cancelled_at = at
        self._write(visit, before, at, who, reason)

    def touch(self, visit: Visit) -> None:
        """Note that the visit's ticket has changed."""
        self.changed[visit.id] = visit

    def _take(self, visit: Visit) -> None:
        self.diary.take((visit.worker_id, visit.room_id), visit.busy)
        self.diary.take((visit.patient_id,), Stretch(visit.start, visit.end))

    def _write(self, visit: Visit, before: AppointmentState | None, at: datetime, who: Who, reason: str) -> None:
        self.history.append(
            {
                "id": new_id(),
                "appointment_id": visit.id,
                "from_state": before,
                "to_state": visit.state,
                "at": at,
                "starts_at": visit.start,
                "account_id": who.account_id,
                "actor_name": who.name,
                "patient_id": visit.patient_id,
                "reason": reason,
            }
        )


def day_of(place: Place, visit: Visit) -> date:
    """Return the local day of a visit."""
    return local_day(visit.start, place.tz)


def _reference(worker: Worker, start: datetime, salt: str) -> str:
    """Return the same reference for the same visit at every start: what was booked before is known by it."""
    digest = hashlib.sha256(f"{salt}:{worker.name}:{start.astimezone(UTC).isoformat()}".encode()).digest()
    number, letters = int.from_bytes(digest[:16], "big"), ""
    for _ in range(8):
        number, index = divmod(number, len(SPOKEN_ALPHABET))
        letters += SPOKEN_ALPHABET[index]
    return letters
