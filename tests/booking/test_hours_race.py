"""Patients book while somebody takes the hours away: no visit that was there when the change was made was overlooked.

Whoever begins a visit waits for a change of hours that has begun, and the change sees every visit that came before it. What
was judged an instant before the change and is written after it is outside the hours then: it is listed at once.
"""

import itertools
import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from multiprocessing.synchronize import Barrier, Semaphore
from multiprocessing.synchronize import Event as Signal
from uuid import UUID

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session, sessionmaker

from clinic_portal.booking.models import Appointment, OutsideHours
from clinic_portal.booking.queries.stranded import outside_hours, visits_outside_hours
from clinic_portal.booking.queries.work import Scope
from clinic_portal.booking.rules import LIVE_STATES, ClinicReason, StrandedAnswer
from clinic_portal.booking.steps.stranding import Answers, Edit, VisitsStranded, change_with_visits
from clinic_portal.booking.use_cases.book_appointment import Answers as LastPage
from clinic_portal.booking.use_cases.book_appointment import book_appointment
from clinic_portal.booking.use_cases.change_hours import change_hours
from clinic_portal.booking.use_cases.change_opening import change_opening
from clinic_portal.booking.use_cases.hold_time import Choice, hold_time
from clinic_portal.core.actor import Actor, Role
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.db import make_engine, transaction
from clinic_portal.core.errors import Busy, DomainError
from clinic_portal.core.ids import FacilityId, PatientId, PractitionerId, ServiceId
from clinic_portal.facilities import steps as facilities
from clinic_portal.facilities.steps import CloseDay
from clinic_portal.practitioners import steps as practitioners
from clinic_portal.practitioners.steps import ChangeWeekly
from tests.booking.hours import hours, row_id
from tests.booking.rivals import INFO, TIMEOUT_S, own_database, wait_longer
from tests.support import servers
from tests.support.cast import make_patient
from tests.support.clinic import Clinic, make_clinic

pytestmark = pytest.mark.processes

NOW = datetime(2026, 11, 23, 10, 12, tzinfo=UTC)
PROCESSES, THREADS = 3, 3
PATIENTS = PROCESSES * THREADS - 1
#: On three days hours are shortened, on three others the place is closed.
DAYS = tuple(date(2026, 11, 24) + timedelta(days=number) for number in (0, 1, 2, 6, 7, 8))
#: In each round every other patient books before the change, and every other one when it has looked.
LATE = PATIENTS // 2
#: How long a change that has looked waits for those who begin a visit then: with the lock in vain.
PAUSE_S = 0.5


@dataclass(frozen=True)
class Plan:
    """What the processes must know: who changes what, and who books."""

    administrator: Actor
    changes: Sequence[ChangeWeekly | CloseDay]
    service_id: UUID
    facility_id: UUID
    practitioner_id: UUID
    patients: Sequence[tuple[Actor, UUID]]
    is_locked: bool = True


@dataclass(frozen=True)
class Signals:
    """What the processes tell each other, a round each but for the start."""

    start: Barrier
    #: An early patient has booked, or could not.
    booked: Sequence[Semaphore]
    #: The change has looked, and is about to commit.
    looked: Sequence[Signal]
    #: A late patient holds a time, or could not.
    held: Sequence[Semaphore]


@dataclass(frozen=True)
class Event:
    """What happened in a round, and when: a visit was held (its id), or a change began to commit (None)."""

    round: int
    at: float
    visit: UUID | None
    result: str


def change(db: Session, plan: Plan, number: int, signals: Signals) -> Iterator[Event]:
    """Make the change; whatever it shows is kept or cancelled, until nothing more is shown."""
    answers: dict[str, StrandedAnswer] = {}
    began: list[float] = []

    def before_commit(_session: Session) -> None:
        signals.looked[number].set()
        until = time.monotonic() + (PAUSE_S if plan.is_locked else TIMEOUT_S)
        for _ in range(LATE):
            signals.held[number].acquire(timeout=max(0.0, until - time.monotonic()))
        began.append(time.monotonic())

    event.listen(db, "before_commit", before_commit)
    for _ in range(2):  # Two of them may want the same time: one has it.
        signals.booked[number].acquire(timeout=TIMEOUT_S)
    for _ in range(400):
        try:
            _make(db, plan, number, answers)
        except Busy:
            time.sleep(0.05)  # Somebody was just changing one of the visits: the office tries again.
        except VisitsStranded as stranded:
            kinds = itertools.cycle((StrandedAnswer.KEEP, StrandedAnswer.CANCEL))
            answers = {one.token: answer for one, answer in zip(stranded.visits, kinds, strict=False)}
        else:
            yield Event(number, began[-1], None, f"answered {len(answers)}")
            return
    yield Event(number, time.monotonic(), None, "gave up")


def _make(db: Session, plan: Plan, number: int, answers: Answers) -> None:
    wanted, clock, actor = plan.changes[number], FixedClock(NOW), plan.administrator
    if not plan.is_locked:
        with transaction(db):
            change_with_visits(db, clock, edit=_edit(db, wanted, actor), answers=answers, actor=actor)
    elif isinstance(wanted, CloseDay):
        change_opening(db, clock, change=wanted, answers=answers, actor=actor)
    else:
        change_hours(db, clock, change=wanted, answers=answers, actor=actor)


def _edit(db: Session, wanted: ChangeWeekly | CloseDay, actor: Actor) -> Edit:
    """What the use cases do after their lock."""
    clock = FixedClock(NOW)
    if isinstance(wanted, CloseDay):
        scope = Scope(facility_id=wanted.facility_id, day=wanted.day)
        return Edit(scope, lambda: facilities.change_days(db, clock, wanted, actor=actor), ClinicReason.CLOSED)
    scope = Scope(practitioner_id=wanted.practitioner_id)
    return Edit(
        scope, lambda: practitioners.change_hours(db, clock, wanted, actor=actor), ClinicReason.PRACTITIONER_AWAY
    )


def book(db: Session, plan: Plan, number: int, index: int, signals: Signals) -> Iterator[Event]:
    """Hold a time of the hours that are taken away, and book it: every other one begins when the change has looked."""
    is_late = index % 2 == 1
    if is_late:
        signals.looked[number].wait(timeout=TIMEOUT_S)
    actor, patient_id = plan.patients[index]
    day = DAYS[number]
    start = datetime(day.year, day.month, day.day, 10, tzinfo=UTC) + timedelta(minutes=30 * (index % 6))
    ids = ServiceId(plan.service_id), FacilityId(plan.facility_id), start, PractitionerId(plan.practitioner_id)
    key = f"{number}-{index}"
    try:
        try:
            held = hold_time(db, FixedClock(NOW), choice=Choice(*ids, PatientId(patient_id)), hold_key=key, actor=actor)
            at = time.monotonic()
        finally:
            if is_late:
                signals.held[number].release()
        book_appointment(db, FixedClock(NOW), appointment_id=held.id, hold_key=key, actor=actor, answers=LastPage())
        yield Event(number, at, held.id, "booked")
    except DomainError as refusal:
        yield Event(number, time.monotonic(), None, refusal.code)
    finally:
        if not is_late:
            signals.booked[number].release()


def process(
    database: str, plan: Plan, first: int, signals: Signals, queue: "multiprocessing.Queue[list[Event]]"
) -> None:
    """Run some of the people, a thread each. The first one of all is the administrator."""
    engine, found = make_engine(servers.database_url(database), pool_size=THREADS), list[Event]()
    event.listen(engine, "connect", wait_longer)

    def person(index: int) -> None:
        for number in range(len(plan.changes)):
            with Session(engine, expire_on_commit=False, info=dict(INFO)) as db:
                db.connection()
                db.rollback()
                signals.start.wait(timeout=TIMEOUT_S)
                try:
                    is_boss = index == 0
                    events = (
                        change(db, plan, number, signals) if is_boss else book(db, plan, number, index - 1, signals)
                    )
                    found.extend(events)
                except Exception as error:
                    found.append(Event(number, time.monotonic(), None, f"{type(error).__name__}: {error}"))

    threads = [threading.Thread(target=person, args=(first + index,)) for index in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    engine.dispose()
    queue.put(found)


class Ward:
    """A committed clinic with people who book, and an administrator."""

    def __init__(self, name: str, sessions: sessionmaker[Session]) -> None:
        self.name, self.sessions = name, sessions
        with sessions() as db:
            clock = FixedClock(NOW)
            self.clinic: Clinic = make_clinic(db, clock)
            people = [
                make_patient(db, clock, f"P{number}", "Silva", f"p{number}@example.org", f"+3519123458{number:02}")
                for number in range(PATIENTS)
            ]
            boss, _ = make_patient(db, clock, "Olga", "Reis", "olga@example.org", "+351912345999")
            db.commit()
            lisbon = FacilityId(self.clinic.lisbon.id)
            shortened = [
                ChangeWeekly(
                    row_id(db, self.clinic.ines, weekday=day.weekday()),
                    hours(self.clinic, weekday=day.weekday(), at=(540, 600), since=day, until=day),
                )
                for day in DAYS[:3]
            ]
            self.plan = Plan(
                Actor(account_id=boss.actor().account_id, role=Role.ADMINISTRATOR, name="Olga Reis"),
                [*shortened, *(CloseDay(lisbon, day, "works") for day in DAYS[3:])],
                self.clinic.massage.id, lisbon, self.clinic.ines.id,
                [(account.actor(), person.id) for account, person in people],
            )  # fmt: skip

    def run(self, plan: Plan) -> list[Event]:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.booking.rivals"])
        signals, queue = (
            Signals(
                context.Barrier(PROCESSES * THREADS),
                [context.Semaphore(0) for _ in DAYS],
                [context.Event() for _ in DAYS],
                [context.Semaphore(0) for _ in DAYS],
            ),
            context.Queue(),
        )
        processes = [
            context.Process(target=process, args=(self.name, plan, number * THREADS, signals, queue))
            for number in range(PROCESSES)
        ]
        for one in processes:
            one.start()
        events = [found for _ in processes for found in queue.get(timeout=TIMEOUT_S)]
        for one in processes:
            one.join(timeout=10)
            assert one.exitcode == 0
        return events

    def overlooked(self, events: Sequence[Event]) -> list[UUID]:
        """The visits outside the hours for which nobody answered although they were there before the change was made."""
        made = {one.round: one.at for one in events if one.result.startswith("answered")}
        held = {one.visit: one for one in events if one.visit is not None}
        with self.sessions() as db:
            live = db.scalars(select(Appointment).where(Appointment.state.in_(LIVE_STATES))).all()
            outside = outside_hours(db, live)
            answered = set(db.scalars(select(OutsideHours.appointment_id)))
            listed = visits_outside_hours(db, FixedClock(NOW), actor=self.plan.administrator)
            assert {one.visit.appointment.id for one in listed} == outside, "whatever lies outside is listed"
        return [id_ for id_ in outside - answered if held[id_].at < made[held[id_].round]]


@pytest.fixture
def ward(worker_number: int) -> Iterator[Ward]:
    name = f"clinic_hours_race_{worker_number}"
    with own_database(name) as sessions:
        yield Ward(name, sessions)


def results(events: Sequence[Event], has: Callable[[str], bool]) -> list[str]:
    """What became of whom."""
    return [one.result for one in events if has(one.result)]


def test_no_visit_is_overlooked(ward: Ward) -> None:
    events = ward.run(ward.plan)
    answers = results(events, lambda result: result.startswith("answered"))
    assert len(answers) == len(DAYS), results(events, lambda result: "rror" in result or result == "gave up")
    expected = {"booked", "appointment.slot_taken", "appointment.hold_expired", "appointment.state_changed"}
    assert set(results(events, lambda result: not result.startswith("answered"))) <= expected
    assert any(result != "answered 0" for result in answers), "nobody booked before a change: the test says nothing"
    assert ward.overlooked(events) == []


def test_control_without_the_lock_visits_are_overlooked(ward: Ward) -> None:
    """Only the lock makes whoever begins a visit wait for the change that has already looked."""
    events = ward.run(Plan(**vars(ward.plan) | {"is_locked": False}))
    assert ward.overlooked(events)
