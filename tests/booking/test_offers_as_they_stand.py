"""An offer whose time is gone is over at once, wherever somebody looks: the sweep only writes it down a minute later."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from clinic_portal.booking.jobs import sweep_waiting_list
from clinic_portal.booking.links import offer_link_path
from clinic_portal.booking.models import WaitingOffer
from clinic_portal.booking.rules import OfferState
from clinic_portal.booking.use_cases.accept_offer import accept_offer
from clinic_portal.booking.use_cases.end_expired_holds import end_expired_holds
from clinic_portal.booking.use_cases.hold_time import hold_time
from clinic_portal.booking.waiting_messages import offered_facts
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import Conflict
from clinic_portal.core.ids import OfferId
from clinic_portal.core.modes import Modes
from clinic_portal.core.settings import Settings
from clinic_portal.notifications.models import Message
from clinic_portal.patients.models import Patient
from clinic_portal.practitioners.models import Absence, PractitionerService, WeeklyHours
from tests.booking.factory import make_appointment
from tests.booking.holding import choose
from tests.booking.online import give
from tests.booking.waiting import (
    TUESDAY,
    by_phone,
    first_come,
    free_a_time,
    join,
    offer_all,
    offers,
    somebody,
    wait_unreachable,
)
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.page import PortalClient
from tests.support.statements import statements

HOUR = timedelta(hours=1)
FASTER = "Somebody was faster"
NOT_FREE = "This time is no longer free"
BUSY = "Somebody is booking this time at the moment"


def happens(clinic: Clinic, patient: Patient, what: str) -> Callable[[Session], object]:
    """What somebody does to the time while it is offered."""
    ines = {"practitioner": clinic.ines, "at": TUESDAY}
    own = WeeklyHours.practitioner_id == clinic.ines.id
    gives = PractitionerService.practitioner_id == clinic.ines.id
    away = {"starts_at": TUESDAY - HOUR, "ends_at": TUESDAY + HOUR, "reason": "ill"}
    changes: dict[str, Callable[[Session], object]] = {
        "booked": lambda db: make_appointment(db, clinic, patient, **ines),
        "her room": lambda db: make_appointment(
            db, clinic, patient, practitioner=clinic.rui, at=TUESDAY, room_id=clinic.room_1.id
        ),
        "away": lambda db: db.add(Absence(practitioner_id=clinic.ines.id, **away)),
        "not booked any more": lambda db: setattr(clinic.massage, "is_bookable", False),
        "online only": lambda db: give(db, clinic, Modes.ONLINE),
        "left": lambda db: setattr(clinic.ines, "is_active", False),
        "gives it no more": lambda db: db.execute(delete(PractitionerService).where(gives)),
        "hours": lambda db: db.execute(update(WeeklyHours).where(own).values(valid_until=date(2026, 11, 23))),
        "notice": lambda db: setattr(clinic.massage, "notice_minutes", 2 * 24 * 60),
    }  # fmt: skip
    return changes[what]


def offer_two(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, *, is_held: bool
) -> WaitingOffer:  # fmt: skip
    """Marta waits, and somebody whom no message reaches; return her offer. First come: both are told of the time."""
    if not is_held:
        first_come(db, clinic)
    join(db, clock, clinic, cast.patient, cast.patient_person)
    wait_unreachable(db, clock, clinic, cast)
    offer_all(db, clock, free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person))
    assert len(offers(db)) == (1 if is_held else 2)
    return offers(db)[0]


@pytest.mark.parametrize(
    ("what", "is_held", "words"),
    [
        ("booked", False, FASTER),
        ("her room", False, FASTER),
        *((what, is_held, NOT_FREE) for is_held in (True, False) for what in (
            "away", "not booked any more", "online only", "left", "gives it no more", "hours", "notice",
        )),
    ],
)  # fmt: skip
def test_a_time_that_is_gone_is_offered_to_nobody_any_more_wherever_they_look(
    client: PortalClient, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings, what: str,
    is_held: bool, words: str,
) -> None:  # fmt: skip
    offer = offer_two(db, clock, clinic, cast, is_held=is_held)
    path, own, desk = offer_link_path(settings, offer.reference), cast.browser(cast.patient), cast.receptionist
    token = client.page(path).fields()["csrf_token"]
    for mine in ("/", "/visits"):
        assert path in own.page(mine).links(), "minutes count: it is seen wherever they come in"
        callout = " ".join("".join(own.page(mine).one("section", **{"class": "callout"}).itertext()).split())
        assert ("We hold it for you until" if is_held else "The first to take it has it. The offer ends at") in callout
    assert offered_facts(db, clock, settings, offer.id) is not None
    happens(clinic, cast.stranger_person, what)(db)
    db.commit()
    told = db.scalar(select(func.count()).where(Message.kind == "time_offered"))
    for _ in range(2):  # Before the sweep, and after it.
        page = client.page(path)
        assert page.h1 == words
        assert "Take this time" not in page.text
        pressed = client.page(f"{path}/take", method="POST", status=409, data={"csrf_token": token})
        assert pressed.h1 == words
        for mine in ("/", "/visits", f"/waiting-list/{offer.entry_id}"):
            assert "A time came free for you" not in own.page(mine).text
        listed = " ".join(cast.browser(desk).page("/desk/lisbon/waiting-list").text.split())
        assert "Please phone" not in listed
        assert ("No longer free Marta" in listed, "Open Marta" in listed, "Open Tuesday" in listed) == (
            True,
            False,
            False,
        )
        assert "Please phone" not in cast.browser(desk).page("/desk/lisbon").text
        assert "They take it" not in cast.browser(desk).page(f"/desk/lisbon/waiting-list/{offer.entry_id}").text
        assert offered_facts(db, clock, settings, offer.id) is None
        sweep_waiting_list()
        assert {one.state for one in offers(db)} == {OfferState.LOST}
    # Nobody is told a second time, nor that the time is gone.
    assert db.scalar(select(func.count()).where(Message.kind == "time_offered")) == told


def test_the_others_read_at_once_that_somebody_took_it(
    client: PortalClient, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings
) -> None:
    first_come(db, clinic)
    join(db, clock, clinic, cast.patient, cast.patient_person)
    other = join(db, clock, clinic, cast.guardian, cast.child)
    offer_all(db, clock, free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person))
    fast, slow = offers(db)
    accept_offer(db, clock, offer_id=OfferId(fast.id))
    assert offers(db)[1].state is OfferState.OPEN
    assert client.page(offer_link_path(settings, slow.reference)).h1 == FASTER
    assert "A time came free" not in cast.browser(cast.guardian).page(f"/waiting-list/{other.id}").text
    assert offered_facts(db, clock, settings, slow.id) is None


def test_a_time_that_somebody_only_holds_may_come_back(
    client: PortalClient, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings
) -> None:
    offer = offer_two(db, clock, clinic, cast, is_held=False)
    path, desk = offer_link_path(settings, offer.reference), cast.browser(cast.receptionist)
    token = client.page(path).fields()["csrf_token"]
    assert "Please phone" in desk.page("/desk/lisbon").text
    hold_time(db, clock, choice=choose(clinic, at=TUESDAY, practitioner=clinic.ines), hold_key="a", actor=None)
    page = client.page(path)
    assert (page.h1, "The offer ends at 10:42 (Lisbon time)." in page.text) == (BUSY, True)
    pressed = client.page(f"{path}/take", method="POST", status=409, data={"csrf_token": token})
    assert (pressed.h1, "Somebody else has it now." in pressed.text) == (BUSY, True)
    # Nobody is phoned in vain, and the message still goes out: they may look again.
    assert "Please phone" not in desk.page("/desk/lisbon").text
    seen = desk.page(f"/desk/lisbon/waiting-list/{offer.entry_id}").text
    assert "Somebody else holds this time at the moment." in seen
    assert "They take it" not in seen
    assert "They were written to." not in seen
    assert "Held by somebody else" in desk.page("/desk/lisbon/waiting-list").text
    assert offered_facts(db, clock, settings, offer.id) is not None
    sweep_waiting_list()
    assert {one.state for one in offers(db)} == {OfferState.OPEN}
    clock.advance(timedelta(minutes=10))
    end_expired_holds(db, clock)
    assert client.page(path).h1 == "A time came free for you"
    assert accept_offer(db, clock, offer_id=OfferId(offer.id)).starts_at == TUESDAY


def test_what_can_no_longer_be_booked_is_not_booked_by_an_offer(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    offer = offer_two(db, clock, clinic, cast, is_held=True)
    clinic.massage.is_bookable = False
    db.commit()
    with pytest.raises(Conflict, match=r"offer\.lost"):
        accept_offer(db, clock, offer_id=OfferId(offer.id))


def test_a_visit_may_come_earlier_though_the_service_is_booked_no_more(
    client: PortalClient, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings
) -> None:
    visit = make_appointment(db, clinic, cast.patient_person, practitioner=clinic.rui)
    join(db, clock, clinic, cast.patient, cast.patient_person, visit=visit)
    offer_all(db, clock, free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person))
    clinic.massage.is_bookable, clinic.massage.modes = False, Modes.ONLINE
    db.commit()
    (offer,) = offers(db)
    assert client.page(offer_link_path(settings, offer.reference)).h1 == "A time came free for you"
    assert accept_offer(db, clock, offer_id=OfferId(offer.id)).id == visit.id


def test_many_told_of_one_time_cost_the_desk_no_more_than_two(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    first_come(db, clinic)
    freed = free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person)
    desk, counts = cast.browser(cast.receptionist), []
    for number in range(2, 9):
        by_phone(db, clock, clinic, cast, somebody(db, clock, phone=f"+3519123456{number}0"))
        if number in (3, 8):
            offer_all(db, clock, freed)
            with statements(db) as seen:
                assert desk.page("/desk/lisbon/waiting-list").text.count("until 10:42") == number - 1
            counts.append(len(seen))
    assert counts[1] == counts[0]
