"""Offers under fire, in eight processes: many take one time, some while it runs out, others book or decline it.

Each round all rivals are let go at the same moment; afterwards nothing overlaps, no visit is lost, and a time that nobody
took is offered again.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from clinic_portal.booking.models import Appointment, FreedTime, WaitingEntry, WaitingOffer, WaitingPolicy
from clinic_portal.booking.rules import (
    MANY_AT_ONCE,
    Asked,
    CancelReason,
    EntryState,
    OfferMode,
    OfferState,
)
from clinic_portal.booking.steps.wishes import Wanted
from clinic_portal.booking.use_cases.cancel_appointment import cancel_appointment
from clinic_portal.booking.use_cases.decline_offer import decline_offer
from clinic_portal.booking.use_cases.end_expired_holds import end_expired_holds
from clinic_portal.booking.use_cases.end_offers import end_offers
from clinic_portal.booking.use_cases.join_waiting_list import join_waiting_list
from clinic_portal.booking.use_cases.make_offers import make_offers
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.ids import AppointmentId, FreedTimeId, OfferId, PatientId, ServiceId
from clinic_portal.notifications.models import Message
from clinic_portal.notifications.rules import MessageState
from tests.booking.answering import AllAtOnce, Answer
from tests.booking.arena import NOW, Arena, Person, every
from tests.booking.factory import make_appointment
from tests.booking.rivals import PROCESSES, RIVALS

pytestmark = pytest.mark.processes

#: Each is told of the first time; half of them have a visit to bring forward.
WAITERS = MANY_AT_ONCE
ROUNDS = 4
#: Rounds of the control, at most: the processes need not meet in the first.
TRIES = WAITERS - 2
LATER = datetime(2026, 12, 7, 9, 0, tzinfo=UTC)


class WaitingRoom:
    """Who waits for a massage in the arena's Lisbon, and somebody who gives visits back."""

    def __init__(self, arena: Arena) -> None:
        self.arena, self.waiters, self.giver = arena, arena.people[:WAITERS], arena.people[-1]

    def set_mode(self, mode: OfferMode) -> None:
        with self.arena.sessions() as db:
            lisbon = self.arena.clinic.lisbon.id
            db.add(WaitingPolicy(facility_id=lisbon, mode=mode, offer_minutes=30, stop_minutes=60))
            db.commit()

    def wanted(self, person: Person, visit: Appointment | None = None, *, from_day: int = 0) -> Wanted:
        """A massage from so many days on, on any of forty."""
        first = NOW.date() + timedelta(days=from_day)
        asked = Asked(first, NOW.date() + timedelta(days=40 + from_day))
        service_id = ServiceId(self.arena.clinic.massage.id)
        return Wanted(PatientId(person.patient.id), service_id, asked, AppointmentId(visit.id) if visit else None)

    def join(self, *, with_visits: bool) -> None:
        """Put everybody on the list; half of them with a visit to bring forward, two weeks from now."""
        clinic = self.arena.clinic
        for number, person in enumerate(self.waiters):
            with self.arena.sessions() as db:
                at, visit = LATER + timedelta(minutes=30 * (number // 2)), None
                if with_visits and number % 2:
                    when = {"at": at, "created_at": NOW, "booked_at": NOW}
                    visit = make_appointment(db, clinic, person.patient, practitioner=clinic.rui, **when)
                join_waiting_list(db, FixedClock(NOW), wanted=self.wanted(person, visit), actor=person.actor)

    def free(self, at: datetime) -> FreedTimeId:
        """Have a visit with Inês given back."""
        clinic, giver = self.arena.clinic, self.giver
        with self.arena.sessions() as db:
            visit = make_appointment(db, clinic, giver.patient, at=at, created_at=NOW, booked_at=NOW)
            id_, reason = AppointmentId(visit.id), CancelReason.OTHER
            cancel_appointment(db, FixedClock(NOW), appointment_id=id_, actor=giver.actor, reason=reason)
            found = db.scalars(select(FreedTime.id).where(FreedTime.starts_at == at, FreedTime.closed_at.is_(None)))
            return FreedTimeId(found.one())

    def offer(self, freed: FreedTimeId, now: datetime = NOW) -> int:
        with self.arena.sessions() as db:
            return make_offers(db, FixedClock(now), freed_time_id=freed)

    def open_offers(self) -> list[OfferId]:
        with self.arena.sessions() as db:
            return [OfferId(id_) for id_ in db.scalars(select(WaitingOffer.id).where(WaitingOffer.state == "open"))]

    def end_offers(self) -> None:
        """What the sweep does: those whose time somebody took are over."""
        for offer_id in self.open_offers():
            with self.arena.sessions() as db:
                end_offers(db, FixedClock(NOW), offer_id=offer_id)

    def bounce(self, offer_id: OfferId) -> None:
        """Have no message of an offer reach anybody."""
        with self.arena.sessions() as db:
            db.execute(update(Message).where(Message.subject_id == offer_id).values(state=MessageState.BOUNCED))
            db.commit()

    def decline_offers(self, now: datetime = NOW) -> None:
        for offer_id in self.open_offers():
            with self.arena.sessions() as db:
                decline_offer(db, FixedClock(now), offer_id=offer_id)

    def at_once(self, answers: Sequence[Answer]) -> Counter[str]:
        """Have all rivals answer; return what became of it."""
        outcomes = self.arena.crew.run(self.arena.name, AllAtOnce(answers), PROCESSES)
        assert len(outcomes) == RIVALS, "everybody is answered"
        return Counter(result for _, result in outcomes)

    def check(self) -> None:
        """Nothing overlaps, nobody deadlocked, everybody has at most one visit, whoever took a time has exactly it."""
        self.arena.check()
        with self.arena.sessions() as db:
            booked = select(Appointment.patient_id, func.count()).where(Appointment.state == "booked")
            assert {count for _, count in db.execute(booked.group_by(Appointment.patient_id))} <= {1}
            for offer in db.scalars(select(WaitingOffer).where(WaitingOffer.state == OfferState.ACCEPTED)):
                visit, entry = db.get_one(Appointment, offer.appointment_id), db.get_one(WaitingEntry, offer.entry_id)
                assert (visit.starts_at, visit.state) == (offer.starts_at, "booked")
                assert (visit.patient_id, entry.state) == (entry.patient_id, EntryState.TAKEN)
            for entry in db.scalars(select(WaitingEntry).where(WaitingEntry.appointment_id.is_not(None))):
                assert db.get_one(Appointment, entry.appointment_id).state == "booked"

    def states(self) -> Counter[OfferState]:
        with self.arena.sessions() as db:
            return Counter(db.scalars(select(WaitingOffer.state)))

    def booking(self, at: datetime, now: datetime = NOW) -> Answer:
        return Answer("book", now, choice=self.arena.choice(at, self.arena.clinic.ines))


@pytest.fixture
def room(arena: Arena) -> WaitingRoom:
    return WaitingRoom(arena)


def times(count: int = ROUNDS) -> list[datetime]:
    return every(30, count)


def taking(offer_id: OfferId, now: datetime = NOW) -> Answer:
    return Answer("take", now, offer_id=offer_id)


def declining(offer_id: OfferId) -> Answer:
    return Answer("decline", NOW, offer_id=offer_id)


def test_first_come_one_of_many_takes_a_time(room: WaitingRoom) -> None:
    room.set_mode(OfferMode.FIRST_COME)
    room.join(with_visits=True)
    told = 0
    for number, at in enumerate(times()):
        assert room.offer(room.free(at)) == WAITERS - number
        offers, before = room.open_offers(), room.states()[OfferState.ACCEPTED]
        told += len(offers)
        # Each is pressed a few times: they all hear the same.
        outcome = room.at_once([taking(offer_id) for offer_id in offers])
        assert set(outcome) == {"taken", "appointment.slot_taken"}
        assert RIVALS // len(offers) <= outcome["taken"] <= RIVALS // len(offers) + 1
        assert room.states()[OfferState.ACCEPTED] == before + 1
        room.end_offers()
        room.check()
    assert room.states() == {OfferState.ACCEPTED: ROUNDS, OfferState.LOST: told - ROUNDS}


def test_first_come_somebody_at_the_booking_page_is_a_rival_like_the_others(room: WaitingRoom) -> None:
    room.set_mode(OfferMode.FIRST_COME)
    room.join(with_visits=True)
    for at in times():
        assert room.offer(room.free(at)) > 0
        before = room.states()[OfferState.ACCEPTED]
        outcome = room.at_once([*(taking(offer_id) for offer_id in room.open_offers()), *[room.booking(at)] * 6])
        accepted = room.states()[OfferState.ACCEPTED] - before
        assert accepted + outcome["held"] == 1
        assert bool(outcome["taken"]) == bool(accepted)
        assert set(outcome) <= {"taken", "held", "appointment.slot_taken"}
        room.decline_offers()
        room.check()


def test_taken_or_run_out_never_both_and_what_ran_out_is_offered_again(room: WaitingRoom) -> None:
    room.join(with_visits=True)
    for at in times():
        freed = room.free(at)
        assert room.offer(freed) == 1
        (offer_id,) = room.open_offers()
        # The clocks of two machines differ by a second: some still take it, others already end it.
        end = NOW + timedelta(minutes=30)
        just_before = taking(offer_id, end - timedelta(seconds=1))
        ending, sweeping = Answer("end", end, offer_id=offer_id), Answer("sweep", end)
        outcome = room.at_once([just_before, just_before, ending, room.booking(at, end), sweeping])
        # Lost: its hold is swept away already, on the clock that is a second ahead.
        assert set(outcome) <= {
            "taken", "ended", "stands", "held", "offer.over", "offer.lost", "appointment.slot_taken", "swept",
        }  # fmt: skip
        assert not (outcome["taken"] and outcome["held"])
        assert outcome["held"] <= 1
        room.check()
        if not outcome["taken"]:
            # Once the rival's hold has ended too, the next one is asked.
            with room.arena.sessions() as db:
                end_offers(db, FixedClock(end), offer_id=offer_id)
                end_expired_holds(db, FixedClock(end + timedelta(minutes=10)))
            assert room.offer(freed, end + timedelta(minutes=10)) == 1
            room.decline_offers(end)


def test_the_desk_is_given_its_time_once_and_nobody_else_gets_it_meanwhile(room: WaitingRoom) -> None:
    """In its last second nobody was reached: many give the desk its time, in every other round some take it."""
    room.join(with_visits=True)
    evening = NOW.replace(hour=19, minute=0)
    end = evening + timedelta(minutes=30)
    for number, at in enumerate(every(30, ROUNDS, NOW.replace(day=26, hour=9, minute=0))):
        freed = room.free(at)
        assert room.offer(freed, evening) == 1
        (offer_id,) = room.open_offers()
        room.bounce(offer_id)
        last = end - timedelta(seconds=1)
        giving = Answer("give", last, offer_id=offer_id)
        outcome = room.at_once([giving, taking(offer_id, last) if number % 2 else giving])
        assert set(outcome) <= {"given", "left", "taken"}
        assert outcome["given"] == 1 or outcome["taken"]
        room.check()
        if not outcome["taken"]:
            # When it would have run out, it has not: whoever ends it, sweeps holds away or wants the time comes too soon.
            late = room.at_once([Answer("end", end, offer_id=offer_id), Answer("sweep", end), room.booking(at, end)])
            assert set(late) == {"stands", "swept", "appointment.slot_taken"}
            room.check()
            room.decline_offers(end)


def test_one_at_a_time_nobody_at_the_booking_page_gets_what_is_held(room: WaitingRoom) -> None:
    room.join(with_visits=False)
    for at in times():
        assert room.offer(room.free(at)) == 1
        (offer_id,) = room.open_offers()
        outcome = room.at_once([taking(offer_id), *[room.booking(at)] * 7])
        assert outcome == {"taken": RIVALS // 8, "appointment.slot_taken": 7 * RIVALS // 8}
        room.check()


def test_yes_and_no_at_once_is_one_of_them(room: WaitingRoom) -> None:
    room.join(with_visits=True)
    for at in times():
        assert room.offer(room.free(at)) == 1
        (offer_id,) = room.open_offers()
        outcome = room.at_once([taking(offer_id), declining(offer_id)])
        half = RIVALS // 2
        assert outcome in ({"taken": half, "accepted": half}, {"offer.over": half, "declined": half})
        room.check()


def test_the_desk_and_the_link_take_it_once(room: WaitingRoom) -> None:
    room.join(with_visits=True)
    for at in times():
        assert room.offer(room.free(at)) == 1
        (offer_id,) = room.open_offers()
        by_desk = replace(taking(offer_id), actor=room.arena.desk)
        assert room.at_once([taking(offer_id), by_desk]) == {"taken": RIVALS}
        room.check()


def test_taken_or_withdrawn_never_both(room: WaitingRoom) -> None:
    """While one presses the link, the other says on the list's page that they want no time before next month."""
    room.join(with_visits=False)
    for number, at in enumerate(times()):
        assert room.offer(room.free(at)) == 1
        (offer_id,) = room.open_offers()
        person = room.waiters[number]
        wish = Answer("change", NOW, wanted=room.wanted(person, from_day=30), actor=person.actor)
        outcome = room.at_once([taking(offer_id), wish])
        half = RIVALS // 2
        assert outcome in ({"taken": half, "changed": half}, {"offer.withdrawn": half, "changed": half})
        with room.arena.sessions() as db:
            state = db.get_one(WaitingOffer, offer_id).state
        assert state is (OfferState.ACCEPTED if outcome["taken"] else OfferState.WITHDRAWN)
        room.check()


def test_many_jobs_make_one_offer_of_a_time(room: WaitingRoom) -> None:
    room.join(with_visits=False)
    for number, at in enumerate(times()):
        outcome = room.at_once([Answer("offer", NOW, freed_id=room.free(at))])
        assert outcome == {"offered 1": 1, "offered 0": RIVALS - 1}
        assert len(room.open_offers()) == number + 1
        room.check()


def test_control_without_the_constraints_one_time_is_taken_by_many(room: WaitingRoom) -> None:
    """The takers above are rivals: several see the time free, and only the database keeps them apart."""
    room.set_mode(OfferMode.FIRST_COME)
    room.join(with_visits=True)
    room.arena.drop_constraints()
    for at in times(TRIES):
        room.offer(room.free(at))
        offers, before = room.open_offers(), room.states()[OfferState.ACCEPTED]
        assert offers, "nobody is left to take a time"
        room.at_once([taking(offer_id) for offer_id in offers])
        if room.states()[OfferState.ACCEPTED] - before > 1:
            assert room.arena.overlaps() > 0
            return
        room.end_offers()
    pytest.fail("no two takers ever met: the tests above prove nothing")
