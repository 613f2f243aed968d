"""Live pages: a real socket server, real clients, real processes."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import takewhile
from queue import Queue
from typing import Any

import pytest
import socketio
from flask import Flask
from socketio.exceptions import ConnectionError as NotConnected
from sqlalchemy import update
from sqlalchemy.orm import Session
from werkzeug.serving import make_server

from clinic_portal import wiring
from clinic_portal.accounts.models import Account, AccountSession
from clinic_portal.accounts.queries import token_hash
from clinic_portal.accounts.steps import open_session
from clinic_portal.app import create_app
from clinic_portal.booking.events import AppointmentBooked
from clinic_portal.core.clock import SystemClock
from clinic_portal.core.db import make_engine, transaction
from clinic_portal.core.events import publish
from clinic_portal.core.ids import AccountId, AppointmentId, new_id
from clinic_portal.core.settings import Settings
from clinic_portal.patients.rules import DisplayChoice
from clinic_portal.waiting_room import sockets
from clinic_portal.waiting_room.queries import find_screen, queue_version
from clinic_portal.waiting_room.rules import ScreenLabel
from clinic_portal.waiting_room.sockets import RECHECK_S, Listener, Listeners, init_sockets
from clinic_portal.waiting_room.steps import lock_queue, queue_changed
from clinic_portal.waiting_room.use_cases.call_next import call_next
from clinic_portal.waiting_room.use_cases.pair_screen import pair_screen
from clinic_portal.waiting_room.use_cases.revoke_screen import revoke_screen
from clinic_portal.waiting_room.use_cases.start_screen import start_screen
from config import load_settings
from tests.support.cast import make_cast
from tests.support.clinic import make_clinic
from tests.support.running import Running, running_portal
from tests.waiting_room.desk import Desk

pytestmark = pytest.mark.processes

LIMIT = 3


class Place:
    """A running socket server and the desk of Lisbon, on the wall clock."""

    def __init__(self, portal: Running, settings: Settings, db: Session) -> None:
        self.portal = portal
        self.settings = settings
        self.app: Flask = create_app(settings)
        self.db = db
        self.clock = SystemClock()
        clinic = make_clinic(db, self.clock)  # type: ignore[arg-type]
        self.desk = Desk(db, self.clock, make_cast(db, self.clock, clinic, self.app), clinic)  # type: ignore[arg-type]
        self.clients: list[socketio.Client] = []

    def session(self, account: Account) -> str:
        """The cookie of a signed-in browser."""
        token = open_session(self.db, self.clock, account_id=AccountId(account.id), user_agent="test")
        self.db.commit()
        return self.cookie_of(token)

    def cookie_of(self, token: str) -> str:
        """The cookie with a session's token."""
        serializer = self.app.session_interface.get_signing_serializer(self.app)  # type: ignore[attr-defined]
        return f"clinic_session={serializer.dumps({'_user_id': token, '_fresh': True})}"

    def screen(self) -> tuple[str, str]:
        """The cookie of a paired screen, and its token."""
        token, screen = start_screen(self.db, self.clock)
        label = ScreenLabel("A", "en")
        pair_screen(self.db, self.clock, code=screen.pairing_code or "", label=label, **self.desk.ask())
        return f"clinic_screen={token}", token

    def connect(self, cookie: str, origin: str | None = None, port: int = 0, **auth: Any) -> "Queue[Any]":
        """Connect, or raise NotConnected; everything that the server says lands in the queue."""
        heard: Queue[Any] = Queue()
        client = socketio.Client(reconnection=False, websocket_extra_options={"origin": origin or self.portal.url})
        for event in ("queue_changed", "disconnect"):
            client.on(event, lambda *data, event=event: heard.put((event, *data)), namespace="/live")
        client.on("*", lambda event, *data: heard.put((event, *data)), namespace="/live")
        self.clients.append(client)
        client.connect(
            f"http://127.0.0.1:{port or self.portal.live_port}",
            headers={"Cookie": cookie},
            auth=auth or None,
            transports=["websocket"],
            namespaces=["/live"],
            wait_timeout=5,
        )
        return heard

    def hang_up(self) -> None:
        for client in self.clients:
            client.disconnect()
            client.shutdown()
        self.clients.clear()


class Ending(socketio.RedisManager):  # type: ignore[misc]  # python-socketio has no types
    """Listens until it is told to end. The library's own listens as long as its process lives, also without a Valkey."""

    is_over = False

    def _listen(self) -> Iterator[bytes]:
        yield from takewhile(lambda _: not self.is_over, super()._listen())

    def end(self) -> None:
        """Wake the thread that listens, and wait until it is gone."""
        self.is_over = True
        while self.thread.is_alive():
            self._publish({})
            self.thread.join(0.1)
        self.redis.close()


@pytest.fixture
def listening(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, Listeners]]:
    """A socket server in this process: its port, and who listens. Its threads end before Valkey does."""
    monkeypatch.setattr(sockets.socketio, "RedisManager", Ending)
    app = create_app(place.settings)
    listeners = init_sockets(app, place.settings)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port, listeners
    place.hang_up()
    server.shutdown()
    thread.join()
    server.server_close()
    app.extensions["socketio"].server.shutdown()
    app.extensions["socketio"].server.manager.end()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, worker_number: int) -> Iterator[Place]:
    """One server for these tests; it takes three connections."""
    folder = tmp_path_factory.mktemp("live")
    with running_portal(folder, f"clinic_live_{worker_number}", 8600 + 40 * worker_number) as portal:
        portal.environment["LIVE_MAX_CONNECTIONS"] = str(LIMIT)
        settings = load_settings(portal.environment)
        portal.start("live")
        engine = make_engine(settings.database_url)
        with Session(engine, expire_on_commit=False, info=dict(wiring.session_info(settings))) as db:
            yield Place(portal, settings, db)
        engine.dispose()


@pytest.fixture(autouse=True)
def hang_up(place: Place) -> Iterator[None]:
    """Close what a test opened, and wait until the server has noticed."""
    yield
    place.hang_up()
    time.sleep(0.3)


def somebody_arrives(place: Place) -> None:
    person = place.desk.person("Zuleica", "Quaresma", display_choice=DisplayChoice.CODE)
    place.desk.arrive(person, minutes=-1, practitioner=place.desk.clinic.rui)


def test_a_change_is_heard_within_a_second_and_says_only_a_version(place: Place) -> None:
    screen = place.connect(place.screen()[0])
    desk = place.connect(place.session(place.desk.cast.receptionist), facility="lisbon")
    somebody_arrives(place)
    expected = {"version": queue_version(place.db, place.desk.facility_id)}
    assert screen.get(timeout=1) == ("queue_changed", expected)
    assert desk.get(timeout=1) == ("queue_changed", expected)
    call_next(place.db, place.clock, **place.desk.ask())
    event, said = screen.get(timeout=1)
    assert (event, said) == ("queue_changed", {"version": expected["version"] + 1})


def test_who_books_for_another_day_has_no_screen_ask(place: Place) -> None:
    screen = place.connect(place.screen()[0])
    version = queue_version(place.db, place.desk.facility_id)
    for ahead in (timedelta(days=30), timedelta(days=1, minutes=1), timedelta(hours=1)):
        booked = AppointmentBooked(
            AppointmentId(new_id()), place.desk.facility_id, place.clock.now() + ahead, is_told=True
        )
        with transaction(place.db):
            publish(place.db, place.clock, booked)
    with transaction(place.db):
        queue_changed(place.db, lock_queue(place.db, place.clock, place.desk.facility_id))
    heard = [screen.get(timeout=1) for _ in range(2)]
    assert heard == [("queue_changed", {"version": version}), ("queue_changed", {"version": version + 1})]


@pytest.mark.parametrize("who", ["nobody", "patient", "far", "unpaired", "forged"])
def test_strangers_are_refused(place: Place, who: str) -> None:
    cast = place.desk.cast
    cookie = {
        "nobody": "a=b",
        "patient": place.session(cast.patient),
        "far": place.session(cast.far_receptionist),
        "unpaired": f"clinic_screen={start_screen(place.db, place.clock)[0]}",
        "forged": "clinic_screen=forged; clinic_session=forged",
    }[who]
    with pytest.raises(NotConnected):
        place.connect(cookie, facility="lisbon")


def test_staff_who_name_no_facility_or_a_wrong_one_are_refused(place: Place) -> None:
    cookie = place.session(place.desk.cast.receptionist)
    for auth in ({}, {"facility": "nowhere"}, {"facility": 7}):
        with pytest.raises(NotConnected):
            place.connect(cookie, **auth)


def test_a_page_of_another_site_is_refused(place: Place) -> None:
    with pytest.raises(NotConnected):
        place.connect(place.screen()[0], origin="https://evil.example")


def test_one_more_than_the_limit_is_refused_and_comes_in_when_one_leaves(place: Place) -> None:
    cookie = place.screen()[0]
    for _ in range(LIMIT):
        place.connect(cookie)
    with pytest.raises(NotConnected):
        place.connect(cookie)
    place.clients[0].disconnect()
    deadline = time.monotonic() + 5
    while True:
        try:
            place.connect(cookie)
            break
        except NotConnected:
            assert time.monotonic() < deadline, "a place that was given back stays taken"
            time.sleep(0.1)


def test_a_revoked_screen_does_not_come_back(place: Place) -> None:
    cookie, token = place.screen()
    place.connect(cookie)
    screen = find_screen(place.db, token)
    assert screen is not None
    revoke_screen(place.db, place.clock, screen_id=screen.id, **place.desk.ask())
    place.hang_up()
    with pytest.raises(NotConnected):
        place.connect(cookie)


def test_whoever_loses_the_right_is_sent_away(place: Place, listening: tuple[int, Listeners]) -> None:
    port, listeners = listening
    cookie, token = place.screen()
    screen = find_screen(place.db, token)
    session_token = open_session(
        place.db, place.clock, account_id=AccountId(place.desk.cast.administrator.id), user_agent="test"
    )
    place.db.commit()
    kept = place.connect(place.screen()[0], port=port)
    revoked = place.connect(cookie, port=port)
    ended = place.connect(place.cookie_of(session_token), port=port, facility="lisbon")
    listeners.recheck()
    assert screen is not None
    revoke_screen(place.db, place.clock, screen_id=screen.id, **place.desk.ask())
    place.db.execute(
        update(AccountSession)
        .where(AccountSession.token_hash == token_hash(session_token))
        .values(ended_at=place.clock.now())
    )
    place.db.commit()
    listeners.recheck()
    for gone in (revoked, ended):
        said = [gone.get(timeout=2)[0] for _ in range(gone.qsize() or 1)]
        assert said[-1] == "disconnect" or gone.get(timeout=2)[0] == "disconnect"
    assert "disconnect" not in [kept.get_nowait()[0] for _ in range(kept.qsize())]
    assert RECHECK_S <= 30, "within a minute, the next round included"


def test_tokens_do_not_land_in_a_log(place: Place) -> None:
    assert "secret" not in repr(Listener(place.desk.facility_id, screen_token="secret", session_token="secret"))
