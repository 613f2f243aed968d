"""What goes out about a visit that has another time: the old one as well, and that the clinic is sorry when it is why."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from clinic_portal.booking.messages import moved_facts
from clinic_portal.booking.queries.staff import MOVED, MOVED_BY_CLINIC
from clinic_portal.booking.series_messages import series_moved_facts
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.settings import Settings
from clinic_portal.notifications.rendering import render_email, render_sms
from clinic_portal.notifications.rules import sms_size
from clinic_portal.notifications.sources import MessageFacts
from tests.booking.factory import THURSDAY, make_appointment, tell_moved
from tests.booking.series import A_DAY, make_series, tell_of_series
from tests.support.cast import Cast
from tests.support.clinic import Clinic


def moved(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings, reason: str, language: str = "en"
) -> MessageFacts:
    cast.patient_person.language = language
    row = make_appointment(db, clinic, cast.patient_person)
    tell_moved(db, clock, row, was_at=THURSDAY - A_DAY * 2, reason=MOVED)
    tell_moved(db, clock, row, was_at=THURSDAY - A_DAY, reason=reason)
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
