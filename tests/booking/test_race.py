"""Many want one time at one moment: one gets it, the others hear so, nobody meets a deadlock, nobody loses a visit."""

import threading
from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from clinic_portal.booking.models import Appointment, AppointmentHistory
from clinic_portal.booking.queries import Taker
from clinic_portal.booking.steps import NewTime
from clinic_portal.booking.use_cases.book_by_phone import PhoneBooking
from clinic_portal.core.audit import AuditEntry
from clinic_portal.core.ids import AppointmentId, FacilityId, PatientId, PractitionerId, RoomId, ServiceId
from clinic_portal.core.modes import Mode
from tests.booking.arena import TUESDAY_NINE, Arena, every
from tests.booking.rivals import RIVALS, Ask, Blind
from tests.support.servers import ServerLog

pytestmark = pytest.mark.processes

#: Where visits are before anybody moves them: after every time for which the rivals meet.
FAR = TUESDAY_NINE + timedelta(days=14)
#: How often a control has rivals meet, at most: that two of them do is luck.
MEETINGS = 4


def movers(arena: Arena, visits: list[AppointmentId], choice: object) -> list[Ask]:
    return [Ask(choice, arena.people[n].actor, visit=visit) for n, visit in enumerate(visits)]  # type: ignore[arg-type]


def meet(arena: Arena, meetings: Sequence[Sequence[Sequence[Ask]]]) -> None:
    """Race until two more have one time than before."""
    before = arena.overlaps()
    for rounds in meetings:
        arena.race(rounds)
        if arena.overlaps() > before:
            return
    pytest.fail("no two rivals ever met: the tests above prove nothing")


def test_with_no_preference_as_many_win_as_there_are_practitioners(arena: Arena) -> None:
    for outcome in arena.race([[Ask(arena.choice(at, None))] for at in every(30, 8)]):
        assert outcome == {"held": 2, "appointment.slot_taken": RIVALS - 2}
    arena.check()
    with arena.sessions() as db:
        held = db.scalars(select(Appointment.id)).all()
        written = db.scalars(select(AppointmentHistory.appointment_id)).all()
    assert sorted(held) == sorted(written)


def test_with_no_preference_as_many_move_as_there_are_practitioners(arena: Arena) -> None:
    visits = arena.give_visits(FAR, [arena.clinic.ines, arena.clinic.rui])
    for outcome in arena.race([movers(arena, visits, arena.choice(at, None)) for at in every(30, 6)]):
        assert outcome == {"moved": 2, "appointment.slot_taken": RIVALS - 2}
    arena.check_visits(visits)
    arena.check()


def test_one_patient_gets_one_of_two_times_that_overlap(arena: Arena) -> None:
    clinic, person = arena.clinic, arena.people[0]
    patient = {"patient_id": PatientId(person.patient.id)}
    rounds = [
        [
            Ask(arena.choice(at, clinic.ines, clinic.evaluation, **patient), person.actor),
            Ask(arena.choice(at + timedelta(minutes=30), clinic.rui, **patient), person.actor),
            *[Ask(arena.choice(at + timedelta(hours=5), None))] * 6,
        ]
        for at in every(60, 4)
    ]
    for outcome in arena.race(rounds):
        # One account holds one time: a later rival of the same account releases the earlier one's hold.
        assert outcome["held"] >= 1
        assert set(outcome) <= {"held", "appointment.slot_taken", "appointment.patient_overlap"}
    arena.check()


def test_moves_holds_and_the_desk_for_times_that_overlap(arena: Arena) -> None:
    """Times differ by a quarter of an hour, some name a practitioner and some do not; the desk sets the hours aside."""
    clinic, rounds = arena.clinic, []
    visits = arena.give_visits(FAR, [clinic.ines, clinic.rui])
    ines = Taker(PractitionerId(clinic.ines.id), RoomId(clinic.room_1.id), Mode.IN_PERSON)
    lisbon, massage = FacilityId(clinic.lisbon.id), ServiceId(clinic.massage.id)
    for at in every(60, 6):
        asks = []
        for number, visit in enumerate(visits):
            start = at + timedelta(minutes=15 * (number % 3))
            choice = arena.choice(start, (clinic.ines, None, clinic.rui, None)[number // 4 % 4])
            anyway = NewTime(lisbon, start, ines.practitioner_id, anyway=ines)
            asks.append(
                [
                    Ask(choice),
                    Ask(choice, arena.people[number].actor, visit=visit),
                    Ask(choice, arena.desk, visit=visit, to=anyway, note="agreed by phone"),
                    Ask(
                        choice,
                        arena.desk,
                        phone=PhoneBooking(PatientId(arena.people[number].patient.id), massage, anyway, "agreed"),
                    ),
                ][number % 4]
            )
        rounds.append(asks)
    for outcome in arena.race(rounds):
        assert set(outcome) <= {"moved", "held", "booked", "appointment.slot_taken"}
        assert 1 <= outcome["moved"] + outcome["held"] + outcome["booked"] <= 4
    arena.check_visits(visits)
    arena.check()


def test_the_desk_presses_twice_and_it_is_done_once(arena: Arena) -> None:
    """The same move, and the same booking by phone, sixteen times at once: one line in the history, one in the audit log."""
    clinic = arena.clinic
    (visit, *_) = arena.give_visits(FAR, [clinic.ines])
    starts = every(60, 4)
    rounds = []
    for at in starts:
        to = NewTime(FacilityId(clinic.lisbon.id), at + timedelta(minutes=30), PractitionerId(clinic.rui.id))
        phone = PhoneBooking(PatientId(arena.people[-1].patient.id), ServiceId(clinic.massage.id), to)
        choice = arena.choice(at, clinic.ines)
        rounds.append([Ask(choice, arena.desk, visit=visit, note="agreed"), Ask(choice, arena.desk, phone=phone)])
    assert all(outcome == {"moved": 16, "booked": 16} for outcome in arena.race(rounds))
    with arena.sessions() as db:
        actions = db.scalars(select(AuditEntry.action).order_by(AuditEntry.action)).all()
        lines = db.scalars(select(AppointmentHistory.reason)).all()
    assert actions == ["appointment.booked_by_staff"] * len(starts) + ["appointment.moved_by_staff"] * len(starts)
    assert (lines.count("moved"), lines.count("booked.by_staff")) == (len(starts), len(starts))
    arena.check()


def test_control_without_our_care_the_constraint_stops_the_second(arena: Arena) -> None:
    """A plain insert is refused by the database (or deadlocks with its rival: why the use case does not use one)."""
    ines, room = arena.clinic.ines, arena.clinic.room_1
    (at,) = every(30, 1)
    (outcome,) = arena.race([[Ask(arena.choice(at, ines), blind=Blind(ines.id, room.id, 30))]])
    assert outcome["held"] == 1
    assert set(outcome) <= {"held", "ConstraintSaysNo", "OperationalError"}
    assert arena.overlaps() == 0


def test_control_an_update_without_a_claim_is_refused_or_deadlocks(arena: Arena) -> None:
    """What the claim is for: with it, the tests above never see either of these."""
    ines, room = arena.clinic.ines, arena.clinic.room_1
    visits, blind = arena.give_visits(FAR, [ines]), Blind(ines.id, room.id, 30)
    rounds = [[Ask(arena.choice(at, ines), blind=blind, visit=visit) for visit in visits] for at in every(30, 3)]
    for outcome in arena.race(rounds):
        assert outcome["moved"] == 1
        assert set(outcome) <= {"moved", "IntegrityError", "OperationalError"}
        assert len(outcome) > 1


def test_control_without_the_constraint_two_have_one_time(arena: Arena) -> None:
    """The race is a real one: only the constraint kept the rivals of the tests above apart."""
    visits, ines = arena.give_visits(FAR, [arena.clinic.ines]), arena.clinic.ines
    arena.drop_constraints()
    starts = [every(30, 4, TUESDAY_NINE + timedelta(days=day)) for day in range(MEETINGS)]
    meet(arena, [[[Ask(arena.choice(at, ines))] for at in four] for four in starts])
    later = [every(30, 4, TUESDAY_NINE + timedelta(days=6 + day)) for day in range(MEETINGS)]
    meet(arena, [[movers(arena, visits, arena.choice(at, ines)) for at in four] for four in later])


def test_control_a_deadlock_is_seen_in_the_log(arena: Arena) -> None:
    """Two lock two rows in opposite order: what every race looks for is written down, and only for this database."""
    ids, met, refused = [person.patient.id for person in arena.people[:2]], threading.Barrier(2), list[str]()

    def lock_both(first: int) -> None:
        with arena.sessions() as db:
            try:
                db.execute(text("SET LOCAL deadlock_timeout = '20ms'"))
                lock = text("SELECT 1 FROM patient WHERE id = :id FOR UPDATE")
                db.execute(lock, {"id": ids[first]})
                met.wait(timeout=60)
                db.execute(lock, {"id": ids[1 - first]})
            except OperationalError as error:
                refused.append(str(getattr(error.orig, "sqlstate", "")))

    threads = [threading.Thread(target=lock_both, args=(first,)) for first in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert refused == ["40P01"]
    assert arena.log.deadlocks() == 1
    assert ServerLog(arena.name).deadlocks() == 0, "whoever looks from now on sees nothing of it"
