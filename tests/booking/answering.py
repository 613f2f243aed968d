"""What rivals do with an offered time: take it, decline it, end it, book it at the booking page, wish for something else."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from clinic_portal.booking.steps.wishes import Wanted
from clinic_portal.booking.use_cases.accept_offer import accept_offer
from clinic_portal.booking.use_cases.decline_offer import decline_offer
from clinic_portal.booking.use_cases.end_expired_holds import end_expired_holds
from clinic_portal.booking.use_cases.end_offers import end_offers
from clinic_portal.booking.use_cases.give_desk_time import give_desk_time
from clinic_portal.booking.use_cases.hold_time import Choice, hold_time
from clinic_portal.booking.use_cases.join_waiting_list import join_waiting_list
from clinic_portal.booking.use_cases.make_offers import make_offers
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import DomainError
from clinic_portal.core.ids import FreedTimeId, OfferId
from tests.booking.rivals import Seat


@dataclass(frozen=True)
class Answer:
    """One rival's deed; what it needs is set."""

    verb: str
    now: datetime
    offer_id: OfferId | None = None
    freed_id: FreedTimeId | None = None
    choice: Choice | None = None
    wanted: Wanted | None = None
    actor: Actor | None = None

    def do(self, db: Session, seat: Seat) -> str:
        """Do it; return in a word what became of it."""
        clock = FixedClock(self.now)
        if self.offer_id is not None:
            return self._answer(db, clock, self.offer_id)
        if self.freed_id is not None:
            return f"offered {make_offers(db, clock, freed_time_id=self.freed_id)}"
        if self.choice is not None:
            hold_time(db, clock, choice=self.choice, hold_key=f"{self.choice.starts_at}-{seat.index}", actor=None)
            return "held"
        if self.wanted is not None and self.actor is not None:
            join_waiting_list(db, clock, wanted=self.wanted, actor=self.actor)
            return "changed"
        end_expired_holds(db, clock)
        return "swept"

    def _answer(self, db: Session, clock: FixedClock, offer_id: OfferId) -> str:
        if self.verb == "take":
            accept_offer(db, clock, offer_id=offer_id, actor=self.actor)
            return "taken"
        if self.verb == "end":
            return "ended" if end_offers(db, clock, offer_id=offer_id) else "stands"
        if self.verb == "give":
            return "given" if give_desk_time(db, clock, offer_id=offer_id) else "left"
        return str(decline_offer(db, clock, offer_id=offer_id).state.value)


@dataclass(frozen=True)
class AllAtOnce:
    """Every rival does one thing, all at the same moment; with fewer things than rivals, several do the same."""

    answers: Sequence[Answer] = field(repr=False)

    def __call__(self, seat: Seat) -> Iterator[tuple[Answer, str]]:
        answer = self.answers[seat.index % len(self.answers)]
        with seat.session() as db:
            seat.wait_for_all()
            try:
                yield answer, answer.do(db, seat)
            except DomainError as refusal:
                yield answer, refusal.code
            except Exception as error:
                yield answer, type(error).__name__
