"""An offer whose messages come back when the desk has closed stands until the desk has had its time to phone."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from clinic_portal.booking.jobs import sweep_waiting_list
from clinic_portal.booking.links import offer_link_path
from clinic_portal.booking.models import Appointment, WaitingEntry, WaitingOffer, WaitingPolicy
from clinic_portal.booking.queries.phoning import unheard_offers
from clinic_portal.booking.rules import AppointmentState, OfferMode, OfferState
from clinic_portal.booking.use_cases.accept_offer import accept_offer
from clinic_portal.booking.use_cases.end_expired_holds import end_expired_holds
from clinic_portal.booking.use_cases.give_desk_time import give_desk_time
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.ids import OfferId, new_id
from clinic_portal.core.settings import Settings
from clinic_portal.notifications.models import Message
from clinic_portal.notifications.rules import MessageState
from tests.booking.factory import THURSDAY, make_appointment
from tests.booking.waiting import (
    TUESDAY,
    first_come,
    free_a_time,
    join,
    offer_all,
    offers,
    sweep_offers,
    wait_unreachable,
)
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.page import PortalClient

#: An hour after the desk has closed.
SEVEN = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def offered(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, *, at: datetime = THURSDAY, now: datetime = SEVEN,
    **asked: object,
) -> WaitingOffer:  # fmt: skip
    """Marta, who has both addresses, is offered a time at `now`."""
    clock.at = now
    join(db, clock, clinic, cast.patient, cast.patient_person, **asked)
    assert offer_all(db, clock, free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person, at=at)) == 1
    return offers(db)[-1]


def messages_become(db: Session, offer: WaitingOffer, state: MessageState) -> None:
    db.execute(update(Message).where(Message.subject_id == offer.id).values(state=state))
    db.commit()


@pytest.mark.parametrize("state", [MessageState.BOUNCED, MessageState.FAILED], ids=str)
@pytest.mark.parametrize("is_held", [True, False], ids=["held", "first come"])
def test_what_comes_back_in_the_evening_is_phoned_about_in_the_morning(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, state: MessageState, is_held: bool
) -> None:
    if not is_held:
        first_come(db, clinic)
    offer = offered(db, clock, clinic, cast)
    assert offer.ends_at == SEVEN + 30 * MINUTE
    clock.advance(10 * MINUTE)
    messages_become(db, offer, state)
    for _ in range(2):
        sweep_waiting_list()
        (offer,) = offers(db)
        assert (offer.state, offer.ends_at) == (OfferState.OPEN, TUESDAY + 30 * MINUTE)
    if is_held:
        assert db.get_one(Appointment, offer.hold_id, populate_existing=True).held_until == offer.ends_at
    for moment in (SEVEN + 31 * MINUTE, TUESDAY + 29 * MINUTE):
        clock.at = moment
        assert (end_expired_holds(db, clock), sweep_offers(db, clock)) == (0, 0)
        page = cast.browser(cast.receptionist).page("/desk/lisbon")
        assert "Please phone" in page.text
    # They see it themselves, too, should they look: with its day.
    assert accept_offer(db, clock, offer_id=OfferId(offer.id)).starts_at == THURSDAY


def test_an_offer_that_stands_overnight_is_said_with_its_day(
    client: PortalClient, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings
) -> None:
    offer = offered(db, clock, clinic, cast)
    path = offer_link_path(settings, offer.reference)
    assert "until 19:30 (Lisbon time)." in client.page(path).text
    messages_become(db, offer, MessageState.BOUNCED)
    assert give_desk_time(db, clock, offer_id=OfferId(offer.id))
    assert "until Tuesday 24 November, 09:30 (Lisbon time)." in client.page(path).text


def test_minutes_of_the_evening_count_no_more_than_for_whom_only_the_desk_can_tell(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    offer = offered(db, clock, clinic, cast, now=SEVEN - timedelta(hours=1, minutes=10))
    messages_become(db, offer, MessageState.BOUNCED)
    assert give_desk_time(db, clock, offer_id=OfferId(offer.id))
    # Ten minutes on Monday, twenty more on Tuesday from nine on.
    assert offers(db)[0].ends_at == TUESDAY + 20 * MINUTE


def test_while_the_desk_is_open_nothing_changes(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    offer = offered(db, clock, clinic, cast, now=datetime(2026, 11, 23, 10, 12, tzinfo=UTC))
    messages_become(db, offer, MessageState.BOUNCED)
    assert not give_desk_time(db, clock, offer_id=OfferId(offer.id))
    assert offers(db)[0].ends_at == clock.now() + 30 * MINUTE


def test_an_open_offer_stands_as_it_was_made_whatever_the_policy_says_now(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    """Also of whom only the desk can tell from the start."""
    clock.at = datetime(2026, 11, 23, 10, 12, tzinfo=UTC)
    wait_unreachable(db, clock, clinic, cast)
    offer_all(db, clock, free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person, at=THURSDAY))
    (offer,) = offers(db)
    until, policy = offer.ends_at, {"mode": OfferMode.ONE_AT_A_TIME, "stop_minutes": 120}
    for minutes in (5, 240):
        db.execute(delete(WaitingPolicy))
        db.add(WaitingPolicy(facility_id=clinic.lisbon.id, offer_minutes=minutes, **policy))
        db.commit()
        clock.advance(6 * MINUTE)
        sweep_waiting_list()
        assert (offers(db)[0].state, offers(db)[0].ends_at) == (OfferState.OPEN, until)


@pytest.mark.parametrize(
    ("at", "notice_days"),
    # On Tuesday morning it is two days and an hour until Thursday's time, on Monday evening it was half a day more.
    [(TUESDAY + 90 * MINUTE, 0), (THURSDAY, 3)],
    ids=["for the time", "for the notice that they need"],
)
def test_what_the_desk_opens_too_late_for_goes_to_the_next_at_once(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, at: datetime, notice_days: int
) -> None:
    offer = offered(db, clock, clinic, cast, at=at)
    db.execute(update(WaitingEntry).values(notice_days=notice_days))
    second = join(db, clock, clinic, cast.guardian, cast.child)
    clock.advance(2 * MINUTE)
    messages_become(db, offer, MessageState.BOUNCED)
    sweep_waiting_list()
    gone, asked = offers(db)
    assert (gone.state, asked.entry_id, asked.state) == (OfferState.EXPIRED, second.id, OfferState.OPEN)


def test_what_may_still_arrive_is_not_taken_back_and_not_believed_in_for_ever(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    """A vendor that does not answer: after five minutes the desk is to phone, and what it comes too late for runs its time."""
    offer = offered(db, clock, clinic, cast, at=TUESDAY + 90 * MINUTE)
    messages_become(db, offer, MessageState.RETRY_WAIT)
    clock.advance(4 * MINUTE)
    assert unheard_offers(db, now=clock.now()) == []
    clock.advance(MINUTE)
    assert unheard_offers(db, now=clock.now()) == [OfferId(offer.id)]
    assert not give_desk_time(db, clock, offer_id=OfferId(offer.id))
    assert offers(db)[0].state is OfferState.OPEN
    clock.at = SEVEN
    other = offered(db, clock, clinic, cast, service=clinic.evaluation)
    messages_become(db, other, MessageState.RETRY_WAIT)
    clock.advance(5 * MINUTE)
    assert give_desk_time(db, clock, offer_id=OfferId(other.id))
    assert offers(db)[1].ends_at == TUESDAY + 30 * MINUTE


@pytest.mark.parametrize("state", [MessageState.SENT, MessageState.DELIVERED], ids=str)
def test_one_message_that_went_out_is_enough(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, state: MessageState
) -> None:
    offer = offered(db, clock, clinic, cast)
    messages_become(db, offer, MessageState.BOUNCED)
    db.execute(update(Message).where(Message.subject_id == offer.id, Message.channel == "email").values(state=state))
    db.commit()
    clock.advance(10 * MINUTE)
    sweep_waiting_list()
    assert offers(db)[0].ends_at == SEVEN + 30 * MINUTE


def test_never_longer_than_the_visit_may_be_changed(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    """The visit to bring forward is on Wednesday at 09:10, and may be moved until a day before."""
    visit = make_appointment(
        db, clinic, cast.patient_person, practitioner=clinic.rui, at=TUESDAY + timedelta(days=1, minutes=10)
    )
    offer = offered(db, clock, clinic, cast, at=TUESDAY + timedelta(hours=5), visit=visit)
    clinic.massage.change_cutoff_minutes = 24 * 60
    messages_become(db, offer, MessageState.BOUNCED)
    assert give_desk_time(db, clock, offer_id=OfferId(offer.id))
    assert offers(db)[0].ends_at == TUESDAY + 10 * MINUTE


def test_what_is_over_stays_over(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    offer = offered(db, clock, clinic, cast)
    messages_become(db, offer, MessageState.BOUNCED)
    hold = db.get_one(Appointment, offer.hold_id)
    hold.state, hold.held_until, hold.cancelled_at = AppointmentState.CANCELLED, None, clock.now()
    db.commit()
    assert not give_desk_time(db, clock, offer_id=OfferId(offer.id))
    clock.at = offer.ends_at
    assert not give_desk_time(db, clock, offer_id=OfferId(offer.id))
    assert not give_desk_time(db, clock, offer_id=OfferId(new_id()))
    sweep_offers(db, clock)
    clock.at = SEVEN
    assert not give_desk_time(db, clock, offer_id=OfferId(offer.id))
    assert offers(db)[0].state is OfferState.EXPIRED
