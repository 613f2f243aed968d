"""Who waits for whom: the places at which two could have waited for each other (ADR 5), one by one."""

import contextlib
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select, text, update

from clinic_portal.accounts.queries import lock_account
from clinic_portal.booking.models import Appointment, FreedTime, WaitingOffer
from clinic_portal.booking.queries import Taker
from clinic_portal.booking.rules import AppointmentState, Asked, CancelReason
from clinic_portal.booking.steps import insert_hold
from clinic_portal.booking.steps.waiting import time_of
from clinic_portal.booking.steps.wishes import Wanted
from clinic_portal.booking.use_cases.accept_offer import accept_offer
from clinic_portal.booking.use_cases.cancel_appointment import cancel_appointment
from clinic_portal.booking.use_cases.change_hours import change_hours
from clinic_portal.booking.use_cases.join_waiting_list import join_waiting_list
from clinic_portal.booking.use_cases.make_offers import make_offers
from clinic_portal.core.actor import Role
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import Busy
from clinic_portal.core.ids import (
    AccountId,
    AppointmentId,
    FacilityId,
    FreedTimeId,
    OfferId,
    PatientId,
    PractitionerId,
    RoomId,
    ServiceId,
)
from clinic_portal.core.modes import Mode
from clinic_portal.facilities.queries import service_by_id
from tests.booking.arena import NOW, TUESDAY_NINE, Arena
from tests.booking.factory import make_appointment
from tests.booking.hours import away
from tests.support.cast import make_account

pytestmark = pytest.mark.processes

CLOCK = FixedClock(NOW)


def book(arena: Arena, who: int, days: int = 0) -> AppointmentId:
    """A visit with Inês, on Tuesday at nine or some days later."""
    with arena.sessions() as db:
        at = TUESDAY_NINE + timedelta(days=days)
        return AppointmentId(make_appointment(db, arena.clinic, arena.people[who].patient, at=at).id)


@contextlib.contextmanager
def giving_up(arena: Arena, visit: AppointmentId) -> Iterator[None]:
    """Somebody has given a time up and not committed: perhaps they wait for another, perhaps they get it back."""
    with arena.sessions() as db:
        db.execute(update(Appointment).where(Appointment.id == visit).values(state=AppointmentState.CANCELLED))
        yield
        db.rollback()


def hold(arena: Arena, *, gave_up: bool) -> Appointment | None:
    clinic = arena.clinic
    with arena.sessions() as db, transaction(db):
        db.execute(text("SET LOCAL lock_timeout = '300ms'"))
        service = service_by_id(db, ServiceId(clinic.massage.id))
        draft = time_of(service, FacilityId(clinic.lisbon.id), TUESDAY_NINE) | {"any_practitioner": False}
        taker = Taker(PractitionerId(clinic.ines.id), RoomId(clinic.room_1.id), Mode.IN_PERSON)
        return insert_hold(db, CLOCK, taker, draft, actor=None, gave_up=gave_up)


def test_who_gave_a_time_up_does_not_wait_for_who_gives_one_up(arena: Arena) -> None:
    visit = book(arena, 0)
    with giving_up(arena, visit):
        assert hold(arena, gave_up=True) is None
        # The control: whoever has nothing waits, as long as it may.
        with pytest.raises(Busy):
            hold(arena, gave_up=False)
    assert hold(arena, gave_up=True) is None, "they got it back"
    with arena.sessions() as db:
        cancel_appointment(
            db, CLOCK, appointment_id=visit, actor=arena.people[0].actor, reason=CancelReason.OTHER
        )  # fmt: skip
    assert hold(arena, gave_up=True) is not None


def test_a_change_of_hours_does_not_wait_for_who_changes_a_visit(arena: Arena) -> None:
    """They have the visit and want the practitioner, who is locked by the change: it gives way, and says so at once."""
    visit = book(arena, 0)
    with arena.sessions() as db:
        administrator = make_account(db, CLOCK, Role.ADMINISTRATOR, "Artur", "Dias", "artur@clinic.example").actor()
        db.commit()
    absence = away(arena.clinic.ines, f"{TUESDAY_NINE:%Y-%m-%dT%H:%M}", 4)
    with arena.sessions() as db, giving_up(arena, visit), pytest.raises(Busy):
        change_hours(db, CLOCK, change=absence, answers={}, actor=administrator)


def test_taking_an_offer_locks_the_visit_before_it_gives_the_hold_up(arena: Arena) -> None:
    """Whoever has the visit (a change of hours) can lock the hold of the offer as well: nobody has it meanwhile."""
    visit, person = book(arena, 0, days=7), arena.people[0]
    freed = book(arena, 1)
    with arena.sessions() as db:
        asked = Asked(NOW.date(), NOW.date() + timedelta(days=30))
        wanted = Wanted(PatientId(person.patient.id), ServiceId(arena.clinic.massage.id), asked, visit)
        join_waiting_list(db, CLOCK, wanted=wanted, actor=person.actor)
        cancel_appointment(
            db, CLOCK, appointment_id=freed, actor=arena.people[1].actor, reason=CancelReason.OTHER
        )  # fmt: skip
        make_offers(db, CLOCK, freed_time_id=FreedTimeId(db.scalars(select(FreedTime.id)).one()))
        offer_id, hold_id = db.execute(select(WaitingOffer.id, WaitingOffer.hold_id)).one()
    done = list[AppointmentId]()

    def accept() -> None:
        with arena.sessions() as db:
            done.append(accept_offer(db, CLOCK, offer_id=OfferId(offer_id)).id)

    lock = "SELECT 1 FROM appointment WHERE id = :id FOR NO KEY UPDATE"
    with arena.sessions() as db:
        db.execute(text(lock), {"id": visit})
        thread = threading.Thread(target=accept)
        thread.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        while not db.scalar(text(waiting)):
            assert thread.is_alive()
        assert db.execute(text(f"{lock} NOWAIT"), {"id": hold_id}).all()
        db.rollback()
    thread.join(timeout=60)
    assert done == [visit]


def test_an_account_that_is_being_changed_can_still_be_named(arena: Arena) -> None:
    """Who changes an account may want its patient next; who has the patient writes rows that name the account."""
    account_id = AccountId(arena.people[0].account.id)
    with arena.sessions() as changing, arena.sessions() as booking:
        lock_account(changing, account_id)
        naming = text("SELECT 1 FROM account WHERE id = :id FOR KEY SHARE NOWAIT")
        assert booking.execute(naming, {"id": account_id}).all()
