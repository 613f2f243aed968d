"""Production's proxy: the real Caddy with our Caddyfile before real pages and sockets, started as compose.yaml starts them."""

import contextlib
import gzip
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from queue import Empty, Queue
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
import socketio
from sqlalchemy.orm import Session

from clinic_portal.accounts.queries import token_hash
from clinic_portal.core.clock import FixedClock, SystemClock
from clinic_portal.core.db import make_engine
from clinic_portal.core.ids import FacilityId
from clinic_portal.core.live import SocketAnnouncer
from clinic_portal.waiting_room.models import Screen
from clinic_portal.waiting_room.rules import SCREEN_COOKIE
from tests.support.clinic import make_clinic
from tests.support.production import Production, running_production
from tests.support.servers import ROOT
from tests.support.visitor import TOKEN

pytestmark = pytest.mark.processes

#: On a busy machine programs take their time to start. Who waits longer waits for ever.
PATIENCE_S = 60.0
#: Caddy answers nobody, over HTTP/1.1, before it has so many bytes of a form. Source: net/http, maxPostHandlerReadBytes.
WANTED_FIRST = 256 * 1024
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Answer(NamedTuple):
    status: int
    #: Lower-case name → value; more than one value are joined by "; ".
    headers: dict[str, str]
    body: bytes


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, worker_number: int) -> Iterator[Production]:
    """Pages behind the proxy; no sockets yet."""
    folder, name = tmp_path_factory.mktemp("proxy"), f"clinic_proxy_{worker_number}"
    with running_production(folder, name, 9400 + 40 * worker_number) as production:
        production.start("web", "caddy")
        yield production


def ask(site: Production, path: str, *, body: bytes | None = None, port: int = 0, **headers: str) -> Answer:
    """Ask as a browser does, on a new connection (of the proxy, or of another port); a body is posted."""
    connection = http.client.HTTPConnection("127.0.0.1", port or site.proxy_port, timeout=PATIENCE_S)
    with contextlib.closing(connection):
        asked = {"Host": site.address} | {name.replace("_", "-"): value for name, value in headers.items()}
        method, asked = ("GET", asked) if body is None else ("POST", FORM | asked)
        connection.request(method, path, body=body, headers=asked)
        response = connection.getresponse()
        found: dict[str, str] = {}
        for key, value in response.getheaders():
            found[key.lower()] = "; ".join([*filter(None, [found.get(key.lower())]), value])
        return Answer(response.status, found, response.read())


def test_pages_come_as_they_are_and_static_files_compressed(site: Production) -> None:
    page = ask(site, "/sign-in", Accept_Encoding="gzip, zstd, br")
    assert page.status == 200
    assert b"<!DOCTYPE html>" in page.body
    # BREACH: a page that repeats what the visitor sent beside a secret would give it away by its length.
    assert "content-encoding" not in page.headers
    assert page.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"  # once
    assert "server" not in page.headers
    whole = (ROOT / "static" / "portal.css").read_bytes()
    style = ask(site, "/static/portal.css", Accept_Encoding="gzip")
    assert (style.status, style.headers["content-encoding"]) == (200, "gzip")
    assert gzip.decompress(style.body) == whole
    style = ask(site, "/static/portal.css", Accept_Encoding="gzip, zstd")
    assert (style.status, style.headers["content-encoding"]) == (200, "zstd")
    assert len(style.body) < len(whole) / 2


@pytest.fixture
def live(site: Production) -> Iterator[Production]:
    """The sockets as well."""
    site.start("live")
    yield site
    site.kill("live")


def test_a_screen_hears_through_the_proxy_and_strangers_are_refused_by_live(live: Production) -> None:
    assert ask(live, "/socket.io/?EIO=4&transport=websocket").status == 403
    # The pages know no sockets.
    assert ask(live, "/socket.io/?EIO=4&transport=websocket", port=live.port).status == 404
    facility, token = paired_screen(live)
    heard: Queue[Any] = Queue()
    client = socketio.Client(reconnection=False, websocket_extra_options={"origin": f"https://{live.address}"})
    client.on("queue_changed", heard.put, namespace="/live")
    try:
        client.connect(
            f"http://{live.address}",
            headers={"Cookie": f"{SCREEN_COOKIE}={token}"},
            transports=["websocket"],
            namespaces=["/live"],
            wait_timeout=5,
        )
        assert announced(live, facility, heard) == {"version": 7}
    finally:
        client.disconnect()
        client.shutdown()


def announced(site: Production, facility: FacilityId, heard: "Queue[Any]") -> Any:
    """What is heard of a change. It is told again and again: the first connection starts what listens to Valkey."""
    announcer, deadline = SocketAnnouncer(site.environment["REDIS_URL"]), time.monotonic() + PATIENCE_S
    while True:
        announcer.queue_changed(facility, 7)
        try:
            return heard.get(timeout=0.2)
        except Empty:
            assert time.monotonic() < deadline, site.log("live")


def paired_screen(site: Production) -> tuple[FacilityId, str]:
    """A TV of Lisbon: its facility, and what its cookie says."""
    engine = make_engine(site.database)
    with Session(engine) as db:
        now = SystemClock().now()
        facility = FacilityId(make_clinic(db, FixedClock(now)).lisbon.id)
        db.add(Screen(token_hash=token_hash("tv"), created_at=now, facility_id=facility, paired_at=now))
        db.commit()
    engine.dispose()
    return facility, "tv"


def test_what_a_visitor_says_of_the_way_here_is_not_believed(site: Production) -> None:
    # The page answers under one name only: a name that was believed would be refused.
    forged = {"X_Forwarded_Host": "evil.example", "Forwarded": "for=198.51.100.1;host=evil.example"}
    # 30 new TVs an hour from one address. Twice as many and one: an hour may end meanwhile.
    statuses = (
        ask(site, "/tv", **forged, X_Forwarded_For=f"198.51.100.{number}, 203.0.113.{number}").status
        for number in range(61)
    )
    seen = list(until_limited(statuses))
    assert set(seen) == {200, 429}


def until_limited(statuses: Iterator[int]) -> Iterator[int]:
    for status in statuses:
        yield status
        if status == 429:
            return


@contextlib.contextmanager
def half_a_form(site: Production) -> Iterator[socket.socket]:
    """A visitor who sends the first half of a form and then nothing."""
    head = f"POST /sign-in HTTP/1.1\r\nHost: {site.address}\r\nContent-Type: {FORM['Content-Type']}\r\n"
    with socket.create_connection(("127.0.0.1", site.proxy_port), timeout=PATIENCE_S) as visitor:
        visitor.sendall(f"{head}Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n".encode())
        # Said when the proxy has taken the head and wants the form.
        assert visitor.recv(4096).startswith(b"HTTP/1.1 100 ")
        visitor.sendall(b"a=" + b"x" * 498)
        yield visitor


def status_heard(visitor: socket.socket) -> int:
    with contextlib.closing(http.client.HTTPResponse(visitor)) as response:
        response.begin()  # after any number of 100s
        return response.status


def test_who_stops_in_the_middle_of_a_form_holds_no_thread(site: Production) -> None:
    threads = site.option("web", "--workers") * site.option("web", "--threads")
    with contextlib.ExitStack() as stack:
        # The processes take them as it comes: so many that each has more than it has threads.
        slow = [stack.enter_context(half_a_form(site)) for _ in range(3 * threads)]
        for _ in range(4):
            assert ask(site, "/sign-in").status == 200
        for visitor in slow:
            visitor.sendall(b"x" * 500)
        # None was lost: each hears that its form has no secret.
        assert {status_heard(visitor) for visitor in slow} == {400}


def test_a_restart_of_the_pages_is_a_wait_and_each_form_arrives_as_it_was_sent(site: Production) -> None:
    page = ask(site, "/sign-in")
    found = TOKEN.search(page.body.decode())
    assert found
    token, cookie = found[1], page.headers["set-cookie"].partition(";")[0]
    emails = [f"visitor-{number}@example.org" for number in range(4)]
    stop = threading.Event()

    def look_on() -> set[int]:
        seen = set()
        while not stop.is_set():
            seen.add(ask(site, "/sign-in").status)
        return seen

    def send(email: str) -> Answer:
        form = urlencode({"csrf_token": token, "email": email, "password": "wrong"})
        return ask(site, "/sign-in", body=form.encode(), Cookie=cookie)

    with ThreadPoolExecutor(2 + len(emails)) as pool:
        others = [pool.submit(look_on) for _ in range(2)]
        try:
            site.end("web")
            waiting = []
            for email in emails:
                waiting.append(pool.submit(send, email))
                # Longer than the proxy waits before it tries again: each comes when the one before was tried in vain.
                assert not wait(waiting, timeout=0.3).done
            site.start("web")
            answers = [answer.result(PATIENCE_S) for answer in waiting]
        finally:
            stop.set()
        assert [other.result(PATIENCE_S) for other in others] == [{200}, {200}]
    for email, answer in zip(emails, answers, strict=True):
        assert (answer.status, f'value="{email}"' in answer.body.decode()) == (422, True)


@pytest.mark.parametrize("size", [1_000_000, 30_000_000])
def test_what_is_too_much_gets_the_portals_own_page_before_all_is_sent(site: Production, size: int) -> None:
    with socket.create_connection(("127.0.0.1", site.proxy_port), timeout=PATIENCE_S) as visitor:
        head = (
            f"POST /sign-in HTTP/1.1\r\nHost: {site.address}\r\nAccept-Language: en\r\nContent-Length: {size}\r\n\r\n"
        )
        visitor.sendall(head.encode() + b"x" * (WANTED_FIRST + 1))
        with contextlib.closing(http.client.HTTPResponse(visitor)) as response:
            response.begin()
            assert response.status == 413
            assert response.getheader("Server") is None
            assert "That was too much to send" in response.read().decode()


def test_what_is_a_little_less_reaches_the_portal(site: Production) -> None:
    assert ask(site, "/sign-in", body=b"a=" + b"x" * 999_997).status == 400  # it has no secret


def logged(site: Production, count: int) -> list[dict[str, Any]]:
    """What the proxy has said of requests, once it is so many lines."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        lines = (site.folder / "caddy.log").read_text(encoding="utf-8").splitlines()
        found = [json.loads(line) for line in lines if '"request"' in line]
        if len(found) >= count:
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.02)


def test_the_log_opens_nothing_and_names_nobody(site: Production) -> None:
    before = len(logged(site, 1))
    said = {
        "Cookie": "clinic_session=SECRET",
        "Authorization": "Bearer SECRET",
        "Referer": f"https://{site.address}/v/SECRET",
        "HX_Current_URL": f"https://{site.address}/offers/SECRET",
    }
    paths = (
        "/v/SECRET/cancel?moved=1",
        "/offers/SECRET",
        "/calendar/SECRET.ics",
        "/sign-in?token=SECRET&code=SECRET",
        # The desk looks for a name; leads to the sign-in page with ?next=…
        "/desk/lisbon/book?q=SECRET",
    )
    assert [ask(site, path, **said).status for path in paths] == [404, 404, 404, 200, 303]
    # An error is told a second time, elsewhere: no sockets run.
    assert ask(site, "/socket.io/?token=SECRET", **said).status == 502
    found = logged(site, before + len(paths) + 2)[before:]
    assert [line["request"]["uri"] for line in found] == [
        "/v/*/cancel*", "/offers/*", "/calendar/*", "/sign-in*", "/desk/lisbon/book*", "/socket.io/*", "/socket.io/*"
    ]  # fmt: skip
    assert [line["status"] for line in found][-2:] == [502, 502]
    assert "SECRET" not in (site.folder / "caddy.log").read_text(encoding="utf-8")
