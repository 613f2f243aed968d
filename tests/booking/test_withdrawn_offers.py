"""An open offer when what its patient waits for changes: its time goes to the next, and taking it is refused clearly."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.links import offer_link_path
from clinic_portal.booking.models import Appointment, WaitingEntry
from clinic_portal.booking.rules import AppointmentState, EntryState, OfferState, PartOfDay
from clinic_portal.booking.steps import NewTime
from clinic_portal.booking.use_cases.accept_offer import accept_offer
from clinic_portal.booking.use_cases.leave_waiting_list import leave_waiting_list
from clinic_portal.booking.use_cases.move_appointment import move_appointment
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import Conflict
from clinic_portal.core.ids import AppointmentId, FacilityId, OfferId, PractitionerId
from clinic_portal.core.modes import Mode
from clinic_portal.core.settings import Settings
from clinic_portal.notifications.models import Message
from clinic_portal.notifications.rules import MessageState
from tests.booking.factory import THURSDAY, make_appointment
from tests.booking.waiting import TUESDAY, entry_id, first_come, free_a_time, join, offer_all, offers, sweep_offers
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.page import PortalClient


def states(db: Session) -> list[OfferState]:
    return [one.state for one in offers(db)]


def refusal(db: Session, clock: FixedClock) -> str:
    with pytest.raises(Conflict) as refused:
        accept_offer(db, clock, offer_id=OfferId(offers(db)[0].id))
    return refused.value.code


@pytest.mark.parametrize("is_held", [True, False], ids=["held", "first come"])
@pytest.mark.parametrize(
    "wish",
    [
        {"weekdays": frozenset({3})},
        {"parts": frozenset({PartOfDay.AFTERNOON})},
        {"from_day": date(2026, 11, 25)},
        {"practitioner_id": "rui"},
        {"mode": Mode.ONLINE},
        {"notice": timedelta(days=1)},
    ],
    ids=lambda wish: next(iter(wish)),
)
def test_wishes_that_an_offer_no_longer_fits_withdraw_it_for_the_next(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, wish: dict[str, object], is_held: bool
) -> None:
    if not is_held:
        first_come(db, clinic)
    join(db, clock, clinic, cast.patient, cast.patient_person)
    freed = free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person)
    assert offer_all(db, clock, freed) == 1
    waits_behind = join(db, clock, clinic, cast.guardian, cast.child)
    asked = {name: clinic.rui.id if value == "rui" else value for name, value in wish.items()}
    changed = join(db, clock, clinic, cast.patient, cast.patient_person, **asked)
    (offer,) = offers(db)
    assert (offer.state, offer.ended_at, changed.state) == (OfferState.WITHDRAWN, clock.now(), EntryState.WAITING)
    if is_held:
        assert db.get_one(Appointment, offer.hold_id).state is AppointmentState.CANCELLED
    unsent = db.scalars(select(Message.state).where(Message.subject_id == offer.id))
    assert set(unsent) == {MessageState.CANCELLED}
    assert refusal(db, clock) == "offer.withdrawn"
    assert offer_all(db, clock, freed) == 1
    assert [(one.entry_id, one.state) for one in offers(db)][1] == (waits_behind.id, OfferState.OPEN)


def test_wishes_that_an_offer_still_fits_leave_it_open(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    join(db, clock, clinic, cast.patient, cast.patient_person)
    offer_all(db, clock, free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person))
    join(db, clock, clinic, cast.patient, cast.patient_person, weekdays=frozenset({1}), practitioner_id=clinic.ines.id)
    assert states(db) == [OfferState.OPEN]
    assert accept_offer(db, clock, offer_id=OfferId(offers(db)[0].id)).starts_at == TUESDAY


def test_an_offer_is_over_when_the_visit_was_moved_before_it(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    visit = make_appointment(db, clinic, cast.patient_person, at=THURSDAY, practitioner=clinic.rui)
    join(db, clock, clinic, cast.patient, cast.patient_person, visit=visit)
    at = THURSDAY - timedelta(days=1)
    offer_all(db, clock, free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person, at=at))
    to = NewTime(FacilityId(clinic.lisbon.id), TUESDAY, PractitionerId(clinic.rui.id))
    move_appointment(db, clock, appointment_id=AppointmentId(visit.id), actor=cast.patient.actor(), to=to)
    # Nobody is moved back to a later time by taking it.
    assert refusal(db, clock) == "offer.withdrawn"
    assert db.get_one(Appointment, visit.id, populate_existing=True).starts_at == TUESDAY
    assert sweep_offers(db, clock) == 1
    assert states(db) == [OfferState.WITHDRAWN]
    assert db.scalars(select(WaitingEntry.state)).one() is EntryState.WAITING


@pytest.mark.parametrize("how", ["changed", "left", "moved"])
def test_the_link_says_what_became_of_the_offer(
    client: PortalClient, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings, how: str
) -> None:
    visit = make_appointment(db, clinic, cast.patient_person, at=THURSDAY, practitioner=clinic.rui)
    entry = join(db, clock, clinic, cast.patient, cast.patient_person, visit=visit)
    at = THURSDAY - timedelta(days=1)
    offer_all(db, clock, free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person, at=at))
    path = offer_link_path(settings, offers(db)[0].reference)
    token = client.page(path).fields()["csrf_token"]
    words = "You are still on the waiting list"
    if how == "changed":
        join(db, clock, clinic, cast.patient, cast.patient_person, visit=visit, weekdays=frozenset({4}))
    elif how == "left":
        leave_waiting_list(db, clock, entry_id=entry_id(entry), actor=cast.patient.actor())
        words = "You are no longer on the waiting list"
    else:
        to = NewTime(FacilityId(clinic.lisbon.id), TUESDAY, PractitionerId(clinic.rui.id))
        move_appointment(db, clock, appointment_id=AppointmentId(visit.id), actor=cast.patient.actor(), to=to)
    looked = client.page(path)
    pressed = client.page(f"{path}/take", method="POST", status=409, data={"csrf_token": token})
    for page in (looked, pressed):
        assert page.h1 == "This offer was withdrawn"
        assert words in page.text
        assert "Your visit is as it was" in page.text
    assert "It no longer fits what you wait for." in pressed.text or how == "left"


def test_the_link_ends_waiting(
    client: PortalClient, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings
) -> None:
    entry = join(db, clock, clinic, cast.patient, cast.patient_person)
    offer_all(db, clock, free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person))
    path = offer_link_path(settings, offers(db)[0].reference)
    token = client.page(path).fields()["csrf_token"]
    page = client.page(f"{path}/leave", method="POST", data={"csrf_token": token})
    assert page.h1 == "This offer was withdrawn"
    assert "You are no longer on the waiting list" in page.text
    assert "Take me off" not in page.text
    assert db.get_one(WaitingEntry, entry.id, populate_existing=True).state is EntryState.ENDED


def test_today_is_the_day_of_the_place(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    """In UTC it is the 24th; in the Azores, an hour behind, still the 23rd; in Lisbon the 24th."""
    clock.at = datetime(2026, 11, 24, 0, 30, tzinfo=UTC)
    patient, path = cast.browser(cast.patient), "/book/massage/waiting-list?practitioner=any&facility="
    assert patient.page(f"{path}lisbon").fields()["from_day"] == "2026-11-24"
    assert patient.page(f"{path}ponta-delgada").fields()["from_day"] == "2026-11-23"
    # Anywhere: nobody misses a time there.
    assert patient.page(f"{path}any").fields()["from_day"] == "2026-11-23"
    days = {"from_day": date(2026, 11, 23), "until_day": date(2026, 11, 23)}
    join(db, clock, clinic, cast.patient, cast.patient_person, facility_id=clinic.azores.id, **days)
    with pytest.raises(Conflict, match=r"waiting\.days_over"):
        join(db, clock, clinic, cast.patient, cast.patient_person, facility_id=clinic.lisbon.id, **days)
