"""Everything that gives or takes a time, mixed at random by many at once, with what each of them was told."""

import contextlib
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment, FreedTime, WaitingEntry, WaitingOffer
from clinic_portal.booking.queries import AppointmentFacts, Taker
from clinic_portal.booking.queries.waiting import open_offers
from clinic_portal.booking.rules import LIVE_STATES, Asked, CancelReason, ClinicReason, EntryState
from clinic_portal.booking.steps import NewTime
from clinic_portal.booking.steps.series import SeriesChoice
from clinic_portal.booking.steps.wishes import Wanted
from clinic_portal.booking.use_cases.accept_offer import accept_offer
from clinic_portal.booking.use_cases.book_appointment import Answers, book_appointment
from clinic_portal.booking.use_cases.book_by_phone import PhoneBooking, book_by_phone
from clinic_portal.booking.use_cases.book_series import book_series
from clinic_portal.booking.use_cases.book_series_by_phone import book_series_by_phone
from clinic_portal.booking.use_cases.cancel_appointment import cancel_appointment
from clinic_portal.booking.use_cases.cancel_by_clinic import cancel_by_clinic
from clinic_portal.booking.use_cases.cancel_later_sessions import cancel_later_sessions
from clinic_portal.booking.use_cases.decline_offer import decline_offer
from clinic_portal.booking.use_cases.end_expired_holds import end_expired_holds
from clinic_portal.booking.use_cases.end_offers import end_offers
from clinic_portal.booking.use_cases.hold_time import Choice, hold_time
from clinic_portal.booking.use_cases.join_waiting_list import join_waiting_list
from clinic_portal.booking.use_cases.leave_waiting_list import leave_waiting_list
from clinic_portal.booking.use_cases.make_offers import make_offers
from clinic_portal.booking.use_cases.move_appointment import move_appointment
from clinic_portal.booking.use_cases.move_by_clinic import move_by_clinic
from clinic_portal.booking.use_cases.move_later_sessions import move_later_sessions
from clinic_portal.booking.use_cases.move_sessions_by_clinic import move_sessions_by_clinic
from clinic_portal.booking.use_cases.release_hold import release_hold
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import DomainError
from clinic_portal.core.ids import (
    AppointmentId,
    EntryId,
    FacilityId,
    FreedTimeId,
    OfferId,
    PatientId,
    SeriesId,
    ServiceId,
)
from tests.booking.rivals import Seat

HALF_HOUR, AN_HOUR = timedelta(minutes=30), timedelta(hours=1)
#: What a visit takes up: half an hour, and ten minutes after it.
BUSY = timedelta(minutes=40)
NOTE = "agreed by phone"

T = TypeVar("T")

#: An acknowledgement: which appointment (or series), what the history must say of it, and for when.
Told = tuple[UUID, str, datetime | None]


@dataclass(frozen=True)
class Deed:
    """What one did, what they were told, and what must therefore be written down."""

    seat: int
    action: str
    result: str
    told: tuple[Told, ...] = ()


@dataclass
class RunningClock:
    """A day that passes faster, the same for all processes; it stands still before the evening comes."""

    start: datetime
    origin: float
    speed: float

    def now(self) -> datetime:
        passed = timedelta(seconds=(time.monotonic() - self.origin) * self.speed)
        return self.start + min(passed, timedelta(hours=8))


@dataclass(frozen=True)
class Mix:
    """The work of every rival. Without rivals each has a practitioner, a room and times of their own."""

    seed: int
    steps: int
    has_rivals: bool
    now: datetime
    origin: float
    facility_id: FacilityId
    service_id: ServiceId
    desk: Actor
    people: Sequence[tuple[Actor, PatientId]] = field(repr=False)
    takers: Sequence[Taker] = field(repr=False)
    starts: Sequence[datetime] = field(repr=False)

    def __call__(self, seat: Seat) -> Iterator[Deed]:
        with seat.session() as db:
            player = Player(self, db, seat.index)
            seat.wait_for_all()
            for _ in range(self.steps):
                yield player.act()


class Player:
    """One person with a browser, and sometimes the receptionist or a job of the clinic."""

    def __init__(self, mix: Mix, db: Session, index: int) -> None:
        self.mix, self.db, self.index = mix, db, index
        self.rng = random.Random(f"{mix.seed}-{index}")
        self.actor, self.patient_id = mix.people[index]
        self.key, self.hold = f"{mix.seed}-{index}", None
        self.clock: FixedClock | RunningClock = FixedClock(mix.now)
        self.takers = list(mix.takers) if mix.has_rivals else [mix.takers[index]]
        if mix.has_rivals:
            self.clock = RunningClock(mix.now, mix.origin, speed=200)

    hold: AppointmentFacts | None

    def act(self) -> Deed:
        """Do one thing that is possible now."""
        usual: list[Callable[[], list[Told]]] = [
            self.hold_a_time, self.hold_a_time, self.book_it, self.book_it, self.release_it, self.move, self.move,
            self.cancel, self.book_sessions, self.move_later, self.cancel_later, self.book_by_phone, self.move_at_desk,
            self.cancel_at_desk, self.sweep,
        ]  # fmt: skip
        more = [self.join, self.offer, self.offer, self.answer, self.answer, self.answer]
        action = self.rng.choice([*usual, *(more if self.mix.has_rivals else [self.wait_and_get, self.let_run_out])])
        name = action.__name__
        try:
            told = action()
        except Impossible:
            return Deed(self.index, name, "nothing to do")
        except DomainError as refusal:
            return Deed(self.index, name, refusal.code)
        except Exception as error:
            return Deed(self.index, name, f"{type(error).__name__}: {error}"[:300])
        finally:
            self.db.rollback()
        return Deed(self.index, name, "done", tuple(told))

    # What there is to choose from.

    def free(self, count: int = 1) -> list[datetime]:
        """Starts, on different days: any of those that are fought for, or (without rivals) some that are free."""
        starts = list(self.mix.starts)
        if not self.mix.has_rivals:
            rows = self.db.execute(
                select(Appointment.starts_at, Appointment.busy_until).where(
                    Appointment.practitioner_id == self.takers[0].practitioner_id, Appointment.state.in_(LIVE_STATES)
                )
            ).all()
            starts = [at for at in starts if all(at + BUSY <= start or end <= at for start, end in rows)]
        self.rng.shuffle(starts)
        by_day = {at.date(): at for at in starts}
        if len(by_day) < count:
            raise Impossible
        return sorted(list(by_day.values())[:count])

    def booked(self, *, of_series: bool = False, anybodys: bool = False) -> Appointment:
        rows = select(Appointment).where(Appointment.state == "booked").order_by(Appointment.id)
        if of_series:
            rows = rows.where(Appointment.series_id.is_not(None))
        if not (anybodys and self.mix.has_rivals):
            rows = rows.where(Appointment.patient_id == self.patient_id)
        found = self.db.scalars(rows.execution_options(populate_existing=True)).all()
        self.db.rollback()
        return self.one_of(found)

    def one_of(self, found: Sequence[T]) -> T:
        if not found:
            raise Impossible
        return self.rng.choice(found)

    def choice(self, at: datetime) -> Choice:
        who = self.rng.choice([*self.takers, None]) if self.mix.has_rivals else self.takers[0]
        return Choice(
            self.mix.service_id, self.mix.facility_id, at, who.practitioner_id if who else None, self.patient_id
        )

    def to(self, at: datetime) -> NewTime:
        return NewTime(self.mix.facility_id, at, self.choice(at).practitioner_id)

    def anyway(self) -> NewTime:
        """In the lunch break, which staff may set aside."""
        (at,), taker = self.free(), self.rng.choice(self.takers)
        at = at.replace(hour=13, minute=self.rng.choice([5, 10]))
        rows = select(Appointment.id).where(
            Appointment.state.in_(LIVE_STATES), Appointment.busy_until > at, Appointment.busy_from < at + BUSY,
            Appointment.practitioner_id == taker.practitioner_id,
        )  # fmt: skip
        if not self.mix.has_rivals and self.db.scalar(rows.limit(1)):
            raise Impossible
        return NewTime(self.mix.facility_id, at, taker.practitioner_id, anyway=taker)

    # What a patient does.

    def hold_a_time(self) -> list[Told]:
        choice = self.choice(*self.free())
        self.hold = hold_time(self.db, self.clock, choice=choice, hold_key=self.key, actor=self.actor)
        return [(self.hold.id, "hold", self.hold.starts_at)]

    def book_it(self) -> list[Told]:
        if self.hold is None:
            raise Impossible
        held, self.hold = self.hold, None
        book_appointment(
            self.db, self.clock, appointment_id=held.id, hold_key=self.key, actor=self.actor,
            answers=Answers(self.patient_id),
        )  # fmt: skip
        return [(held.id, "booked", held.starts_at)]

    def release_it(self) -> list[Told]:
        if self.hold is None:
            raise Impossible
        held, self.hold = self.hold, None
        release_hold(self.db, self.clock, appointment_id=held.id, hold_key=self.key, actor=self.actor)
        return []

    def move(self) -> list[Told]:
        visit, (at,) = AppointmentId(self.booked().id), self.free()
        move_appointment(self.db, self.clock, appointment_id=visit, actor=self.actor, to=self.to(at))
        return [(visit, "moved or there", at)]

    def cancel(self) -> list[Told]:
        visit = AppointmentId(self.booked().id)
        cancel_appointment(
            self.db, self.clock, appointment_id=visit, actor=self.actor, reason=CancelReason.OTHER
        )  # fmt: skip
        return [(visit, "cancelled", None)]

    def book_sessions(self) -> list[Told]:
        starts, who = tuple(self.free(self.rng.choice([2, 3]))), self.rng.choice(self.takers)
        choice = SeriesChoice(
            self.mix.service_id, self.mix.facility_id, who.practitioner_id, self.patient_id, starts, per_week=2
        )
        if self.is_at_desk():
            series = book_series_by_phone(self.db, self.clock, choice=choice, actor=self.mix.desk, note=self.reason())
        else:
            series = book_series(self.db, self.clock, choice=choice, actor=self.actor, hold_key=self.key)
            self.hold = None
        return [(series, "session", at) for at in starts]

    def move_later(self) -> list[Told]:
        first = self.booked(of_series=True)
        later = self.db.scalars(
            select(Appointment.starts_at)
            .where(
                Appointment.series_id == first.series_id,
                Appointment.state == "booked",
                Appointment.starts_at >= first.starts_at,
            )
            .order_by(Appointment.starts_at)
        ).all()
        self.db.rollback()
        starts = tuple(self.free(len(later)))
        id_ = AppointmentId(first.id)
        if self.is_at_desk():
            move_sessions_by_clinic(
                self.db, self.clock, appointment_id=id_, facility_id=self.mix.facility_id, actor=self.mix.desk,
                starts=starts, note=self.reason(),
            )  # fmt: skip
        else:
            move_later_sessions(self.db, self.clock, appointment_id=id_, actor=self.actor, starts=starts)
        return [(SeriesId(first.series_id or first.id), "session", at) for at in starts]

    def cancel_later(self) -> list[Told]:
        first = AppointmentId(self.booked(of_series=True).id)
        ids = cancel_later_sessions(
            self.db, self.clock, appointment_id=first, actor=self.actor, reason=CancelReason.OTHER
        )  # fmt: skip
        return [(id_, "cancelled", None) for id_ in ids]

    # What staff do.

    def is_at_desk(self) -> bool:
        """Whether staff do it for the patient. Without rivals nobody else does: what one's browser holds is in their way."""
        return self.mix.has_rivals and self.rng.random() < 0.5

    def reason(self) -> str:
        """Why a rule is set aside, half of the times."""
        return self.rng.choice(["", NOTE])

    def book_by_phone(self) -> list[Told]:
        is_aside = self.rng.random() < 0.5
        to = self.anyway() if is_aside else self.to(*self.free())
        booking = PhoneBooking(self.patient_id, self.mix.service_id, to, NOTE if is_aside else "")
        visit = book_by_phone(self.db, self.clock, booking=booking, actor=self.mix.desk)
        return [(visit.id, "booked at that time", to.starts_at)]

    def move_at_desk(self) -> list[Told]:
        visit, to = AppointmentId(self.booked(anybodys=True).id), self.anyway()
        move_by_clinic(
            self.db, self.clock, appointment_id=visit, facility_id=self.mix.facility_id, actor=self.mix.desk, to=to,
            note=NOTE,
        )  # fmt: skip
        return [(visit, "moved or there", to.starts_at)]

    def cancel_at_desk(self) -> list[Told]:
        visit = AppointmentId(self.booked(anybodys=True).id)
        cancel_by_clinic(
            self.db, self.clock, appointment_id=visit, facility_id=self.mix.facility_id, actor=self.mix.desk,
            reason=ClinicReason.PRACTITIONER_AWAY,
        )  # fmt: skip
        return [(visit, "cancelled", None)]

    # What jobs do, and the waiting list.

    def sweep(self) -> list[Told]:
        end_expired_holds(self.db, self.clock if self.mix.has_rivals else FixedClock(self.mix.now))
        if self.mix.has_rivals:
            for offer_id in open_offers(self.db):
                self.db.rollback()
                end_offers(self.db, self.clock, offer_id=offer_id)
        return []

    def join(self, visit: Appointment | None = None) -> list[Told]:
        if self.mix.has_rivals and self.rng.random() < 0.5:
            visit = self.booked()
        asked = Asked(
            self.mix.now.date(), self.mix.now.date() + timedelta(days=40),
            practitioner_id=None if self.mix.has_rivals else self.takers[0].practitioner_id,
        )  # fmt: skip
        appointment_id = AppointmentId(visit.id) if visit else None
        wanted = Wanted(self.patient_id, self.mix.service_id, asked, appointment_id)
        join_waiting_list(self.db, self.clock, wanted=wanted, actor=self.actor)
        return []

    def offer(self, at: datetime | None = None) -> list[Told]:
        rows = select(FreedTime.id).where(FreedTime.closed_at.is_(None)).order_by(FreedTime.id)
        if at is not None:
            whose = FreedTime.practitioner_id == self.takers[0].practitioner_id
            rows = rows.where(whose, FreedTime.starts_at == at)
        freed = self.one_of(self.db.scalars(rows).all())
        self.db.rollback()
        make_offers(self.db, self.clock, freed_time_id=FreedTimeId(freed))
        return []

    def answer(self) -> list[Told]:
        mine = WaitingEntry.patient_id == self.patient_id
        rows = select(WaitingOffer.id, WaitingOffer.starts_at).join(
            WaitingEntry, WaitingEntry.id == WaitingOffer.entry_id
        )
        found = self.db.execute(rows.where(mine, WaitingOffer.state == "open").order_by(WaitingOffer.id)).all()
        self.db.rollback()
        offer_id, at = self.one_of(found)
        if self.rng.random() < 0.3:
            decline_offer(self.db, self.clock, offer_id=OfferId(offer_id))
            return []
        visit = accept_offer(self.db, self.clock, offer_id=OfferId(offer_id))
        return [(visit.id, "moved or there", at)]

    # What needs nobody else.

    def wait_and_get(self) -> list[Told]:
        """Wait for an earlier time, give one back, be offered it, and take it or not."""
        early, late = self.free(2)
        told = list[Told]()
        for at in (early, late):
            held = hold_time(self.db, self.clock, choice=self.choice(at), hold_key=self.key, actor=self.actor)
            self.hold = held
            told += self.book_it()
        first, second = told[0][0], told[1][0]
        self.join(self.db.get_one(Appointment, second))
        cancel_appointment(
            self.db, self.clock, appointment_id=AppointmentId(first), actor=self.actor, reason=CancelReason.OTHER
        )  # fmt: skip
        told.append((first, "cancelled", None))
        self.offer(early)
        with contextlib.suppress(Impossible):  # It was offered once before, and left.
            told += self.answer()
        entry = self.db.scalar(
            select(WaitingEntry.id).where(
                WaitingEntry.patient_id == self.patient_id, WaitingEntry.state == EntryState.WAITING
            )
        )
        self.db.rollback()
        if entry is not None:
            leave_waiting_list(self.db, self.clock, entry_id=EntryId(entry), actor=self.actor)
        return told

    def let_run_out(self) -> list[Told]:
        """Hold a time, come back with another browser after it ran out, and hold it again."""
        (at,) = self.free()
        told = list[Told]()
        for key in (f"{self.key}-before", self.key):
            self.hold = hold_time(self.db, self.clock, choice=self.choice(at), hold_key=key, actor=self.actor)
            told.append((self.hold.id, "hold", at))
            if key != self.key and isinstance(self.clock, FixedClock):
                self.clock.advance(timedelta(minutes=11))
        return told


class Impossible(Exception):
    """There is nothing to do it with."""
