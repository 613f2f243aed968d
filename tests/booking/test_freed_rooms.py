"""A room that comes free gives a colleague a time who was free before and had none: those who wait for them are asked."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment, FreedTime, WaitingOffer
from clinic_portal.booking.queries.stranded import token_of
from clinic_portal.booking.rules import CancelReason, OfferState, StrandedAnswer
from clinic_portal.booking.steps import NewTime
from clinic_portal.booking.use_cases.accept_offer import accept_offer
from clinic_portal.booking.use_cases.cancel_appointment import cancel_appointment
from clinic_portal.booking.use_cases.decline_offer import decline_offer
from clinic_portal.booking.use_cases.end_expired_holds import end_expired_holds
from clinic_portal.booking.use_cases.hold_time import hold_time
from clinic_portal.booking.use_cases.move_appointment import move_appointment
from clinic_portal.booking.use_cases.settle_stranded import settle_stranded
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.ids import AppointmentId, FacilityId, FreedTimeId, OfferId, PractitionerId
from clinic_portal.practitioners.models import Practitioner, WeeklyHours
from tests.booking.factory import THURSDAY, make_appointment
from tests.booking.holding import choose
from tests.booking.test_any_room import any_room
from tests.booking.waiting import TUESDAY, join, offer_all, offers
from tests.support.cast import Cast
from tests.support.clinic import Clinic

A_DAY = {"from_day": date(2026, 11, 24), "until_day": date(2026, 11, 24)}


class House:
    """Lisbon, where Inês and Rui work in whatever room is free, and both rooms are taken on Tuesday at nine."""

    def __init__(self, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
        self.db, self.clock, self.clinic, self.cast = db, clock, clinic, cast
        any_room(db, clinic.ines, clinic.rui)
        other = Practitioner(given_name="Marco", family_name="Dias")
        db.add(other)
        db.flush()
        self.with_ines = make_appointment(db, clinic, cast.stranger_person, at=TUESDAY)
        self.with_marco = make_appointment(
            db, clinic, cast.guardian_person, at=TUESDAY, practitioner=other, room_id=clinic.room_2.id
        )  # fmt: skip

    def waits_for(self, who: Practitioner | None, **asked: object) -> None:
        """The patient waits for a massage on that day, at nine."""
        wish = A_DAY | {"practitioner_id": who.id if who else None} | asked
        join(self.db, self.clock, self.clinic, self.cast.patient, self.cast.patient_person, **wish)

    def cancel(self, visit: Appointment) -> None:
        actor = (self.cast.stranger if visit is self.with_ines else self.cast.guardian).actor()
        id_, reason = AppointmentId(visit.id), CancelReason.OTHER
        cancel_appointment(self.db, self.clock, appointment_id=id_, actor=actor, reason=reason)

    def work(self) -> None:
        """What the jobs do until nothing is left to do."""
        work(self.db, self.clock)

    def noted(self) -> list[tuple[object, bool]]:
        """Whose times are noted as free, and whether it is by a room."""
        rows = self.db.scalars(select(FreedTime).order_by(FreedTime.id))
        return [(row.practitioner_id, row.is_by_room) for row in rows]

    def offered(self) -> list[tuple[object, object]]:
        return [(one.practitioner_id, one.starts_at) for one in offers(self.db)]


def work(db: Session, clock: FixedClock) -> None:
    """What the jobs do until nothing is left to do."""
    for _ in range(3):
        for id_ in db.scalars(select(FreedTime.id).where(FreedTime.closed_at.is_(None))).all():
            offer_all(db, clock, FreedTimeId(id_))


@pytest.fixture
def house(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> House:
    return House(db, clock, clinic, cast)


def test_who_waits_for_a_colleague_is_offered_the_room_that_came_free(house: House, clinic: Clinic) -> None:
    house.waits_for(clinic.rui)
    house.cancel(house.with_ines)
    # The request noted what was given back, and no more.
    assert house.noted() == [(clinic.ines.id, False)]
    house.work()
    assert house.noted() == [(clinic.ines.id, False), (clinic.rui.id, True)]
    assert house.offered() == [(clinic.rui.id, TUESDAY)]
    visit = accept_offer(house.db, house.clock, offer_id=OfferId(offers(house.db)[0].id))
    assert (visit.practitioner_id, visit.room_id) == (clinic.rui.id, clinic.room_1.id)
    house.work()
    assert house.db.scalars(select(FreedTime).where(FreedTime.closed_at.is_(None))).all() == []


def test_a_visit_that_moves_away_makes_place_as_well(house: House, clinic: Clinic) -> None:
    house.waits_for(clinic.rui)
    to = NewTime(FacilityId(clinic.lisbon.id), THURSDAY, PractitionerId(clinic.ines.id))
    id_, actor = AppointmentId(house.with_ines.id), house.cast.stranger.actor()
    move_appointment(house.db, house.clock, appointment_id=id_, actor=actor, to=to)
    house.work()
    assert house.offered() == [(clinic.rui.id, TUESDAY)]


def test_with_another_room_free_all_along_nothing_is_news(house: House, clinic: Clinic) -> None:
    house.db.delete(house.with_marco)
    house.db.flush()
    house.waits_for(clinic.rui)
    house.cancel(house.with_ines)
    house.work()
    assert house.noted() == [(clinic.ines.id, False)]
    assert house.offered() == []


def test_two_rooms_that_come_free_together_are_news_once(house: House, clinic: Clinic) -> None:
    house.waits_for(clinic.rui)
    house.cancel(house.with_ines)
    house.cancel(house.with_marco)
    house.work()
    assert [one for one, is_by_room in house.noted() if is_by_room] == [clinic.rui.id]
    assert house.offered() == [(clinic.rui.id, TUESDAY)]


def test_nobody_is_written_down_for_whom_nobody_waits(house: House, clinic: Clinic) -> None:
    house.waits_for(clinic.rui, from_day=date(2026, 11, 25), until_day=date(2026, 11, 25))
    house.cancel(house.with_ines)
    house.work()
    assert house.noted() == [(clinic.ines.id, False)]


def test_a_colleague_who_is_busy_then_gains_nothing(house: House, clinic: Clinic) -> None:
    make_appointment(house.db, clinic, house.cast.child, at=TUESDAY, practitioner=clinic.rui, room_id=clinic.room_a.id)
    house.waits_for(clinic.rui)
    house.cancel(house.with_ines)
    house.work()
    assert house.offered() == []


def test_who_said_no_to_the_hour_is_not_asked_again_for_a_colleague(house: House, clinic: Clinic) -> None:
    house.waits_for(None)
    house.cancel(house.with_ines)
    house.work()
    assert house.offered() == [(clinic.ines.id, TUESDAY)]
    decline_offer(house.db, house.clock, offer_id=OfferId(offers(house.db)[0].id))
    house.work()
    assert house.offered() == [(clinic.ines.id, TUESDAY)]
    assert [one.state for one in offers(house.db)] == [OfferState.DECLINED]


def test_a_room_that_somebody_holds_is_offered_when_the_hold_ends(house: House, clinic: Clinic) -> None:
    """Somebody at the booking page has taken the room for a visit with Inês."""
    house.waits_for(clinic.rui)
    house.cancel(house.with_ines)
    choice = choose(clinic, at=TUESDAY, practitioner=clinic.ines)
    hold_time(house.db, house.clock, choice=choice, hold_key="a", actor=None)
    house.work()
    assert house.offered() == []
    house.clock.advance(timedelta(minutes=10))
    end_expired_holds(house.db, house.clock)
    house.work()
    assert house.offered() == [(clinic.rui.id, TUESDAY)]
    assert house.db.scalars(select(WaitingOffer.state)).one() is OfferState.OPEN


def test_a_visit_that_leaves_its_room_at_its_time_makes_place_for_a_colleague(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    """Room 1 became Rui's, and Inês's visit was left in it until somebody saw to it."""
    visit = make_appointment(db, clinic, cast.stranger_person, at=TUESDAY)
    for who, room in ((clinic.ines, clinic.room_2), (clinic.rui, clinic.room_1)):
        db.execute(update(WeeklyHours).where(WeeklyHours.practitioner_id == who.id).values(room_id=room.id))
    db.commit()
    join(db, clock, clinic, cast.patient, cast.patient_person, **A_DAY, practitioner_id=clinic.rui.id)
    # It is not Inês whose time comes free: who waits for her is not written to.
    join(db, clock, clinic, cast.guardian, cast.guardian_person, **A_DAY, practitioner_id=clinic.ines.id)
    answers = {token_of(AppointmentId(visit.id), TUESDAY): StrandedAnswer.ROOM}
    assert settle_stranded(db, clock, answers=answers, actor=cast.administrator.actor()).other_room == 1
    (noted,) = db.scalars(select(FreedTime))
    assert (noted.practitioner_id, noted.room_id, noted.is_room_only) == (clinic.ines.id, clinic.room_1.id, True)
    desk = cast.browser(cast.receptionist)
    assert "No visit was cancelled or moved." in desk.page("/desk/lisbon/waiting-list").text
    work(db, clock)
    assert [(one.practitioner_id, one.starts_at) for one in offers(db)] == [(clinic.rui.id, TUESDAY)]


def test_it_may_leave_one_room_after_the_other(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    visit = make_appointment(db, clinic, cast.stranger_person, at=TUESDAY)
    hours = update(WeeklyHours).where(WeeklyHours.practitioner_id == clinic.ines.id)
    for room in (clinic.room_2, clinic.room_1, clinic.room_2):
        db.execute(hours.values(room_id=room.id))
        db.commit()
        answers = {token_of(AppointmentId(visit.id), TUESDAY): StrandedAnswer.ROOM}
        assert settle_stranded(db, clock, answers=answers, actor=cast.administrator.actor()).other_room == 1
    # Leaving the first one for the second time is known already.
    left = db.scalars(select(FreedTime.room_id).where(FreedTime.is_room_only).order_by(FreedTime.id)).all()
    assert left == [clinic.room_1.id, clinic.room_2.id]
    work(db, clock)
    assert db.scalars(select(FreedTime).where(FreedTime.closed_at.is_(None))).all() == []


def test_everybody_who_says_no_brings_the_hour_to_the_next_and_the_work_ends(house: House, clinic: Clinic) -> None:
    """For Inês, for anybody, for Rui: the hour itself comes first, then the room, and nobody is asked twice."""
    db, clock, cast = house.db, house.clock, house.cast
    people = [(cast.patient, cast.patient_person, clinic.rui), (cast.guardian, cast.child, clinic.ines)]
    people.append((cast.stranger, cast.stranger_person, None))
    for account, patient, who in people:
        join(db, clock, clinic, account, patient, **A_DAY, practitioner_id=who.id if who else None)
        clock.advance(timedelta(minutes=1))
    house.cancel(house.with_ines)
    asked = []
    for _ in people:
        house.work()
        asked.append(offers(db)[-1])
        decline_offer(db, clock, offer_id=OfferId(asked[-1].id))
    house.work()
    assert [one.practitioner_id for one in asked] == [clinic.ines.id, clinic.ines.id, clinic.rui.id]
    assert len(offers(db)) == len({one.entry_id for one in asked}) == len(people)
    assert db.scalars(select(FreedTime).where(FreedTime.closed_at.is_(None))).all() == []


def test_the_desk_reads_why_it_is_free(house: House, clinic: Clinic) -> None:
    house.waits_for(clinic.rui)
    house.cancel(house.with_ines)
    house.work()
    page = house.cast.browser(house.cast.receptionist).page("/desk/lisbon/waiting-list")
    assert "Rui Meireles a room came free" in " ".join(page.text.split())
