"""Visitors without an account hold a few times at once from one network; an account lifts that."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.routes.guests import GUESTS_AT_ONCE
from clinic_portal.booking.rules import HOLD_FOR, AppointmentState
from clinic_portal.core.at_once import AtOnce
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.settings import Settings
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.page import PortalClient

TIMES = "/book/massage/times?practitioner=any&facility=lisbon"
TOO_MANY = "Many times are already held from your network"


@pytest.fixture
def counted(app: Flask, settings: Settings, valkey: Redis, clinic: Clinic) -> Iterator[Flask]:
    """The application as it counts in production."""
    extension = app.extensions["clinic_portal"]
    extension["settings"] = replace(settings, rate_limits=True)
    yield app
    extension["settings"] = settings


def press(client: PortalClient, address: str = "192.0.2.7", *, number: int = 0) -> tuple[int, str]:
    """Press the first free time; returns the status, and the page or where it leads."""
    where = {"REMOTE_ADDR": address}
    page = client.page(TIMES, environ_base=where)
    slots = [button.get("value", "") for button in page.all("button", name="slot")]
    answer = client.post(
        TIMES, data={"slot": slots[number], "csrf_token": page.fields()["csrf_token"]}, environ_base=where
    )
    return answer.status_code, answer.location or answer.get_data(as_text=True)


def live_holds(db: Session) -> int:
    return db.scalar(select(func.count()).where(Appointment.state == AppointmentState.PROPOSED)) or 0


def fill(cast: Cast, address: str = "192.0.2.7") -> list[PortalClient]:
    browsers = [cast.browser(None) for _ in range(GUESTS_AT_ONCE)]
    assert [press(browser, address)[0] for browser in browsers] == [303] * GUESTS_AT_ONCE
    return browsers


def test_the_eleventh_visitor_of_a_network_is_told_what_to_do(counted: Flask, cast: Cast, db: Session) -> None:
    fill(cast)
    status, page = press(cast.browser(None))
    assert status == 409
    assert TOO_MANY in page
    assert "/sign-in?next=/book/massage/times" in page.replace("%2F", "/")
    assert "+351" in page
    assert live_holds(db) == GUESTS_AT_ONCE
    # Another network is not concerned, nor is somebody with an account on this one.
    assert press(cast.browser(None), "192.0.2.8")[0] == 303
    assert press(cast.browser(cast.patient))[0] == 303


def test_who_holds_a_time_may_choose_another(counted: Flask, cast: Cast, db: Session) -> None:
    browsers = fill(cast)
    for _ in range(3):
        assert press(browsers[0], number=5)[0] == 303
    assert live_holds(db) == GUESTS_AT_ONCE


def test_a_hold_that_ran_out_makes_room(counted: Flask, cast: Cast, clock: FixedClock) -> None:
    fill(cast)
    clock.at += HOLD_FOR + timedelta(seconds=1)
    assert press(cast.browser(None))[0] == 303


def test_a_time_that_was_not_got_does_not_count(counted: Flask, cast: Cast) -> None:
    fill(cast, "192.0.2.9")
    taken = "2026-11-24T03:00Z"
    for _ in range(GUESTS_AT_ONCE + 1):
        loser = cast.browser(None)
        token = loser.page(TIMES).fields()["csrf_token"]
        answer = loser.post(TIMES, data={"slot": taken, "csrf_token": token})
        assert answer.status_code == 409
        assert TOO_MANY not in answer.get_data(as_text=True)


def test_a_network_of_the_new_kind_is_one_visitor(counted: Flask, cast: Cast) -> None:
    for number in range(GUESTS_AT_ONCE):
        assert press(cast.browser(None), f"2001:db8:1:2::{number + 1:x}")[0] == 303
    assert press(cast.browser(None), "2001:db8:1:2:ffff::1")[0] == 409
    assert press(cast.browser(None), "2001:db8:1:3::1")[0] == 303


def test_without_valkey_nobody_is_refused(clock: FixedClock) -> None:
    counter = AtOnce("redis://127.0.0.1:1/0")
    for number in range(3):
        place = counter.enter("g", str(number), limit=1, now=clock.now(), until=clock.now() + HOLD_FOR)
        assert place.is_free
        counter.leave("g", str(number))
