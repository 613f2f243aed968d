"""Offers under fire: two take one time, somebody takes while it runs out, somebody books what is offered.

Each round many threads, each with its own connection, are let go at the same moment; afterwards nothing overlaps, no visit
is lost, and a time that nobody took is offered again.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

from clinic_portal import wiring
from clinic_portal.accounts.models import Account
from clinic_portal.booking.models import Appointment, FreedTime, WaitingEntry, WaitingOffer, WaitingPolicy
from clinic_portal.booking.rules import LIVE_STATES, Asked, CancelReason, EntryState, OfferMode, OfferState
from clinic_portal.booking.steps.wishes import Wanted
from clinic_portal.booking.use_cases.accept_offer import accept_offer
from clinic_portal.booking.use_cases.cancel_appointment import cancel_appointment
from clinic_portal.booking.use_cases.decline_offer import decline_offer
from clinic_portal.booking.use_cases.end_expired_holds import end_expired_holds
from clinic_portal.booking.use_cases.end_offers import end_offers
from clinic_portal.booking.use_cases.hold_time import Choice, hold_time
from clinic_portal.booking.use_cases.join_waiting_list import join_waiting_list
from clinic_portal.booking.use_cases.make_offers import make_offers
from clinic_portal.core import cache, events, jobs, live
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.db import make_engine
from clinic_portal.core.errors import DomainError
from clinic_portal.core.ids import AppointmentId, FacilityId, FreedTimeId, OfferId, PatientId, PractitionerId, ServiceId
from clinic_portal.notifications import sources
from clinic_portal.patients.models import Patient
from tests.booking.factory import make_appointment
from tests.support import servers
from tests.support.cast import make_patient
from tests.support.clinic import Clinic, make_clinic

pytestmark = pytest.mark.processes

NOW = datetime(2026, 11, 23, 10, 12, tzinfo=UTC)
WAITERS = 8
ROUNDS = 4
TIMEOUT_S = 60.0

Act = Callable[[Session], str]


class Silence:
    """There is no worker and no page here: nudges and announcements go nowhere."""

    def nudge(self, queue: str, function: str, *args: str | int) -> None:
        """Do nothing."""

    def announce(self, *args: object) -> None:
        """Do nothing."""


@dataclass
class Field:
    """A committed clinic, and people who wait for a massage."""

    engine: Engine
    clinic: Clinic
    giver: tuple[Account, Patient]
    waiters: Sequence[tuple[Account, Patient]]

    def session(self) -> Session:
        info = {
            events.SESSION_KEY: wiring.REACTIONS, sources.SESSION_KEY: wiring.MESSAGE_SOURCES,
            sources.GROUPS_KEY: wiring.MESSAGE_GROUPS, jobs.SESSION_KEY: Silence(), live.SESSION_KEY: Silence(),
            cache.SESSION_KEY: cache.VersionedCache("redis://127.0.0.1:1/0", is_on=False),
        }  # fmt: skip
        return Session(self.engine, expire_on_commit=False, info=info)

    def at_once(self, acts: Sequence[Act]) -> Counter[str]:
        """Do all of it at one moment; return what became of each: "done", a code, or the name of an error."""
        barrier, found = threading.Barrier(len(acts)), list[str]()

        def run(act: Act) -> None:
            with self.session() as db:
                db.execute(text("SELECT 1"))
                db.rollback()
                barrier.wait(timeout=TIMEOUT_S)
                try:
                    found.append(act(db))
                except DomainError as refusal:
                    found.append(refusal.code)
                except Exception as error:
                    found.append(type(error).__name__)

        threads = [threading.Thread(target=run, args=(act,)) for act in acts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=TIMEOUT_S)
        return Counter(found)

    def set_mode(self, mode: OfferMode) -> None:
        with self.session() as db:
            db.add(WaitingPolicy(facility_id=self.clinic.lisbon.id, mode=mode, offer_minutes=30, stop_minutes=60))
            db.commit()

    def join(self, *, with_visits: bool) -> None:
        """Put everybody on the list; half of them with a visit to bring forward, in the week after."""
        for number, (account, person) in enumerate(self.waiters):
            with self.session() as db:
                visit = None
                if with_visits and number % 2:
                    at = datetime(2026, 11, 30, 9, 0, tzinfo=UTC) + timedelta(
                        days=number // 2, minutes=30 * (number % 8)
                    )
                    visit = make_appointment(
                        db, self.clinic, person, at=at, practitioner=self.clinic.rui, created_at=NOW, booked_at=NOW
                    )
                wanted = Wanted(
                    PatientId(person.id),
                    ServiceId(self.clinic.massage.id),
                    Asked(NOW.date(), NOW.date() + timedelta(days=40)),
                    AppointmentId(visit.id) if visit else None,
                )
                join_waiting_list(db, FixedClock(NOW), wanted=wanted, actor=account.actor())

    def free(self, at: datetime) -> FreedTimeId:
        """Have a visit with Inês given back."""
        account, person = self.giver
        with self.session() as db:
            visit = make_appointment(db, self.clinic, person, at=at, created_at=NOW, booked_at=NOW)
            id_ = AppointmentId(visit.id)
            cancel_appointment(
                db, FixedClock(NOW), appointment_id=id_, actor=account.actor(), reason=CancelReason.OTHER
            )
            found = db.scalars(select(FreedTime.id).where(FreedTime.starts_at == at, FreedTime.closed_at.is_(None)))
            return FreedTimeId(found.one())

    def offer(self, freed: FreedTimeId, now: datetime = NOW) -> int:
        with self.session() as db:
            return make_offers(db, FixedClock(now), freed_time_id=freed)

    def open_offers(self) -> list[OfferId]:
        with self.session() as db:
            return [OfferId(id_) for id_ in db.scalars(select(WaitingOffer.id).where(WaitingOffer.state == "open"))]

    def check(self) -> None:
        """Nothing overlaps, nobody deadlocked, everybody has at most one visit, whoever took a time has exactly it."""
        with self.session() as db:
            pairs = text(
                "SELECT count(*) FROM appointment a JOIN appointment b ON a.id < b.id AND a.starts_at < b.ends_at"
                " AND b.starts_at < a.ends_at AND (a.practitioner_id = b.practitioner_id OR a.room_id = b.room_id"
                " OR a.patient_id = b.patient_id) WHERE a.state = ANY(:live) AND b.state = ANY(:live)"
            )
            assert db.scalar(pairs, {"live": [state.value for state in LIVE_STATES]}) == 0
            db.execute(text("SELECT pg_stat_clear_snapshot(), pg_stat_force_next_flush()"))
            assert db.scalar(text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")) == 0
            booked = select(Appointment.patient_id, func.count()).where(Appointment.state == "booked")
            assert {count for _, count in db.execute(booked.group_by(Appointment.patient_id))} <= {1}
            taken = select(WaitingOffer).where(WaitingOffer.state == OfferState.ACCEPTED)
            for offer in db.scalars(taken):
                visit, entry = db.get_one(Appointment, offer.appointment_id), db.get_one(WaitingEntry, offer.entry_id)
                assert (visit.starts_at, visit.state) == (offer.starts_at, "booked")
                assert (visit.patient_id, entry.state) == (entry.patient_id, EntryState.TAKEN)
            had_visit = select(WaitingEntry).where(WaitingEntry.appointment_id.is_not(None))
            for entry in db.scalars(had_visit):
                assert db.get_one(Appointment, entry.appointment_id).state == "booked"


@pytest.fixture
def field(worker_number: int) -> Iterator[Field]:
    name = f"clinic_waiting_{worker_number}"
    engine = make_engine(servers.clone_template(name), pool_size=20)
    with Session(engine, expire_on_commit=False) as db:
        clock = FixedClock(NOW)
        clinic = make_clinic(db, clock)
        people = [
            make_patient(
                db, clock, f"Waiter{chr(65 + number)}", "Lopes", f"w{number}@example.org", f"+3519123457{number:02}"
            )
            for number in range(WAITERS + 1)
        ]
        db.commit()
    yield Field(engine, clinic, people[0], people[1:])
    engine.dispose()
    servers.drop_database(name)


def times(count: int = ROUNDS) -> list[datetime]:
    return [datetime(2026, 11, 24, 9, 0, tzinfo=UTC) + timedelta(minutes=30 * number) for number in range(count)]


def taking(offer_id: OfferId, now: datetime = NOW) -> Act:
    def act(db: Session) -> str:
        accept_offer(db, FixedClock(now), offer_id=offer_id)
        return "done"

    return act


def booking(field: Field, at: datetime, key: str, now: datetime = NOW) -> Act:
    clinic = field.clinic
    choice = Choice(ServiceId(clinic.massage.id), FacilityId(clinic.lisbon.id), at, PractitionerId(clinic.ines.id))

    def act(db: Session) -> str:
        hold_time(db, FixedClock(now), choice=choice, hold_key=key, actor=None)
        return "held"

    return act


def ending(offer_id: OfferId, now: datetime) -> Act:
    return lambda db: "ended" if end_offers(db, FixedClock(now), offer_id=offer_id) else "stands"


def declining(offer_id: OfferId) -> Act:
    return lambda db: str(decline_offer(db, FixedClock(NOW), offer_id=offer_id).state.value)


def test_first_come_one_of_many_takes_a_time(field: Field) -> None:
    field.set_mode(OfferMode.FIRST_COME)
    field.join(with_visits=True)
    for number, at in enumerate(times()):
        assert field.offer(field.free(at)) == WAITERS - number
        offers = field.open_offers()
        # Each is pressed twice: a double press is one answer.
        outcome = field.at_once([taking(offer_id) for offer_id in offers for _ in range(2)])
        assert outcome == {"done": 2, "appointment.slot_taken": 2 * len(offers) - 2}
        for offer_id in offers:
            with field.session() as db:
                end_offers(db, FixedClock(NOW), offer_id=offer_id)
        field.check()
    with field.session() as db:
        states = Counter(db.scalars(select(WaitingOffer.state)))
        assert states == {OfferState.ACCEPTED: ROUNDS, OfferState.LOST: WAITERS + 7 + 6 + 5 - ROUNDS}


def test_first_come_somebody_at_the_booking_page_is_a_rival_like_the_others(field: Field) -> None:
    field.set_mode(OfferMode.FIRST_COME)
    field.join(with_visits=True)
    for at in times():
        assert field.offer(field.free(at)) > 0
        offers = field.open_offers()
        acts = [*(taking(offer_id) for offer_id in offers), *(booking(field, at, f"{at}-{n}") for n in range(4))]
        outcome = field.at_once(acts)
        assert outcome["done"] + outcome["held"] == 1
        assert set(outcome) <= {"done", "held", "appointment.slot_taken"}
        for offer_id in offers:
            with field.session() as db:
                decline_offer(db, FixedClock(NOW), offer_id=offer_id)
        field.check()


def test_taken_or_run_out_never_both_and_what_ran_out_is_offered_again(field: Field) -> None:
    field.join(with_visits=True)
    for number, at in enumerate(times()):
        freed = field.free(at)
        assert field.offer(freed) == 1
        (offer_id,) = field.open_offers()
        end = NOW + timedelta(minutes=30)
        # The clocks of two machines differ by a second: one still takes it, the other already ends it.
        just_before, just_after = end - timedelta(seconds=1), end
        acts = [taking(offer_id, just_before), taking(offer_id, just_before)]
        acts += [ending(offer_id, just_after), booking(field, at, f"rival-{number}", just_after)]
        acts += [lambda db, end=end: str(end_expired_holds(db, FixedClock(end)))]
        outcome = field.at_once(acts)
        assert outcome["done"] in (0, 2) or outcome["held"]
        assert set(outcome) <= {"done", "ended", "stands", "held", "offer.over", "appointment.slot_taken", "0", "1"}
        assert not (outcome["done"] and outcome["held"])
        field.check()
        if not outcome["done"]:
            # Once the rival's hold has ended too, the next one is asked.
            with field.session() as db:
                end_offers(db, FixedClock(end), offer_id=offer_id)
                end_expired_holds(db, FixedClock(end + timedelta(minutes=10)))
            assert field.offer(freed, end + timedelta(minutes=10)) == 1
            for left in field.open_offers():
                with field.session() as db:
                    decline_offer(db, FixedClock(end), offer_id=left)


def test_one_at_a_time_nobody_at_the_booking_page_gets_what_is_held(field: Field) -> None:
    field.join(with_visits=False)
    for at in times():
        assert field.offer(field.free(at)) == 1
        (offer_id,) = field.open_offers()
        acts = [taking(offer_id), *(booking(field, at, f"{at}-{number}") for number in range(8))]
        assert field.at_once(acts) == {"done": 1, "appointment.slot_taken": 8}
        field.check()


def test_yes_and_no_at_once_is_one_of_them(field: Field) -> None:
    field.join(with_visits=True)
    for at in times():
        assert field.offer(field.free(at)) == 1
        (offer_id,) = field.open_offers()
        outcome = field.at_once([taking(offer_id), declining(offer_id), declining(offer_id)])
        assert outcome in ({"done": 1, "accepted": 2}, {"offer.over": 1, "declined": 2})
        field.check()


def test_many_jobs_make_one_offer_of_a_time(field: Field) -> None:
    field.join(with_visits=False)
    for number, at in enumerate(times()):
        freed = field.free(at)
        outcome = field.at_once(
            [lambda db, freed=freed: str(make_offers(db, FixedClock(NOW), freed_time_id=freed))] * 8
        )
        assert outcome["1"] == 1
        assert set(outcome) == {"0", "1"}
        assert len(field.open_offers()) == number + 1
        field.check()


def test_control_without_the_constraints_one_time_is_taken_by_many(field: Field) -> None:
    """The takers above are rivals: each of them saw the time free, and only the database kept them apart."""
    field.set_mode(OfferMode.FIRST_COME)
    field.join(with_visits=True)
    with field.session() as db:
        for name in ("practitioner", "room"):
            db.execute(text(f"ALTER TABLE appointment DROP CONSTRAINT ex_appointment_{name}"))
        db.commit()
    taken = []
    for at in times():
        field.offer(field.free(at))
        offers = field.open_offers()
        taken.append(field.at_once([taking(offer_id) for offer_id in offers])["done"])
        for offer_id in offers:
            with field.session() as db:
                end_offers(db, FixedClock(NOW), offer_id=offer_id)
    assert max(taken) > 1, taken
