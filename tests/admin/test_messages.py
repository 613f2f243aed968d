"""How messages do, as the administrator sees it."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from clinic_portal.admin.labels import KINDS
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.db import transaction
from clinic_portal.core.heartbeat import beat
from clinic_portal.core.ids import new_id
from clinic_portal.core.settings import Settings
from clinic_portal.notifications import jobs
from clinic_portal.notifications.models import Message
from clinic_portal.notifications.queries import STOP_READER, SWEEPER
from clinic_portal.notifications.rules import Channel, MessageState
from clinic_portal.notifications.steps import note_stop
from clinic_portal.providers.inbox import opt_out
from clinic_portal.wiring import MESSAGE_SOURCES
from tests.booking.factory import make_appointment
from tests.support.cast import Cast
from tests.support.clinic import Clinic


def put(db: Session, clock: FixedClock, state: MessageState, *, ago: timedelta, **other: object) -> None:
    at = clock.now() - ago
    values = {"kind": "reminder", "channel": Channel.SMS, "subject_id": new_id(), "dedupe_key": str(new_id())}
    db.add(Message(**values | {"state": state, "created_at": at, "due_at": at} | other))
    db.commit()


def test_without_a_scheduler_the_page_says_so(db: Session, clock: FixedClock, cast: Cast) -> None:
    administrator = cast.browser(cast.administrator)
    assert "Nobody sends messages" in administrator.page("/admin/messages").text
    beat(db, clock, SWEEPER)
    page = administrator.page("/admin/messages")
    assert "Messages go out" in page.text
    assert "Monday 23 November, 10:12 UTC" in page.text
    clock.advance(timedelta(minutes=2))
    assert "Nobody sends messages" in administrator.page("/admin/messages").text


@pytest.mark.usefixtures("app")
def test_the_sweep_leaves_its_heartbeat(clock: FixedClock, cast: Cast) -> None:
    jobs.sweep_outbox()
    assert "Messages go out" in cast.browser(cast.administrator).page("/admin/messages").text


def test_late_and_failed_messages_are_counted_by_kind(db: Session, clock: FixedClock, cast: Cast) -> None:
    beat(db, clock, SWEEPER)
    put(db, clock, MessageState.RETRY_WAIT, ago=timedelta(minutes=6))
    put(db, clock, MessageState.QUEUED, ago=timedelta(minutes=4))
    put(db, clock, MessageState.QUEUED, ago=timedelta(days=-3))
    put(db, clock, MessageState.FAILED, ago=timedelta(days=2), error_code="sms.refused", attempts=8)
    put(db, clock, MessageState.BOUNCED, ago=timedelta(days=8))
    put(db, clock, MessageState.SENT, ago=timedelta(hours=2), sent_at=clock.now())
    page = cast.browser(cast.administrator).page("/admin/messages")
    assert "1 message is late" in page.text
    (row,) = [row for row in page.all("tr") if "Sent in" not in "".join(row.itertext()) and len(list(row)) == 6]
    assert ["".join(cell.itertext()).strip() for cell in row] == ["Reminder", "SMS", "1", "2", "1", "1"]
    assert "sms.refused" in page.text


def test_a_vendor_that_takes_nothing_is_seen_long_before_the_messages_are_given_up(
    db: Session, clock: FixedClock, cast: Cast
) -> None:
    beat(db, clock, SWEEPER)
    again = {"ago": timedelta(minutes=-10), "error_code": "sms.unreachable"}
    put(db, clock, MessageState.RETRY_WAIT, attempts=2, **again)
    administrator = cast.browser(cast.administrator)
    assert "Nothing is late" in administrator.page("/admin/messages").text
    put(db, clock, MessageState.RETRY_WAIT, attempts=3, **again)
    text = administrator.page("/admin/messages").text
    assert "1 message is late" in text
    assert text.count("sms.unreachable") == 1


def test_phones_that_answered_stop_are_counted_and_an_unread_list_is_told(
    db: Session, clock: FixedClock, cast: Cast
) -> None:
    administrator = cast.browser(cast.administrator)
    beat(db, clock, SWEEPER)
    assert "has never been asked which phones answered STOP" in administrator.page("/admin/messages").text
    beat(db, clock, STOP_READER)
    page = administrator.page("/admin/messages")
    assert "The SMS service" not in page.text
    assert "STOP" not in page.text
    with transaction(db):
        note_stop(db, clock, "+351912345601")
    assert "1 phone answered STOP to our SMS" in administrator.page("/admin/messages").text
    clock.advance(timedelta(hours=1))
    assert "was last asked on Monday 23 November, 10:12 UTC" in administrator.page("/admin/messages").text


@pytest.mark.usefixtures("app", "inbox")
def test_a_test_to_a_phone_that_answered_stop_says_why_it_did_not_go(
    db: Session, clock: FixedClock, cast: Cast, settings: Settings
) -> None:
    cast.administrator.phone = "+351912345608"
    db.commit()
    opt_out(settings.inbox_folder, cast.administrator.phone)
    administrator = cast.browser(cast.administrator)
    page = administrator.page("/admin/messages")
    for _ in range(2):  # The first is refused; of the second it is known before.
        clock.advance(timedelta(minutes=1))
        administrator.post("/admin/messages/test", data=page.fields())
        jobs.sweep_outbox()
        assert "the phone answered STOP: no SMS goes there" in administrator.page("/admin/messages").text


def test_every_kind_has_a_name() -> None:
    assert set(KINDS) == set(MESSAGE_SOURCES)


def test_each_message_has_the_time_of_the_place_that_it_is_about(
    db: Session, clock: FixedClock, cast: Cast, clinic: Clinic
) -> None:
    beat(db, clock, SWEEPER)
    clock.at = datetime(2026, 7, 1, 10, 0, tzinfo=UTC)
    lisbon = make_appointment(db, clinic, cast.patient_person)
    azores = make_appointment(db, clinic, cast.guardian_person, practitioner=clinic.rui, facility_id=clinic.azores.id)
    failed = {"error_code": "sms.refused", "ago": timedelta(0)}
    for subject_id in (lisbon.id, azores.id, cast.patient.id):
        put(db, clock, MessageState.FAILED, subject_id=subject_id, **failed)
    page = cast.browser(cast.administrator).page("/admin/messages")
    for words in (
        "Wednesday 1 July, 11:00 (Lisbon)",
        "Wednesday 1 July, 10:00 (Ponta Delgada)",
        "Wednesday 1 July, 10:00 UTC",
    ):
        assert words in page.text


def test_a_test_goes_the_way_of_all_messages(app: Flask, clock: FixedClock, cast: Cast) -> None:
    administrator = cast.browser(cast.administrator)
    page = administrator.page("/admin/messages")
    assert administrator.post("/admin/messages/test", data=page.fields()).status_code == 303
    assert "on its way" in administrator.page("/admin/messages").text
    jobs.sweep_outbox()
    text = administrator.page("/admin/messages").text
    assert "E-mail, 10:12 UTC: sent" in text
    # The administrator of the tests has no mobile number.
    assert "SMS, 10:12 UTC: no address in the account" in text
