"""Live pages: who may listen to a facility's queue. A message holds a version, never anything about a patient."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import socketio
from flask import Flask, request
from flask_login import current_user
from flask_socketio import ConnectionRefusedError as Refused
from flask_socketio import SocketIO, join_room
from sqlalchemy.orm import Session

from clinic_portal.accounts.queries import find_session
from clinic_portal.core.clock import Clock
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import FacilityId
from clinic_portal.core.live import CHANNEL, facility_room
from clinic_portal.core.settings import Settings
from clinic_portal.facilities.queries import staff_facility, works_at
from clinic_portal.waiting_room.queries import find_screen, screen_is_paired
from clinic_portal.waiting_room.rules import SCREEN_COOKIE
from clinic_portal.web.access import current_actor
from clinic_portal.web.database import clock, db_session, session_factory

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

NAMESPACE = "/live"
PATH = "/socket.io"
#: Sockets of one session or screen: a person has that many tabs of the desk open, not more.
PER_OWNER = 12
#: How often it is looked whether those who listen still may: a session that was ended, a screen that was revoked.
RECHECK_S = 20.0


@dataclass(frozen=True)
class Listener:
    """Who listens to a facility: a screen's token, or that of somebody's session."""

    facility_id: FacilityId
    screen_token: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)

    def may_listen(self, db: Session, clock: Clock) -> bool:
        """Whether the token still gives the right."""
        if self.screen_token:
            screen = find_screen(db, self.screen_token)
            return screen is not None and screen.facility_id == self.facility_id
        session = find_session(db, clock, self.session_token)
        return session is not None and works_at(db, self.facility_id, actor=session.actor)


class Gate:
    """Lets only screens and staff open a socket, each a few and all together so many: an open one holds a thread."""

    def __init__(self, app: Flask, inner: "WSGIApplication", limit: int) -> None:
        """Stand in front of the socket server."""
        self._app = app
        self._inner = inner
        self._limit = limit
        self._open = 0
        self._by_owner: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer 403 to strangers and 503 when full; let everything but sockets through."""
        path = environ.get("PATH_INFO", "")
        if path != PATH and not path.startswith(f"{PATH}/"):
            return self._inner(environ, start_response)
        owner = self._owner(environ)
        if owner is None:
            return _refuse(start_response, "403 Forbidden")
        if not self._enter(owner):
            return _refuse(start_response, "503 Service Unavailable")
        try:
            # Returns when the socket is closed.
            return self._inner(environ, start_response)
        finally:
            with self._lock:
                self._open -= 1
                self._by_owner[owner] -= 1
                if not self._by_owner[owner]:
                    del self._by_owner[owner]

    def _enter(self, owner: str) -> bool:
        with self._lock:
            if self._open >= self._limit or self._by_owner[owner] >= PER_OWNER:
                return False
            self._open += 1
            self._by_owner[owner] += 1
            return True

    def _owner(self, environ: "WSGIEnvironment") -> str | None:
        """Return whose socket it would be: a session's of staff, or a screen's; None for strangers."""
        with self._app.request_context(environ):
            actor = current_actor()
            token = request.cookies.get(SCREEN_COOKIE, "")
            if actor is not None and actor.is_staff:
                return f"session:{current_user.id}"
            return f"screen:{token}" if screen_is_paired(db_session(), token) else None


class Listeners:
    """Who is connected to this process; those who lose their right are sent away."""

    def __init__(self, server: SocketIO, make_session: Callable[[], Session], time_source: Clock) -> None:
        """Start to look after them with the first one."""
        self._server = server
        self._make_session = make_session
        self._clock = time_source
        self._by_sid: dict[str, Listener] = {}
        self._lock = threading.Lock()
        self._watch: threading.Thread | None = None

    def add(self, sid: str, listener: Listener) -> None:
        """Remember a listener."""
        with self._lock:
            self._by_sid[sid] = listener
            if self._watch is None:
                self._watch = threading.Thread(target=self._run, name="listeners", daemon=True)
                self._watch.start()

    def remove(self, sid: str) -> None:
        """Forget a listener."""
        with self._lock:
            self._by_sid.pop(sid, None)

    def recheck(self) -> None:
        """Send away whoever may no longer listen."""
        with self._lock:
            listeners = list(self._by_sid.items())
        with closing(self._make_session()) as db:
            gone = [sid for sid, listener in listeners if not listener.may_listen(db, self._clock)]
        for sid in gone:
            self.remove(sid)
            transport = self._server.server.manager.eio_sid_from_sid(sid, NAMESPACE)
            self._server.server.disconnect(sid, namespace=NAMESPACE)
            socket = self._server.server.eio.sockets.pop(transport, None)
            if socket is not None:
                # Not eio.disconnect(): it waits until the other side has taken all, which one that is gone never does.
                socket.close(wait=False)

    def _run(self) -> None:
        while True:
            time.sleep(RECHECK_S)
            try:
                self.recheck()
            except Exception:
                # The database is away for a moment: they stay, and the next round looks again.
                log.exception("listeners_not_rechecked")


def init_sockets(app: Flask, settings: Settings) -> Listeners:
    """Give the application its socket server, at most `live_max_connections` open at once; return who listens."""
    server = SocketIO(
        app,
        async_mode="threading",
        transports=["websocket"],
        client_manager=socketio.RedisManager(settings.redis_url, channel=CHANNEL),
        cors_allowed_origins=_origins(settings),
        manage_session=False,
        ping_interval=20,
        ping_timeout=20,
        max_http_buffer_size=4096,
    )
    listeners = Listeners(server, session_factory(app), clock_of(app))
    app.wsgi_app = Gate(app, app.wsgi_app, settings.live_max_connections)  # type: ignore[method-assign]

    @server.on("connect", namespace=NAMESPACE)  # type: ignore[untyped-decorator]  # Flask-SocketIO has no types
    def connect(auth: object = None) -> None:
        listener = _listener(auth)
        if listener is None:
            raise Refused("not_allowed")
        join_room(facility_room(listener.facility_id))
        listeners.add(_sid(), listener)

    @server.on("disconnect", namespace=NAMESPACE)  # type: ignore[untyped-decorator]
    def disconnect(*_reason: object) -> None:
        listeners.remove(_sid())

    return listeners


def clock_of(app: Flask) -> Clock:
    """Return the application's clock outside a request."""
    with app.app_context():
        return clock()


def _listener(auth: object) -> Listener | None:
    """Return who wants to listen: staff name the facility, a screen has one."""
    wanted = auth.get("facility") if isinstance(auth, dict) else None
    actor = current_actor()
    if wanted is None:
        token = request.cookies.get(SCREEN_COOKIE, "")
        screen = find_screen(db_session(), token)
        return Listener(screen.facility_id, screen_token=token) if screen and screen.facility_id else None
    if actor is None or not isinstance(wanted, str):
        return None
    try:
        facility = staff_facility(db_session(), wanted, actor=actor)
    except NotFound:
        return None
    return Listener(facility.id, session_token=str(current_user.id))


def _sid() -> str:
    socket_request: Any = request
    return str(socket_request.sid)


def _origins(settings: Settings) -> list[str]:
    """Return the pages that may connect. In development a page may have been opened as localhost or as 127.0.0.1."""
    if settings.is_production:
        return [settings.public_url]
    port = urlsplit(settings.public_url).port
    hosts = [f"http://{host}{f':{port}' if port else ''}" for host in ("localhost", "127.0.0.1")]
    return sorted({settings.public_url, *hosts})


def _refuse(start_response: "StartResponse", status: str) -> list[bytes]:
    start_response(status, [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")])
    return [status.encode()]
