"""Holds, bookings, moves, series, the waiting list, the desk and the jobs at once, in eight processes: it all adds up.

The mix is random. A failure says its seed: `MIX_SEED=… pytest` mixes the same again; in which order threads meet is not in it.
"""

import os
import secrets
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment, AppointmentHistory
from clinic_portal.booking.queries import Taker, Wish, free_times
from clinic_portal.booking.queries.waiting import open_offers
from clinic_portal.booking.rules import HOLD_FOR, AppointmentState, ClinicReason, may_follow
from clinic_portal.booking.steps import NewTime
from clinic_portal.booking.use_cases.book_by_phone import PhoneBooking, book_by_phone
from clinic_portal.booking.use_cases.cancel_by_clinic import cancel_by_clinic
from clinic_portal.booking.use_cases.end_expired_holds import end_expired_holds
from clinic_portal.booking.use_cases.end_offers import end_offers
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.ids import (
    AppointmentId,
    FacilityId,
    PatientId,
    PractitionerId,
    RoomId,
    ServiceId,
    new_id,
    spoken_code,
)
from clinic_portal.core.modes import Mode
from clinic_portal.facilities.models import Room
from clinic_portal.facilities.rules import Direction
from clinic_portal.practitioners.models import Practitioner, PractitionerService, WeeklyHours
from clinic_portal.web.error_texts import BY_CODE
from tests.booking.arena import NOW, TUESDAY_NINE, Arena
from tests.booking.mix import BUSY, Deed, Mix
from tests.booking.rivals import RIVALS

pytestmark = pytest.mark.processes

STEPS = 14
MOST_MIXES = 6
#: Everything that was held has run out by then, every offer has ended, and none of the times fought for has come.
EVENING = NOW + timedelta(hours=12)
FEW_TIMES = [TUESDAY_NINE + timedelta(days=day, minutes=minute) for day in (0, 1, 2, 6) for minute in (0, 15, 80)]
#: A start is offered every forty minutes.
MANY_TIMES = [TUESDAY_NINE + timedelta(days=day) + step * BUSY for day in (0, 1, 2, 6, 7, 8) for step in (0, 1, 3, 5)]
#: Codes of refusals that a page words by their status: "try again", "no such page".
BY_STATUS = {"busy", "not_found"}

Check = Callable[[Sequence[Deed]], None]


@pytest.fixture
def seed() -> int:
    return int(os.environ.get("MIX_SEED") or secrets.randbelow(1_000_000))


def practitioners_of_their_own(db: Session, arena: Arena) -> list[Taker]:
    """A practitioner and a room for each of the players, in the mornings of every weekday; the same in each mix."""
    rows = select(WeeklyHours).join(Practitioner).where(Practitioner.family_name.startswith("Lobo "))
    at_work = {row.practitioner_id: row for row in db.scalars(rows.order_by(Practitioner.family_name))}
    if at_work:
        return [
            Taker(PractitionerId(who), RoomId(row.room_id) if row.room_id else None, row.mode)
            for who, row in at_work.items()
        ]
    found = []
    for number in range(RIVALS):
        person = Practitioner(given_name="Eva", family_name=f"Lobo {number:02}")
        room = Room(facility_id=arena.clinic.lisbon.id, name=f"C{number}", direction=Direction.LEFT)
        db.add_all([person, room])
        db.flush()
        db.add(PractitionerService(practitioner_id=person.id, service_id=arena.clinic.massage.id))
        db.add_all(
            WeeklyHours(
                practitioner_id=person.id, facility_id=arena.clinic.lisbon.id, room_id=room.id, mode=Mode.IN_PERSON,
                weekday=weekday, starts_minute=540, ends_minute=780, valid_from=NOW.date(),
            )
            for weekday in range(5)
        )  # fmt: skip
        found.append(Taker(PractitionerId(person.id), RoomId(room.id), Mode.IN_PERSON))
    db.commit()
    return found


def mix_of(arena: Arena, seed: int, *, has_rivals: bool) -> Mix:
    clinic = arena.clinic
    with arena.sessions() as db:
        db.merge(clinic.massage).buffer_after_minutes = 10
        db.commit()
        if has_rivals:
            takers = [
                Taker(PractitionerId(who.id), RoomId(room.id), Mode.IN_PERSON)
                for who, room in ((clinic.ines, clinic.room_1), (clinic.rui, clinic.room_2))
            ]
        else:
            takers = practitioners_of_their_own(db, arena)
    return Mix(
        seed=seed, steps=STEPS, has_rivals=has_rivals, now=NOW, origin=time.monotonic(),
        facility_id=FacilityId(clinic.lisbon.id), service_id=ServiceId(clinic.massage.id), desk=arena.desk,
        people=[(one.actor, PatientId(one.patient.id)) for one in arena.people[:RIVALS]], takers=takers,
        starts=FEW_TIMES if has_rivals else MANY_TIMES,
    )  # fmt: skip


def offered(arena: Arena) -> set[tuple[datetime, PractitionerId]]:
    """Every time that the clinic offers in the evening."""
    wish = Wish(ServiceId(arena.clinic.massage.id), None, FacilityId(arena.clinic.lisbon.id))
    with arena.sessions() as db:
        days = free_times(db, FixedClock(EVENING), wish, from_day=EVENING.date(), days=21).days
    return {(one.start, who) for day in days for one in day.times for who in one.practitioner_ids}


def give_everything_back(arena: Arena) -> None:
    evening = FixedClock(EVENING)
    with arena.sessions() as db:
        offers = open_offers(db)
        db.rollback()
        for offer_id in offers:
            end_offers(db, evening, offer_id=offer_id)
        while end_expired_holds(db, evening):
            pass
        booked = db.scalars(select(Appointment.id).where(Appointment.state == AppointmentState.BOOKED)).all()
        db.rollback()
        for id_ in booked:
            cancel_by_clinic(
                db, evening, appointment_id=AppointmentId(id_), facility_id=FacilityId(arena.clinic.lisbon.id),
                actor=arena.desk, reason=ClinicReason.OTHER,
            )  # fmt: skip


def problems(arena: Arena, deeds: Sequence[Deed]) -> list[str]:
    """What does not add up, between what is in the tables and what everybody was told."""
    overlaps = arena.overlaps()
    found = [f"{overlaps} overlaps"] if overlaps else []
    with arena.sessions() as db:
        rows = {row.id: row for row in db.scalars(select(Appointment))}
        lines: dict[object, list[AppointmentHistory]] = {}
        for line in db.scalars(
            select(AppointmentHistory).order_by(AppointmentHistory.at, AppointmentHistory.id)
        ):  # fmt: skip
            lines.setdefault(line.appointment_id, []).append(line)
    for id_, row in rows.items():
        found += _story_problems(row, lines.get(id_, []))
    found += _unkept_words(deeds, rows, lines)
    found += _unasked_changes(deeds, rows, lines)
    found += [
        f"{deed.action} of {deed.seat} ended in {deed.result}"
        for deed in deeds
        if deed.result not in {"done", "nothing to do", *BY_CODE, *BY_STATUS}
    ]
    return found


def _story_problems(row: Appointment, story: Sequence[AppointmentHistory]) -> Iterator[str]:
    """The history of a row leads, in legal steps, to what the row is."""
    if not story:
        yield f"{row.id} is in no history"
        return
    before: AppointmentState | None = None
    for line in story:
        if line.from_state is not before:
            yield f"{row.id}: {line.reason} comes from {line.from_state}, it was {before}"
        if before is None:
            legal = line.to_state in {AppointmentState.PROPOSED, AppointmentState.BOOKED}
        else:
            legal = may_follow(before, line.to_state) or (line.reason == "moved" and before is line.to_state)
        if not legal:
            yield f"{row.id}: {line.reason} from {before} to {line.to_state}"
        before = line.to_state
    if (row.state, row.starts_at) != (story[-1].to_state, story[-1].starts_at):
        yield f"{row.id} is {row.state} at {row.starts_at}, its history says {story[-1].to_state}"


def _unkept_words(deeds: Sequence[Deed], rows: dict, lines: dict) -> Iterator[str]:
    """Whatever somebody was told is written down."""
    written = {(id_, line.reason, line.starts_at) for id_, story in lines.items() for line in story}
    times = {(id_, line.starts_at) for id_, story in lines.items() for line in story}
    sessions = {(row.series_id, at) for id_, at in times if (row := rows[id_]).series_id}
    cancelled = {id_ for id_, story in lines.items() if story[-1].to_state is AppointmentState.CANCELLED}
    for deed in deeds:
        for id_, what, at in deed.told:
            kept = {
                "cancelled": id_ in cancelled,
                "session": (id_, at) in sessions,
                "moved or there": (id_, at) in times,
                "booked at that time": (id_, at) in times,
            }.get(what, (id_, what, at) in written)
            if not kept:
                yield f"{deed.seat} was told {what} of {id_} at {at} by {deed.action}"


def _unasked_changes(deeds: Sequence[Deed], rows: dict, lines: dict) -> Iterator[str]:
    """Nobody loses a time unless they, staff or its end took it: each such line is somebody's deed."""
    told = {(id_, at) for deed in deeds for id_, _, at in deed.told}
    cancelled = {id_ for deed in deeds for id_, what, _ in deed.told if what == "cancelled"}
    for id_, story in lines.items():
        for line in story:
            mine = {(id_, line.starts_at), (rows[id_].series_id, line.starts_at)} & told
            asked = {
                "hold": True,
                "hold.expired": line.at >= rows[id_].created_at + HOLD_FOR,
                "hold.released": line.account_id == story[0].account_id,
                "moved": bool(mine),
                "booked": bool(mine),
                "booked.by_staff": bool(mine),
            }.get(line.reason, line.reason.startswith("offer.") or id_ in cancelled)
            if not asked:
                yield f"{id_}: nobody asked for {line.reason} at {line.at}"


def run(arena: Arena, seed: int, *, has_rivals: bool) -> list[Deed]:
    sys.stdout.write(f"MIX_SEED={seed}\n")  # Shown when the test fails.
    deeds: list[Deed] = arena.crew.run(arena.name, mix_of(arena, seed, has_rivals=has_rivals))
    assert len(deeds) == RIVALS * STEPS, "everybody is answered, whatever they did"
    return deeds


def done(deeds: Sequence[Deed]) -> Counter[str]:
    return Counter(deed.action for deed in deeds if deed.result == "done")


def check_all_is_free_again(arena: Arena, before: set[tuple[datetime, PractitionerId]]) -> None:
    give_everything_back(arena)
    assert offered(arena) == before


def until(enough: set[str], arena: Arena, seed: int, *, has_rivals: bool, check: Check) -> Counter[str]:
    """Mix with one seed after another, each from an empty diary, until each of these was done: what one mix brings is luck."""
    seen: Counter[str] = Counter()
    for one in range(seed, seed + MOST_MIXES):
        deeds = run(arena, one, has_rivals=has_rivals)
        assert problems(arena, deeds) == []
        check(deeds)
        seen += done(deeds)
        if enough <= set(seen):
            break
        empty_the_diary(arena)
    return seen


def empty_the_diary(arena: Arena) -> None:
    with arena.sessions() as db:
        db.execute(text("TRUNCATE appointment, series, waiting_entry, freed_time CASCADE"))
        db.commit()


def test_everybody_fights_for_few_times(arena: Arena, seed: int) -> None:
    mix_of(arena, seed, has_rivals=True)
    empty = offered(arena)
    refusals: set[str] = set()

    def check(deeds: Sequence[Deed]) -> None:
        assert arena.log.deadlocks() == 0, arena.log.errors()
        check_all_is_free_again(arena, empty)
        refusals.update(deed.result for deed in deeds)

    # It was a fight: much was done, and much refused. Whether a whole series is had is luck.
    wanted = {"hold_a_time", "book_it", "move", "book_by_phone", "move_at_desk"}
    assert wanted <= set(until(wanted, arena, seed, has_rivals=True, check=check))
    assert "appointment.slot_taken" in refusals


def test_in_a_corner_of_their_own_everybody_gets_everything(arena: Arena, seed: int) -> None:
    def check(deeds: Sequence[Deed]) -> None:
        assert {deed.result for deed in deeds} <= {"done", "nothing to do"}, [
            deed for deed in deeds if deed.result not in {"done", "nothing to do"}
        ]
        assert arena.log.errors() == []

    wanted = {"wait_and_get", "let_run_out", "move_later", "cancel_later", "move_at_desk"}
    assert wanted <= set(until(wanted, arena, seed, has_rivals=False, check=check))
    give_everything_back(arena)
    after = offered(arena)
    empty_the_diary(arena)
    assert after == offered(arena), "as in a clinic in which nothing ever happened"


def test_control_what_does_not_add_up_is_found(arena: Arena, seed: int) -> None:
    """Whoever writes past the house is found, and two who have one time. That rivals do get it is `test_race`'s control."""
    arena.drop_constraints("practitioner", "room", "patient")
    deeds = run(arena, seed, has_rivals=True)
    assert [one for one in problems(arena, deeds) if "overlaps" not in one] == []
    deeds += [book_in_peace(arena, at) for at in (TUESDAY_NINE + timedelta(days=7), TUESDAY_NINE + timedelta(days=8))]
    ids = [deed.told[0][0] for deed in deeds[-2:]]
    with arena.sessions() as db:
        lost, moved = (db.get_one(Appointment, id_) for id_ in ids)
        lost.state = AppointmentState.CANCELLED
        moved.starts_at -= timedelta(minutes=5)
        moved.busy_from = moved.starts_at
        db.commit()
    said = [one for one in problems(arena, deeds) if "its history says" in one]
    assert len(said) == 2
    assert all(any(str(id_) in one for one in said) for id_ in ids)
    nobody = Deed(0, "hold_a_time", "done", ((ids[0], "hold", NOW),))
    assert len(problems(arena, [*deeds, nobody])) == len(problems(arena, deeds)) + 1
    assert len(problems(arena, [])) > len(problems(arena, deeds)), "what nobody asked for"
    before = arena.overlaps()
    book_twice(arena)
    assert arena.overlaps() > before
    assert any("overlaps" in problem for problem in problems(arena, deeds))


def book_in_peace(arena: Arena, at: datetime) -> Deed:
    """Book after the fight, for a time that nobody fought for: a random mix may leave nothing booked."""
    clinic, patient_id = arena.clinic, PatientId(arena.people[0].patient.id)
    to = NewTime(FacilityId(clinic.lisbon.id), at, PractitionerId(clinic.ines.id))
    booking = PhoneBooking(patient_id, ServiceId(clinic.massage.id), to, "")
    with arena.sessions() as db:
        visit = book_by_phone(db, FixedClock(NOW), booking=booking, actor=arena.desk)
    return Deed(0, "book_by_phone", "done", ((visit.id, "booked at that time", at),))


def book_twice(arena: Arena) -> None:
    """Write a booked visit once more, as without constraints a rival could."""
    with arena.sessions() as db:
        row = db.scalars(select(Appointment).where(Appointment.state == AppointmentState.BOOKED)).first()
        assert row is not None
        values = {column.key: getattr(row, column.key) for column in Appointment.__table__.c}
        db.add(Appointment(**values | {"id": new_id(), "reference": spoken_code(8), "hold_key_hash": None}))
        db.commit()
