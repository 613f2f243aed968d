"""Staff put on the waiting list who phones."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment, AppointmentHistory, VisitPolicy, WaitingEntry
from clinic_portal.booking.rules import AppointmentState, EntryState, OfferState
from clinic_portal.booking.use_cases.accept_offer import accept_offer
from clinic_portal.booking.use_cases.end_entries import end_entries
from clinic_portal.booking.use_cases.leave_by_phone import leave_by_phone
from clinic_portal.booking.waiting_messages import joined_facts, left_facts
from clinic_portal.core.audit import AuditEntry
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import FacilityId, OfferId
from clinic_portal.core.settings import Settings
from clinic_portal.notifications.models import Message
from clinic_portal.notifications.rules import MessageState
from tests.booking.factory import THURSDAY, make_appointment
from tests.booking.waiting import TUESDAY, by_phone, entry_id, free_a_time, join, offer_all, offers, somebody
from tests.support.cast import Cast
from tests.support.clinic import Clinic


def test_who_has_no_account_is_offered_a_time_by_sms_and_takes_it_with_the_link(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    beatriz = somebody(db, clock)
    entry = by_phone(db, clock, clinic, cast, beatriz)
    assert (entry.account_id, entry.state, entry.facility_id) == (None, EntryState.WAITING, clinic.lisbon.id)
    written = db.scalars(select(AuditEntry).where(AuditEntry.action == "waiting.joined_by_staff")).one()
    assert (written.account_id, written.subject_id) == (cast.receptionist.id, entry.id)
    assert not end_entries(db, clock, entry_id=entry_id(entry))
    offer_all(db, clock, free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person))
    (offer,) = offers(db)
    assert (offer.entry_id, offer.starts_at) == (entry.id, TUESDAY)
    visit = accept_offer(db, clock, offer_id=OfferId(offer.id))
    row = db.get_one(Appointment, visit.id, populate_existing=True)
    assert (row.patient_id, row.state, row.booked_by_account_id) == (beatriz.id, AppointmentState.BOOKED, None)
    assert db.scalars(select(Message.kind).where(Message.subject_id == row.id)).all().count("appointment_booked") == 2


def test_a_visit_is_brought_forward_for_who_phones(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    beatriz = somebody(db, clock)
    visit = make_appointment(db, clinic, beatriz, at=THURSDAY, practitioner=clinic.rui)
    by_phone(db, clock, clinic, cast, beatriz, visit=visit)
    offer_all(db, clock, free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person))
    taken = accept_offer(db, clock, offer_id=OfferId(offers(db)[0].id))
    assert (taken.id, taken.starts_at) == (visit.id, TUESDAY)


def test_staff_answer_for_who_is_on_the_phone_and_the_child_stays_the_parents(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    by_phone(db, clock, clinic, cast, cast.child)
    offer_all(db, clock, free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person))
    (offer,) = offers(db)
    for _ in range(2):
        visit = accept_offer(db, clock, offer_id=OfferId(offer.id), actor=cast.receptionist.actor())
    written = db.scalars(select(AuditEntry).where(AuditEntry.action == "waiting.accepted_by_staff")).one()
    assert (written.account_id, written.subject_id) == (cast.receptionist.id, offer.id)
    assert db.get_one(Appointment, visit.id).booked_by_account_id == cast.guardian.id
    lines = db.scalars(select(AppointmentHistory).where(AppointmentHistory.appointment_id == visit.id))
    assert {line.actor_name for line in lines} == {"Paula Reis"}


def test_who_waits_already_keeps_the_place_with_what_they_say_now(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    own = join(db, clock, clinic, cast.patient, cast.patient_person)
    clock.advance(timedelta(hours=1))
    said = by_phone(db, clock, clinic, cast, cast.patient_person, weekdays=frozenset({1}))
    assert (said.id, said.weekdays, said.created_at) == (own.id, [1], clock.now() - timedelta(hours=1))


def test_staff_may_put_on_the_list_who_missed_too_many_visits(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    db.execute(update(VisitPolicy).values(noshow_limit=1))
    missed = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
    make_appointment(db, clinic, cast.patient_person, at=missed, state=AppointmentState.NOSHOW)
    by_phone(db, clock, clinic, cast, cast.patient_person)
    assert offer_all(db, clock, free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person)) == 1
    accept_offer(db, clock, offer_id=OfferId(offers(db)[0].id))
    assert offers(db)[0].state is OfferState.ACCEPTED


def test_nobody_is_put_on_the_list_at_a_desk_that_is_not_ones_own(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    elsewhere = make_appointment(db, clinic, cast.patient_person)
    for other in (
        {"at": clinic.azores},
        {"who": cast.far_receptionist},
        {"who": cast.patient},
        {"at": clinic.azores, "who": cast.far_receptionist, "visit": elsewhere},
    ):
        with pytest.raises(NotFound):
            by_phone(db, clock, clinic, cast, cast.patient_person, **other)
    with pytest.raises(NotFound):  # Somebody else's visit.
        by_phone(db, clock, clinic, cast, cast.stranger_person, visit=elsewhere)
    assert db.scalars(select(WaitingEntry)).all() == []


def test_days_and_visits_that_are_over_are_refused(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:  # fmt: skip
    over = make_appointment(db, clinic, cast.patient_person, state=AppointmentState.CANCELLED)
    for other, code in (
        ({"until_day": date(2026, 11, 22), "from_day": date(2026, 11, 1)}, "waiting.days_over"),
        ({"visit": over}, "appointment.already_started"),
    ):
        with pytest.raises(Conflict) as refused:
            by_phone(db, clock, clinic, cast, cast.patient_person, **other)
        assert refused.value.code == code


def told(db: Session, entry: WaitingEntry) -> list[tuple[str, str]]:
    """What waits to be sent about a place on the list."""
    waits = Message.subject_id == entry.id, Message.state == MessageState.QUEUED
    rows = db.execute(select(Message.kind, Message.channel).where(*waits).order_by(Message.kind, Message.channel))
    return [(kind, channel.value) for kind, channel in rows]


def test_who_is_put_on_the_list_is_told_what_they_wait_for(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    entry = by_phone(db, clock, clinic, cast, cast.patient_person, weekdays=frozenset({1}))
    joined = [("waiting_joined", "email"), ("waiting_joined", "sms")]
    assert told(db, entry) == joined
    clock.advance(timedelta(minutes=1))
    # Saved again without a change: nothing new to tell.
    by_phone(db, clock, clinic, cast, cast.patient_person, weekdays=frozenset({1}))
    assert told(db, entry) == joined
    first = db.scalars(select(Message.id).where(Message.subject_id == entry.id)).all()
    by_phone(db, clock, clinic, cast, cast.patient_person, weekdays=frozenset({2}))
    # One message, of what they wait for now.
    assert told(db, entry) == joined
    waits = Message.subject_id == entry.id, Message.state == MessageState.QUEUED
    assert not set(first) & set(db.scalars(select(Message.id).where(*waits)))


def test_who_asks_online_reads_it_on_the_page(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    assert told(db, join(db, clock, clinic, cast.patient, cast.patient_person)) == []


def test_who_is_taken_off_is_told_and_reads_no_more_that_they_wait(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    entry = by_phone(db, clock, clinic, cast, cast.patient_person)
    leave_by_phone(
        db, clock, entry_id=entry_id(entry), facility_id=FacilityId(clinic.lisbon.id), actor=cast.receptionist.actor()
    )
    assert told(db, entry) == [("waiting_left", "email"), ("waiting_left", "sms")]


def test_the_texts_are_true_when_they_go_out(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings
) -> None:
    beatriz = somebody(db, clock)
    entry = by_phone(db, clock, clinic, cast, beatriz)
    facts = joined_facts(db, clock, settings, entry.id)
    assert facts is not None
    assert (facts.phone, facts.email, facts.language) == (beatriz.phone, None, "pt_PT")
    # Nobody who reads it could sign in.
    assert facts.context["link_path"] == ""
    end = {"facility_id": FacilityId(clinic.lisbon.id), "actor": cast.receptionist.actor()}
    leave_by_phone(db, clock, entry_id=entry_id(entry), **end)
    assert joined_facts(db, clock, settings, entry.id) is None
    assert left_facts(db, clock, settings, entry.id) is not None
    # They phoned again at once.
    by_phone(db, clock, clinic, cast, beatriz)
    assert left_facts(db, clock, settings, entry.id) is None
    own = by_phone(db, clock, clinic, cast, cast.patient_person, notice=timedelta(days=7))
    facts = joined_facts(db, clock, settings, own.id)
    assert facts is not None
    assert facts.context["notice"] == "1 week"
    assert cast.browser(cast.patient).page(str(facts.context["link_path"])).h1 == "You are on the waiting list"
    childs = joined_facts(db, clock, settings, by_phone(db, clock, clinic, cast, cast.child).id)
    assert childs is not None
    assert (childs.email, childs.context["for_name"]) == (cast.guardian.email, cast.child.given_name)
