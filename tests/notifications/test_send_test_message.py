"""A message to oneself."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.core.actor import system
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import NotFound
from clinic_portal.notifications.models import Message
from clinic_portal.notifications.use_cases.send_test_message import send_test_message
from tests.support.cast import Cast


def test_each_press_sends_one_to_the_own_account(db: Session, clock: FixedClock, cast: Cast) -> None:
    send_test_message(db, clock, actor=cast.administrator.actor())
    send_test_message(db, clock, actor=cast.administrator.actor())
    assert len(db.scalars(select(Message)).all()) == 2
    clock.at = clock.at.replace(minute=13)
    send_test_message(db, clock, actor=cast.administrator.actor())
    rows = db.scalars(select(Message)).all()
    assert sorted(row.channel for row in rows) == ["email", "email", "sms", "sms"]
    assert {row.subject_id for row in rows} == {cast.administrator.id}


def test_a_job_has_no_address(db: Session, clock: FixedClock) -> None:
    with pytest.raises(NotFound):
        send_test_message(db, clock, actor=system("job"))
