"""What goes out about a visit that has another time: the old one as well, and that the clinic is sorry when it is why."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.messages import moved_facts
from clinic_portal.booking.models import Appointment
from clinic_portal.booking.queries import facts_of
from clinic_portal.booking.queries.staff import MOVED, MOVED_BY_CLINIC
from clinic_portal.booking.series_messages import series_moved_facts
from clinic_portal.booking.steps import NewTime, write_history
from clinic_portal.booking.steps.reminders import tell_of_booking
from clinic_portal.booking.use_cases.move_appointment import move_appointment
from clinic_portal.booking.use_cases.move_later_sessions import move_later_sessions
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import AppointmentId, FacilityId
from clinic_portal.core.settings import Settings
from clinic_portal.notifications.delivery import make_senders
from clinic_portal.notifications.models import Message
from clinic_portal.notifications.rendering import render_email, render_sms
from clinic_portal.notifications.rules import Channel, MessageState, sms_size
from clinic_portal.notifications.sources import MessageFacts
from clinic_portal.notifications.use_cases.sweep_outbox import sweep_outbox
from clinic_portal.providers.inbox import clear_inbox, read_inbox
from tests.booking.factory import THURSDAY, make_appointment, tell_moved
from tests.booking.series import A_DAY, make_series, tell_of_series
from tests.support.cast import Cast
from tests.support.clinic import Clinic


def moved(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings, reason: str, language: str = "en",
    *, was_at: datetime = THURSDAY - A_DAY,
) -> MessageFacts:  # fmt: skip
    cast.patient_person.language = language
    row = make_appointment(db, clinic, cast.patient_person)
    tell_moved(db, clock, row, was_at=was_at, reason=reason)
    facts = moved_facts(db, clock, settings, row.id)
    assert facts is not None
    return facts


@pytest.mark.parametrize(
    ("language", "old", "sorry"),
    [
        ("en", "Wednesday 25 November, 10:30 (Lisbon time)", "We are sorry."),
        ("pt_PT", "quarta-feira, 25 de novembro, 10:30 (hora local: Lisboa)", "Pedimos desculpa."),
    ],
)
@pytest.mark.parametrize("reason", [MOVED, MOVED_BY_CLINIC])
def test_the_email_has_the_old_time_and_is_sorry_only_where_nobody_asked(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings,
    reason: str, language: str, old: str, sorry: str,
) -> None:  # fmt: skip
    """The desk moves what somebody on the phone asks for as well: there it is told without regret."""
    facts = moved(db, clock, clinic, cast, settings, reason, language)
    email = render_email(settings, "appointment_moved", facts)
    for body in (email.text, email.html or ""):
        assert old.lower() in body.lower()
        assert (sorry in body) is (reason == MOVED_BY_CLINIC)
    if language == "en":
        assert ("We had to move your visit to" in email.subject) is (reason == MOVED_BY_CLINIC)


def test_the_sms_has_the_old_time_where_it_takes_no_further_segment(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings
) -> None:
    facts = moved(db, clock, clinic, cast, settings, MOVED)
    text = render_sms(settings, "appointment_moved", facts).text
    assert "has moved to Thu 26 Nov 10:30 (was Wed 25 Nov 10:30), Rua das Flores 12" in text
    facts = MessageFacts(
        facts.email, facts.phone, "en", {**facts.context, "street": "Avenida Engenheiro Duarte Pacheco 123, 4"}
    )
    text = render_sms(settings, "appointment_moved", facts).text
    assert ("was Wed" in text, sms_size(text).segments) == (False, 1)
    facts = MessageFacts(facts.email, facts.phone, "en", {**facts.context, "by_clinic": True})
    assert "sorry, we had to move your visit to" in render_sms(settings, "appointment_moved", facts).text


def test_of_an_old_time_that_nobody_wrote_down_or_that_is_the_same_nothing_is_said(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings
) -> None:
    row = make_appointment(db, clinic, cast.patient_person)
    for _ in range(2):
        facts = moved_facts(db, clock, settings, row.id)
        assert facts is not None
        assert "Old time" not in render_email(settings, "appointment_moved", facts).text
        assert "was" not in render_sms(settings, "appointment_moved", facts).text
        tell_moved(db, clock, row, was_at=row.starts_at)  # To somebody else, at the same time.


@pytest.mark.parametrize(
    ("language", "changed", "stays"),
    [
        ("en", "Your visit on Thu 26 Nov 10:30 has changed", "The time is as it was."),
        ("pt_PT", "A sua marcação de quinta 26 nov. 10:30 foi alterada", "A hora mantém-se."),
    ],
)
@pytest.mark.parametrize("reason", [MOVED, MOVED_BY_CLINIC])
def test_somebody_else_or_another_place_at_the_same_time_is_no_new_time(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings,
    reason: str, language: str, changed: str, stays: str,
) -> None:  # fmt: skip
    facts = moved(db, clock, clinic, cast, settings, reason, language, was_at=THURSDAY)
    email = render_email(settings, "appointment_moved", facts)
    assert email.subject == changed
    for body in (email.text, email.html or ""):
        assert stays in body
        assert not [words for words in ("New time", "new time", "ovo horário") if words in body]
        assert any(word in body for word in ("We are sorry.", "Pedimos desculpa.")) is (reason == MOVED_BY_CLINIC)
    text = render_sms(settings, "appointment_moved", facts).text
    assert ("has changed" in text, "alterada" in text) == (language == "en", language != "en")
    assert "Ines Carvalho" in text


def test_sessions_that_moved_together_say_what_each_was(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings
) -> None:
    series, rows = make_series(db, clinic, cast.patient_person)
    tell_of_series(db, clock, series, "series_moved", [])
    for row in rows[1:]:
        tell_moved(db, clock, row, was_at=row.starts_at - timedelta(hours=1))
    facts = series_moved_facts(db, clock, settings, series.id)
    assert facts is not None
    email = render_email(settings, "series_moved", facts)
    assert "1. Thursday 3 December, 10:30 (was Thursday 3 December, 09:30)" in email.text
    assert [(email.html or "").count("(was "), email.text.count("(was ")] == [3, 3]


Sweep = Callable[[], list[str]]


@pytest.fixture
def sweep(db: Session, clock: FixedClock, settings: Settings, inbox: object) -> Sweep:
    """Send what is due, a minute later; returns what the e-mails of it say, by subject."""

    def send() -> list[str]:
        clock.advance(timedelta(minutes=1))
        clear_inbox(settings.inbox_folder)
        sweep_outbox(db, clock, settings=settings, senders=make_senders(settings, clock.now))
        clock.advance(timedelta(minutes=1))
        found = [item for item in read_inbox(settings.inbox_folder) if item.channel == Channel.EMAIL]
        return [item.text for item in sorted(found, key=lambda item: item.subject)]

    return send


def book(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> Appointment:
    row = make_appointment(db, clinic, cast.patient_person, booked_at=clock.now())
    with transaction(db):
        write_history(db, clock, row, before=None, actor=cast.patient.actor(), reason="booked")
        tell_of_booking(db, clock, facts_of(row))
    return row


def move(db: Session, clock: FixedClock, cast: Cast, row: Appointment, at: datetime) -> None:
    clock.advance(timedelta(minutes=1))
    new = NewTime(FacilityId(row.facility_id), at)
    move_appointment(db, clock, appointment_id=AppointmentId(row.id), actor=cast.patient.actor(), to=new)


def test_a_time_that_nobody_was_told_of_is_no_old_time(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, sweep: Sweep
) -> None:
    row = book(db, clock, clinic, cast)
    assert len(sweep()) == 1
    move(db, clock, cast, row, THURSDAY + A_DAY)
    move(db, clock, cast, row, THURSDAY + A_DAY * 4)
    (told,) = sweep()
    assert "New time: Monday 30 November" in told
    assert "Old time: Thursday 26 November" in told, "what went out, not what was void before it went"
    move(db, clock, cast, row, THURSDAY + A_DAY * 5)
    (told,) = sweep()
    assert "Old time: Monday 30 November" in told, "told of since"
    move(db, clock, cast, row, THURSDAY)
    move(db, clock, cast, row, THURSDAY + A_DAY * 5)
    (told,) = sweep()
    assert "Old time" not in told, "back where it was before anybody was told"


def test_somebody_told_of_nothing_knows_what_was_booked(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, sweep: Sweep
) -> None:
    """Whoever booked has seen the time, if not in a message."""
    row = book(db, clock, clinic, cast)
    move(db, clock, cast, row, THURSDAY + A_DAY)
    move(db, clock, cast, row, THURSDAY + A_DAY * 4)
    (told,) = sweep()
    assert "Old time: Thursday 26 November" in told


def test_a_message_that_did_not_arrive_told_nobody(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, sweep: Sweep
) -> None:
    row = book(db, clock, clinic, cast)
    sweep()
    move(db, clock, cast, row, THURSDAY + A_DAY)
    for message in db.scalars(select(Message).where(Message.kind == "appointment_moved")):
        message.state = MessageState.FAILED
    db.commit()
    move(db, clock, cast, row, THURSDAY + A_DAY * 4)
    (told,) = sweep()
    assert "Old time: Thursday 26 November" in told


def test_a_session_was_when_the_last_message_about_its_series_said(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, sweep: Sweep
) -> None:
    series, rows = make_series(db, clinic, cast.patient_person, sessions=2)
    with transaction(db):
        for row in rows:
            write_history(db, clock, row, before=None, actor=cast.patient.actor(), reason="series.booked")
    clock.advance(timedelta(minutes=1))
    tell_of_series(db, clock, series, "series_booked", [])
    move(db, clock, cast, rows[0], THURSDAY + A_DAY)  # Before its message goes, which so tells of this time.
    assert len(sweep()) == 2
    move(db, clock, cast, rows[0], THURSDAY + A_DAY * 4)
    (told,) = sweep()
    assert "Old time: Friday 27 November" in told
    for days in (5, 6):
        starts = (THURSDAY + A_DAY * days, rows[1].starts_at)
        clock.advance(timedelta(minutes=1))
        id_, actor = AppointmentId(rows[0].id), cast.patient.actor()
        move_later_sessions(db, clock, appointment_id=id_, actor=actor, starts=starts)
    told = sweep()[0]
    assert "Wednesday 2 December, 10:30 (was Monday 30 November, 10:30)" in told
