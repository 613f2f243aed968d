"""Worker, pages and Valkey are killed with SIGKILL while 500 visits are booked: nothing is lost, nothing happens twice."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from sqlalchemy import Engine, text

from clinic_portal.core.db import make_engine
from tests.support.running import Running
from tests.support.seed import Seeded, seed
from tests.support.visitor import Visitor

pytestmark = pytest.mark.processes

BOOKINGS, PATIENTS = 500, 10
PATIENCE_S = 60.0
SETTLE_S = 180.0


def persist(press: Callable[[], requests.Response]) -> requests.Response:
    """Do as a patient with a bad connection does: press again until there is an answer."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            response = press()
            if response.status_code < 500:
                return response
        except requests.RequestException:
            pass
        assert time.monotonic() < deadline, "no answer for a minute"
        time.sleep(0.1)


class Progress:
    """How many visits the patients were told of; lets the killer wait for a number."""

    def __init__(self) -> None:
        self.references: list[str] = []
        self._changed = threading.Condition()

    def add(self, location: str) -> None:
        with self._changed:
            self.references.append(location)
            self._changed.notify_all()

    def wait_for(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.references) >= count, timeout=PATIENCE_S * 3)


def book_all(url: str, email: str, asks: list[tuple[str, str]], progress: Progress) -> None:
    visitor = Visitor(url)
    visitor.sign_in(email)
    for practitioner, slot in asks:
        held = persist(
            lambda practitioner=practitioner, slot=slot: visitor.hold("massage", slot, practitioner=practitioner)
        )
        assert held.status_code == 303, (held.status_code, slot)
        path = held.headers["Location"]
        persist(lambda path=path: visitor.get(path))
        booked = persist(lambda path=path: visitor.book(path))
        assert booked.status_code == 303, (booked.status_code, slot)
        progress.add(booked.headers["Location"])


def kill_and_bring_back(portal: Running, name: str, pause_s: float) -> None:
    portal.kill(name)
    time.sleep(pause_s)
    portal.start(name)
    portal.revive()


def settle(engine: Engine, portal: Running) -> None:
    """Wait until every message that is due has come to an end. Reminders are due in days."""
    deadline = time.monotonic() + SETTLE_S
    query = text("SELECT count(*) FROM message WHERE state IN ('queued', 'in_flight', 'retry_wait') AND due_at < now()")
    while time.monotonic() < deadline:
        with engine.connect() as connection:
            if connection.scalar(query) == 0:
                return
        portal.revive()
        time.sleep(0.5)
    raise AssertionError("messages are still on their way")


def test_nothing_is_lost_and_nothing_happens_twice(portal: Running) -> None:
    seeded: Seeded = seed(portal.database, PATIENTS)
    portal.start("web", "worker", "scheduler")
    ines, rui = seeded.clinic.ines.id, seeded.clinic.rui.id
    starts = {person: seeded.starts(seeded.clinic.massage.id, person, BOOKINGS // 2) for person in (ines, rui)}
    # A patient is in one place at a time: every tenth start of Inês, and other ones of Rui.
    shares = [
        [(str(ines), slot) for slot in starts[ines][number::PATIENTS]]
        + [(str(rui), slot) for slot in starts[rui][(number + 1) % PATIENTS :: PATIENTS]]
        for number in range(PATIENTS)
    ]
    progress = Progress()
    with ThreadPoolExecutor(PATIENTS) as pool:
        bookings = [
            pool.submit(book_all, portal.url, email, share, progress)
            for email, share in zip(seeded.emails, shares, strict=True)
        ]
        for count, name, pause_s in (
            (80, "worker", 1.0),
            (160, "web", 1.0),
            (240, "valkey", 3.0),
            (320, "worker", 0.0),
            (400, "web", 0.0),
        ):
            progress.wait_for(count)
            kill_and_bring_back(portal, name, pause_s)
        for booking in bookings:
            booking.result()
    assert len(set(progress.references)) == BOOKINGS
    engine = make_engine(portal.database)
    settle(engine, portal)
    check_books(engine)
    check_messages(engine, portal.inbox)
    engine.dispose()


def check_books(engine: Engine) -> None:
    """Every visit that a patient was told of is booked, with exactly the history that led there."""
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM appointment WHERE state = 'booked'")) == BOOKINGS
        histories = connection.execute(
            text(
                "SELECT array_agg(coalesce(h.from_state, '-') || '>' || h.to_state ORDER BY h.id) FROM appointment a"
                " JOIN appointment_history h ON h.appointment_id = a.id WHERE a.state = 'booked' GROUP BY a.id"
            )
        ).scalars()
        assert {tuple(history) for history in histories} == {("->proposed", "proposed>booked")}
        unexplained = connection.scalar(
            text(
                "SELECT count(*) FROM appointment a WHERE a.state <> (SELECT h.to_state FROM appointment_history h"
                " WHERE h.appointment_id = a.id ORDER BY h.id DESC LIMIT 1)"
            )
        )
        assert unexplained == 0


def check_messages(engine: Engine, inbox: Path) -> None:
    """One SMS and one e-mail a visit, each sent, each in the inbox once."""
    arrived = {path.stem for path in inbox.glob("*.json")}
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT m.id::text, m.channel, m.state, m.subject_id::text FROM message m"
                " JOIN appointment a ON a.id = m.subject_id WHERE m.kind = 'appointment_booked'"
            )
        ).all()
        # Whoever books in the afternoon of the eve is reminded at once.
        others = connection.execute(
            text("SELECT channel || '-' || id::text FROM message WHERE kind <> 'appointment_booked' AND state = 'sent'")
        ).scalars()
        reminders = set(others)
    assert {row.state for row in rows} == {"sent"}
    assert len({(row.channel, row.subject_id) for row in rows}) == len(rows) == 2 * BOOKINGS
    assert arrived - reminders == {f"{row.channel}-{row.id}" for row in rows}
