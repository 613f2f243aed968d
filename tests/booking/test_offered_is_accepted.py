"""In random clinics: offered is exactly what the rules say, booking it succeeds, and nothing else can be booked.

The rules are written a second time in `rulebook.py`, on the minutes of a wall clock. `WORLDS=1500` tries more of them.
"""

import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from sqlalchemy import Connection, delete
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.queries import PartOfDay, Wish, free_times, next_free_day, takers
from clinic_portal.booking.queries.openings import read_openings
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.booking.use_cases.book_appointment import Answers, book_appointment
from clinic_portal.booking.use_cases.hold_time import Choice, hold_time
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import Conflict
from clinic_portal.core.ids import FacilityId, PatientId, PractitionerId, ServiceId
from clinic_portal.core.modes import Mode
from tests.booking.rivals import INFO
from tests.booking.rulebook import PARTS, STEP, Rulebook, Shift, Wished
from tests.booking.worlds import DAY, MINUTE, Built, Visit, World, build, count_taken, row_of, worlds
from tests.support.cast import Cast, make_patient

EXAMPLES = int(os.environ.get("WORLDS", "40"))
#: How often so many worlds are tried, at most, until a third as many have offered something.
MOST_TURNS = 4
#: How many days are looked at, and how many starts are tried in each world.
SPAN, TRIES = 4, 3
#: How many steps of the clock are tried one after the other.
STEPS = 24

Check = Callable[["Lab", random.Random], None]


@dataclass(frozen=True)
class Lab:
    """A world in the database, and the rulebook for it."""

    connection: Connection
    world: World
    built: Built
    book: Rulebook
    cast: Cast

    @property
    def clock(self) -> FixedClock:
        return FixedClock(self.world.now)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A session whose commits are undone."""
        nested = self.connection.begin_nested()
        try:
            with Session(
                self.connection, join_transaction_mode="create_savepoint", expire_on_commit=False, info=dict(INFO)
            ) as db:
                yield db
        finally:
            nested.rollback()

    def wish(self, wished: Wished) -> Wish:
        return Wish(
            ServiceId(self.built.service),
            None if wished.who is None else PractitionerId(self.built.people[wished.who]),
            None if wished.place is None else FacilityId(self.built.places[wished.place]),
            PartOfDay(wished.part),
            wished.mode,
        )

    def who(self, practitioner_id: UUID) -> int:
        return self.built.people.index(practitioner_id)

    def room(self, place: int, room_id: UUID | None) -> int | None:
        return None if room_id is None else self.built.rooms[place].index(room_id)

    def wishes(self, chance: random.Random) -> list[Wished]:
        """No preference at all, and some others."""
        return [
            Wished(),
            Wished(place=chance.randrange(len(self.world.places)), part=chance.choice(list(PARTS))),
            Wished(
                chance.randrange(len(self.world.people)),
                chance.choice([None, *range(len(self.world.places))]),
                chance.choice(list(Mode)),
            ),
            Wished(mode=Mode.ONLINE),
        ]

    def days(self) -> list[date]:
        return [self.world.first + ahead * DAY for ahead in range(SPAN)]

    def shifts(self) -> list[Shift]:
        return [shift for day in self.days() for mode in Mode for shift in self.book.shifts(Wished(mode=mode), day)]

    def offered(self) -> list[tuple[int, Mode, datetime]]:
        return [
            (place, mode, start)
            for day in self.days()
            for mode in Mode
            for start, place in self.book.offered(Wished(mode=mode), day) or {}
        ]

    def near(self, shift: Shift, chance: random.Random) -> list[datetime]:
        """Starts in and around hours: one anywhere, and where something live just leaves room or just does not."""
        found = [shift.start + chance.randint(-2, (shift.end - shift.start) // STEP + 2) * STEP]
        for visit in self.built.visits:
            service = self.world.service
            before = visit.busy[0] - service.length - service.after * MINUTE
            after = visit.busy[1] + service.before * MINUTE
            found += [edge - edge.minute % 5 * MINUTE + steps * STEP for edge in (before, after) for steps in (0, 1)]
        return [start for start in found if shift.start - DAY < start < shift.end + DAY] or [shift.start]

    def starts(self, chance: random.Random) -> list[tuple[int, Mode, datetime]]:
        """Some of what is offered, and some starts on and off the steps of the clock in and around hours; with the place."""
        offered, shifts = self.offered(), self.shifts()
        found = chance.sample(offered, min(TRIES, len(offered)))
        for shift in chance.sample(shifts, min(TRIES, len(shifts))):
            start = chance.choice(self.near(shift, chance)) + chance.choice([0, 0, 0, 0, 1]) * MINUTE
            found.append((shift.place, shift.mode, start))
        return found


def the_lists_are_the_rulebooks(lab: Lab, chance: random.Random) -> None:
    """Day by day, start by start, practitioner by practitioner."""
    with lab.session() as db:
        for wished in lab.wishes(chance):
            found = free_times(db, lab.clock, lab.wish(wished), from_day=lab.world.first, days=SPAN)
            shown = {}
            for day in found.days:
                assert list(day.times) == sorted(day.times, key=lambda time: (time.start, time.facility_id))
                shown[day.day] = {
                    (time.start, lab.built.places.index(time.facility_id)): sorted(map(lab.who, time.practitioner_ids))
                    for time in day.times
                }
                assert len(shown[day.day]) == len(day.times), "a time twice"
            ruled = {day: lab.book.offered(wished, day) for day in lab.days()}
            expected = {
                day: {key: sorted(who) for key, who in times.items()}
                for day, times in ruled.items()
                if times is not None
            }
            assert shown == expected, wished


def the_next_free_day_is_the_first(lab: Lab, chance: random.Random) -> None:
    today = lab.world.now.astimezone(UTC).date()
    wished = chance.choice(lab.wishes(chance))
    with lab.session() as db:
        for first in {today, lab.world.first} if lab.world.first > today else {today}:
            found = next_free_day(db, lab.clock, lab.wish(wished), from_day=first)
            assert found == lab.book.next_day(wished, first), (wished, first)


def a_series_is_offered_the_same(lab: Lab, chance: random.Random) -> None:
    """The times of one practitioner at one place, without those that the patient cannot take."""
    place, mode = chance.randrange(len(lab.world.places)), chance.choice(list(Mode))
    last = lab.world.first + (SPAN - 1) * DAY
    patient_id = PatientId(lab.cast.patient_person.id)
    with lab.session() as db:
        wish = lab.wish(Wished(place=place, mode=mode))
        found = read_openings(db, lab.clock, wish, from_day=lab.world.first, to_day=last, patient_id=patient_id)
    for who, practitioner_id in enumerate(lab.built.people):
        wished = Wished(who, place, mode)
        expected = {
            start
            for day in lab.days()
            for start, _ in lab.book.offered(wished, day) or {}
            if not lab.book.refusal(place, start)
        }
        assert set(found.starts.get(PractitionerId(practitioner_id), ())) == expected, wished
        for start in expected:
            assert found.takers(PractitionerId(practitioner_id), start)


def what_is_offered_can_be_booked_and_nothing_else(lab: Lab, chance: random.Random) -> None:
    """Through the use cases: hold it, then book it."""
    for place, mode, start in lab.starts(chance):
        who = chance.choice([None, *range(len(lab.world.people))])
        wished = Wished(who, place, mode)
        expected = lab.book.holders(wished, start)
        with lab.session() as db:
            assert _takers(lab, db, wished, start, only_offered=False) == lab.book.takers(wished, start)
            assert _takers(lab, db, wished, start, only_offered=True) == expected
        with lab.session() as db:
            wish = lab.wish(wished)
            choice = Choice(
                wish.service_id, FacilityId(lab.built.places[place]), start, wish.practitioner_id, mode=mode
            )
            assert _book(lab, db, choice) == (lab.book.refusal(place, start) if expected else "appointment.slot_taken")


def _takers(
    lab: Lab, db: Session, wished: Wished, start: datetime, *, only_offered: bool
) -> set[tuple[int, int | None, Mode]]:
    assert wished.place is not None
    _, found = takers(db, lab.clock, lab.wish(wished), start=start, only_offered=only_offered)
    return {(lab.who(one.practitioner_id), lab.room(wished.place, one.room_id), one.mode) for one in found}


def what_can_be_held_is_what_the_list_shows(lab: Lab, chance: random.Random) -> None:
    """Step by step of the clock, through what was seen on the page alone: where nothing has changed there, exactly that."""
    shifts = [shift for shift in lab.shifts() if not lab.book.has_shifted(shift)]
    for shift in chance.sample(shifts, min(1, len(shifts))):
        wished = Wished(shift.who, shift.place, shift.mode)
        with lab.session() as db:
            found = free_times(db, lab.clock, lab.wish(wished), from_day=lab.world.first, days=SPAN)
            shown = {time.start for day in found.days for time in day.times}
            steps = [shift.start + number * MINUTE for number in range(-shift.start.minute % 5, STEPS * 5, 5)]
            earliest = lab.world.now + lab.world.service.notice * MINUTE
            edge = [step + (earliest - shift.start) // STEP * STEP for step in steps[: STEPS // 4]]
            for start in {*steps, *edge}:
                if shift.start <= start < shift.end:
                    held = bool(_takers(lab, db, wished, start, only_offered=True))
                    others = [other for other in lab.shifts() if other != shift and other.who == shift.who]
                    if not any(lab.book.has_shifted(other) for other in others):
                        assert held == (start in shown or lab.book.is_wide), start


def _book(lab: Lab, db: Session, choice: Choice) -> str:
    """Empty, or the code of the refusal."""
    try:
        held = hold_time(db, lab.clock, choice=choice, hold_key="key", actor=None)
        answers = Answers(PatientId(lab.cast.patient_person.id))
        actor = lab.cast.patient.actor()
        row = book_appointment(db, lab.clock, appointment_id=held.id, hold_key="key", actor=actor, answers=answers)
    except Conflict as refusal:
        return refusal.code
    assert (row.state, row.starts_at) == (AppointmentState.BOOKED, choice.starts_at)
    return ""


def the_database_alone_says_the_same(lab: Lab, chance: random.Random) -> None:
    """A plain row in somebody's hours is taken exactly where the rulebook sees nothing booked."""
    shifts = lab.shifts()
    if not shifts:
        return
    with lab.session() as db:
        _give_back_holds_that_ran_out(lab, db)
        for _ in range(3 * TRIES):
            shift = chance.choice(shifts)
            start = chance.choice(lab.near(shift, chance))
            if lab.book.is_in(shift, start):
                nested = db.begin_nested()
                assert _insert(lab, db, shift, start) == lab.book.is_unbooked(shift, start), (shift, start)
                nested.rollback()


def once_all_is_booked_nothing_is_left(lab: Lab, chance: random.Random) -> None:
    """With every time of some hours taken, the database takes no other in them: nothing bookable was missing.

    The notice cuts the grid and does not shift it: a visit that would be too soon is as good as booked.
    """
    shifts = [shift for shift in lab.shifts() if lab.book.grid(shift)]
    if not shifts:
        return
    shift = chance.choice(shifts)
    grid = list(lab.book.grid(shift))
    with lab.session() as db:
        _give_back_holds_that_ran_out(lab, db)
        assert _insert(lab, db, shift, *grid) == len(grid)
        db.commit()
        wish = lab.wish(Wished(shift.who, shift.place, shift.mode))
        after = free_times(db, lab.clock, wish, from_day=lab.world.first, days=SPAN)
        assert not any(lab.book.is_in(shift, time.start) for day in after.days for time in day.times)
        start = shift.start + (-shift.start.minute % 5) * MINUTE
        steps = [start + number * STEP for number in range(max(0, (shift.end - start) // STEP))]
        left = [step for step in steps if lab.book.is_in(shift, step) and lab.book.is_there(shift, step)]
        where = range(lab.world.places[shift.place].rooms) if shift.is_anywhere else [shift.room]
        for room in where:
            assert _insert(lab, db, replace(shift, room=room), *left) == 0


def _insert(lab: Lab, db: Session, shift: Shift, *starts: datetime) -> int:
    """Insert rows as they are; how many the database took."""
    service = lab.world.service
    visits = [
        Visit(
            shift.who, shift.place, next(iter(lab.book.rooms(shift, start)), shift.room or 0), start, service.minutes,
            service.before, service.after, AppointmentState.PROPOSED,
        )
        for start in starts
    ]  # fmt: skip
    return count_taken(db, [row_of(lab.world, lab.built, visit, None) for visit in visits])


def _give_back_holds_that_ran_out(lab: Lab, db: Session) -> None:
    db.execute(
        delete(Appointment).where(Appointment.held_until <= lab.world.now, Appointment.service_id == lab.built.service)
    )


CHECKS: tuple[Check, ...] = (
    the_lists_are_the_rulebooks,
    the_next_free_day_is_the_first,
    a_series_is_offered_the_same,
    what_is_offered_can_be_booked_and_nothing_else,
    what_can_be_held_is_what_the_list_shows,
    the_database_alone_says_the_same,
    once_all_is_booked_nothing_is_left,
)


@pytest.fixture
def patient_ids(db: Session, clock: FixedClock) -> list[UUID]:
    """People with visits, one each."""
    return [
        make_patient(db, clock, "Other", str(number), f"other{number}@example.org", f"+35191234567{number}")[1].id
        for number in range(8)
    ]


def try_worlds(
    db: Session,
    connection: Connection,
    cast: Cast,
    patient_ids: list[UUID],
    checks: tuple[Check, ...],
    rules: Callable[[Rulebook], Rulebook],
    count: int,
    *,
    shrink: bool = True,
    turn: int = 0,
) -> int:
    """Run the checks in `count` worlds; return how many of these offered something. Each `turn` but 0 has worlds of its own."""
    db.commit()
    seen = []

    @settings(
        max_examples=count,
        deadline=None,
        phases=tuple(Phase) if shrink else (Phase.generate,),
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(world=worlds())
    def try_one(world: World) -> None:
        nested = connection.begin_nested()
        try:
            with Session(connection, join_transaction_mode="create_savepoint", info=dict(INFO)) as session:
                built = build(session, world, my_id=cast.patient_person.id, patient_ids=patient_ids)
            lab = Lab(connection, world, built, rules(Rulebook.of(world, built.visits)), cast)
            seen.append(bool(lab.offered()))
            for check in checks:
                check(lab, random.Random(world.seed))
        finally:
            nested.rollback()

    (seed(turn)(try_one) if turn else try_one)()
    return sum(seen)


#: A failure is made as small as it gets first, which takes minutes.
@pytest.mark.timeout(900)
def test_offered_is_exactly_what_can_be_booked(
    db: Session, engine_connection: Connection, cast: Cast, patient_ids: list[UUID]
) -> None:
    useful = 0
    for turn in range(MOST_TURNS):  # In how many worlds something is offered is luck: a third of them, or nearly all.
        useful += try_worlds(db, engine_connection, cast, patient_ids, CHECKS, lambda book: book, EXAMPLES, turn=turn)
        if useful > EXAMPLES // 3:
            break
    assert useful > EXAMPLES // 3, "next to nothing was offered: the test says nothing"


#: A rule that is not the clinic's, and what finds it out.
WRONG = {
    "a longer buffer": (lambda book: replace(book, after=book.after + 5), the_lists_are_the_rulebooks),
    "a visit overlooked": (lambda book: replace(book, visits=()), the_database_alone_says_the_same),
    "more is held than offered": (
        lambda book: replace(book, is_wide=True),
        what_is_offered_can_be_booked_and_nothing_else,
    ),
    "no absences": (lambda book: replace(book, world=replace(book.world, aways=())), the_lists_are_the_rulebooks),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_another_rule_is_found_out(
    db: Session, engine_connection: Connection, cast: Cast, patient_ids: list[UUID], wrong: str
) -> None:
    """The control: what the product does is not what this rulebook says, and a check notices."""
    rules, check = WRONG[wrong]
    with pytest.raises(AssertionError):
        try_worlds(db, engine_connection, cast, patient_ids, (check,), rules, 500, shrink=False)
