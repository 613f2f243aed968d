"""Today in full swing: around now, whatever the hour, some are with the practitioner, one is called, some wait, one is late."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from random import Random
from uuid import UUID

from clinic_portal.booking.rules import AppointmentState, Stretch, working_stretch
from clinic_portal.core.clock import local_day, zone
from clinic_portal.demo.clinic import Hours, Person, Place, Treatment, Wanted, Worker
from clinic_portal.demo.ledger import UNFINISHED, Ledger, Visit
from clinic_portal.demo.life import arrive, call, enter, is_missed, minutes, miss, promise, see, worker_of

STEP = timedelta(minutes=5)
#: Nobody did anything with the queue for so long: the session is over, and a new one begins.
STALE_AFTER = timedelta(minutes=90)
#: Who is late was expected so long ago.
LATE_BY = timedelta(minutes=10)
LATEST_LATE, EARLIEST_LATE = timedelta(minutes=5), timedelta(minutes=40)
#: Who is with the practitioner was expected at least so long ago.
BEHIND = timedelta(minutes=20)
LONGEST_WAIT = timedelta(minutes=45)
#: No visit that is put in around now is longer, so that there are enough of them.
LONGEST_FILLER = 45


def is_stale(ledger: Ledger, place: Place, day: date) -> bool:
    """Whether nothing has happened in today's queue for a while."""
    slips = [visit.slip for visit in ledger.at(place, place.bounds(day)) if visit.slip]
    return all(slip.last_touched_at <= ledger.now - STALE_AFTER for slip in slips)


class Session:
    """The stretch around now at one facility."""

    def __init__(self, ledger: Ledger, place: Place) -> None:
        self.ledger = ledger
        self.place = place
        self.now = ledger.now
        self.day = local_day(self.now, place.tz)
        self.bounds = place.bounds(self.day)
        #: The last full step of the clock.
        self.mark = self.now - timedelta(seconds=self.now.timestamp() % STEP.total_seconds())
        self.region = self._region()
        self.crew = self._crew()
        self.chance = Random(f"session:{place.content.slug}:{self.mark.astimezone(UTC)}")  # noqa: S311 - a story, not a secret

    def _region(self) -> Stretch:
        before = timedelta(minutes=self.place.content.minutes_before)
        after = timedelta(minutes=self.place.content.minutes_after)
        start = max(self.mark - before, self.bounds.start)
        end = min(start + before + after, self.bounds.end)
        return Stretch(max(min(start, end - before - after), self.bounds.start), end)

    def _crew(self) -> list[Worker]:
        """Return who works now, one a room: first those whose hours it is, then others who help out today."""
        crew: list[Worker] = []
        for worker in sorted(self.place.workers, key=lambda one: not one.works_at(self.mark)):
            if self.day not in worker.away and worker.room_id not in {one.room_id for one in crew}:
                crew.append(worker)
        return crew[: self.place.content.at_work]

    def cover(self) -> list[tuple[Place, Worker, Hours]]:
        """Have the crew work throughout the region; returns the hours that are added, on this day only."""
        return [(self.place, worker, hours) for worker in self.crew for hours in self._cover(worker)]

    def _cover(self, worker: Worker) -> list[Hours]:
        first, last = self._minutes()
        added: list[Hours] = []
        worked = [(row.starts_minute, row.ends_minute) for row in worker.hours_on(self.day)]
        for begin, end in chain(worked, [(last, last)]):
            if first < min(begin, last):
                added.append(Hours(self.day.weekday(), first, min(begin, last), self.day, self.day))
            first = max(first, end)
        worker.hours += added
        return added

    def _minutes(self) -> tuple[int, int]:
        """Return full hours of the wall clock, as minutes of the day, that cover the region."""
        first, last = (self._minute(moment) for moment in self.region)
        first, last = first // 60 * 60, min(-(-last // 60) * 60, 1440)
        # In the night in which an hour is repeated, a wall time means its first instant: then it takes one hour more.
        while last < 1440 and not self._covers(first, last):
            last += 60
        return first, last

    def _covers(self, first: int, last: int) -> bool:
        stretch = working_stretch(self.day, first, last, self.place.tz)
        return stretch is not None and stretch.end >= self.region.end

    def _minute(self, moment: datetime) -> int:
        local = moment.astimezone(zone(self.place.tz))
        return 1440 if local.date() > self.day else local.hour * 60 + local.minute

    def pack(self) -> None:
        """Put visits into the free time of the crew, up to the moment at which somebody is late, and from there on."""
        parting = self.mark - LATE_BY
        for worker in self.crew:
            for window in worker.stretches(self.day):
                start, end = max(window.start, self.region.start), min(window.end, self.region.end)
                for gap in self._gaps(worker, Stretch(start, min(end, parting))):
                    self._fill(worker, gap, from_end=True)
                for gap in self._gaps(worker, Stretch(max(start, parting), end)):
                    self._fill(worker, gap, from_end=False)

    def _gaps(self, worker: Worker, window: Stretch) -> list[Stretch]:
        if window.start >= window.end:
            return []
        busy = {*self.ledger.diary.busy(worker.id, window), *self.ledger.diary.busy(worker.room_id, window)}
        gaps, start = list[Stretch](), window.start
        for taken in sorted(busy):
            if start < taken.start:
                gaps.append(Stretch(start, taken.start))
            start = max(start, taken.end)
        return [*gaps, Stretch(start, window.end)] if start < window.end else gaps

    def _fill(self, worker: Worker, gap: Stretch, *, from_end: bool) -> None:
        longest = min(LONGEST_FILLER, self.place.content.longest_ahead)
        start, end = gap
        while fitting := [
            one for one in worker.treatments if sum(one.need, timedelta()) <= end - start and one.minutes <= longest
        ]:
            # Short ones twice: a queue moves.
            treatment = self.chance.choice([*fitting, *(one for one in fitting if one.minutes <= 30)])
            taken = sum(treatment.need, timedelta())
            begin = end - taken if from_end else start
            self._book(worker, treatment, begin + treatment.need.before)
            start, end = (start, begin) if from_end else (begin + taken, end)

    def _book(self, worker: Worker, treatment: Treatment, start: datetime) -> None:
        booked_at = self.now - timedelta(days=self.chance.randint(1, 20), minutes=self.chance.randint(0, 600))
        for person in self._people(Stretch(start, start + treatment.length)):
            if self.ledger.book(Wanted(worker, treatment, person, start), booked_at=booked_at, salt="session"):
                return

    def _people(self, stretch: Stretch) -> list[Person]:
        """Return who might come then: those who have nothing else today, or at least nothing near."""
        people, diary = self.place.strangers, self.ledger.diary
        self.chance.shuffle(people)
        idle = [one for one in people if diary.is_free((one.id,), self.bounds)]
        return idle or [one for one in people if diary.is_free((one.id,), stretch)]

    def play(self) -> None:
        """Give everybody their part: who is done, with the practitioner, called, waiting, late."""
        due = [visit for visit in self.ledger.at(self.place, self.bounds) if visit.state in UNFINISHED]
        late = self._late(due)
        due = [visit for visit in due if visit is not late]
        current = self._current(due)
        in_room = [current[worker.id] for worker in self.crew if worker.id in current]
        called = in_room[self.place.content.in_room :][:1]
        with_them = in_room[: self.place.content.in_room]
        self._finish_before(due, current, {visit.id for visit in (*with_them, *called)})
        for visit in with_them:
            self._bring_in(visit)
        for visit in called:
            slip = arrive(self.ledger, self.place, visit, self._arrival(visit))
            call(self.ledger, visit, slip, max(self.now - minutes(self.chance, 0.3, 1.2), slip.arrived_at))
        waiting = [one for one in due if one not in (*with_them, *called) and one.state in UNFINISHED]
        for visit in self._who_waits(waiting):
            slip = arrive(self.ledger, self.place, visit, self._arrival(visit))
            if slip.is_new:
                # They were told of the delay: few wait longer than that.
                elapsed = self.now - slip.arrived_at
                slip.wait = promise((elapsed + minutes(self.chance, -3, 15)).total_seconds() / 60)

    def _late(self, due: Sequence[Visit]) -> Visit | None:
        candidates = [
            visit
            for visit in due
            if visit.state is AppointmentState.BOOKED
            # Their practitioner has somebody else to be with.
            and any(one.worker_id == visit.worker_id and one.start < visit.start for one in due)
            and self.mark - EARLIEST_LATE <= visit.start <= self.mark - LATEST_LATE
        ]
        return min(candidates, key=lambda one: abs(one.start - (self.mark - LATE_BY)), default=None)

    def _current(self, due: Sequence[Visit]) -> dict[UUID, Visit]:
        """Return each practitioner's present visit. Near midnight they run further behind, so that enough still wait."""
        before = self.mark - BEHIND
        while True:
            current = {
                worker.id: found for worker in self.place.workers if (found := self._at_hand(due, worker, before))
            }
            later = [one for one in due if self._is_after(one, current) and one.start <= self.region.end]
            if len(later) >= self.place.content.waiting or before <= self.region.start:
                return current
            before -= timedelta(minutes=10)

    def _at_hand(self, due: Sequence[Visit], worker: Worker, before: datetime) -> Visit | None:
        mine = [visit for visit in due if visit.worker_id == worker.id]
        begun = [visit for visit in mine if visit.start <= before]
        if begun:
            return begun[-1]
        return mine[0] if mine and mine[0].start <= self.mark and worker in self.crew else None

    @staticmethod
    def _is_after(visit: Visit, current: dict[UUID, Visit]) -> bool:
        return visit.worker_id not in current or visit.start > current[visit.worker_id].start

    def _finish_before(self, due: Sequence[Visit], current: dict[UUID, Visit], present: set[UUID]) -> None:
        """Let all that is before the present visits have happened, and those that have no part any more."""
        free_from: dict[UUID, datetime] = {}
        for visit in due:
            if self._is_after(visit, current) or visit.id in present:
                continue
            if visit.end < self.mark - STALE_AFTER and is_missed(visit):
                miss(self.ledger, self.place, visit)
                continue
            latest = min(self.now - minutes(self.chance, 2, 7), visit.end + timedelta(minutes=25))
            free_from[visit.worker_id] = see(
                self.ledger, self.place, visit, latest=latest, free_from=free_from.get(visit.worker_id)
            )

    def _bring_in(self, visit: Visit) -> None:
        longest = max(min(visit.minutes * 0.8, 18), 5)
        entered = max(self.now - minutes(self.chance, 4, longest), min(visit.start, self.now))
        arrival = min(self._arrival(visit), entered - minutes(self.chance, 3, 6))
        slip = arrive(self.ledger, self.place, visit, arrival)
        call(self.ledger, visit, slip, max(entered - minutes(self.chance, 0.5, 1), slip.arrived_at))
        enter(self.ledger, visit, slip, max(entered, slip.called_at or entered), worker_of(self.place, visit))

    def _arrival(self, visit: Visit) -> datetime:
        if visit.start > self.now:
            return self.now - minutes(self.chance, 1, 9)
        return max(visit.start - minutes(self.chance, 2, 14), self.now - LONGEST_WAIT + minutes(self.chance, 0, 9))

    def _who_waits(self, visits: Sequence[Visit]) -> list[Visit]:
        """Return those who must be here by now, and of the next ones as many as a full waiting room has."""
        overdue = [visit for visit in visits if visit.start <= self.now]
        coming = [visit for visit in visits if visit.start > self.now]
        return [*overdue, *coming[: max(self.place.content.waiting - len(overdue), 0)]]
