"""200 screens in one process: they listen, note when they heard, and fetch what changed. As cheap as can be.

They speak Engine.IO 4 and Socket.IO 5 by hand: with a thread and a parser for each, most of what is measured would be
the listeners themselves.
"""

import json
import selectors
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from urllib.parse import urlsplit

import websocket

from bench.client import HOST

WAIT_S = 20.0
CONNECT = "40/live,"
#: How many connect at once.
CONNECTING = 24


@dataclass(frozen=True)
class Ears:
    """What one kind of screen listens to, and where it fetches the page that changed."""

    kind: str
    #: A cookie for each screen.
    cookies: list[str]
    url: str
    origin: str = ""
    http_port: int = 0
    path: str = ""


@dataclass(frozen=True)
class Expect:
    """Wait until every screen of a kind heard of this version, and, if wanted, has fetched the page."""

    kind: str
    version: int
    fetch: bool


@dataclass
class Heard:
    """When (time.monotonic) each screen heard, and had the page. `failure` says what is missing after a long wait."""

    heard: list[float] = field(default_factory=list)
    shown: list[float] = field(default_factory=list)
    failure: str = ""


@dataclass
class Screen:
    """One screen: a socket on which it listens."""

    ears: Ears
    cookie: str
    listening: socket.socket
    #: What keeps the socket open, and answers its pings.
    web: "websocket.WebSocket | None"


@dataclass
class Fetch:
    """One page on its way."""

    screen: Screen
    asking: socket.socket
    answer: bytes = b""


def run(pipe: Connection, kinds: list[Ears]) -> None:
    """Connect everybody, say so, then do as the pipe says until it is closed."""
    selector = selectors.DefaultSelector()
    with ThreadPoolExecutor(CONNECTING) as pool:
        wanted = [(ears, cookie) for ears in kinds for cookie in ears.cookies]
        for screen in pool.map(lambda each: _connect(*each), wanted):
            screen.listening.setblocking(False)
            selector.register(screen.listening, selectors.EVENT_READ, screen)
    selector.register(pipe.fileno(), selectors.EVENT_READ, pipe)
    pipe.send("ready")
    while True:
        for key, _ in selector.select():
            if key.data is not pipe:
                _hear(key.data)
                continue
            try:
                order: Expect = pipe.recv()
            except EOFError:
                return
            pipe.send("listening")
            pipe.send(
                _wait(selector, order, len([1 for ears in kinds if ears.kind == order.kind for _ in ears.cookies]))
            )


def _wait(selector: selectors.BaseSelector, order: Expect, count: int) -> Heard:
    result, deadline = Heard(), time.monotonic() + WAIT_S
    pending = count * (2 if order.fetch else 1)
    while pending and time.monotonic() < deadline:
        for key, _ in selector.select(1.0):
            now = time.monotonic()
            if isinstance(key.data, Fetch):
                if _advance(selector, key.data):
                    result.shown.append(time.monotonic())
                    pending -= 1
            elif isinstance(key.data, Screen) and order.version in _hear(key.data):
                if key.data.ears.kind != order.kind:
                    continue
                result.heard.append(now)
                pending -= 1
                if order.fetch:
                    _ask(selector, key.data)
    if pending:
        result.failure = f"{order.kind}, version {order.version}: {len(result.heard)} heard, {len(result.shown)} showed"
    return result


def _connect(ears: Ears, cookie: str) -> Screen:
    return _subscribe(ears, cookie) if ears.url.startswith("redis") else _open(ears, cookie)


def _open(ears: Ears, cookie: str) -> Screen:
    web = websocket.create_connection(ears.url, cookie=cookie, origin=ears.origin or None, timeout=WAIT_S)
    web.recv()
    web.send(f"{CONNECT}{{}}")
    answer = web.recv()
    if not str(answer).startswith(CONNECT):
        raise RuntimeError(f"{ears.kind}: {answer!r}")
    return Screen(ears, cookie, web.sock, web)


def _subscribe(ears: Ears, cookie: str) -> Screen:
    address = urlsplit(ears.url)
    listening = socket.create_connection((address.hostname or "", address.port or 0), WAIT_S)
    listening.sendall(b"SUBSCRIBE bench-bare\r\n")
    listening.recv(4096)
    return Screen(ears, cookie, listening, None)


def _hear(screen: Screen) -> list[int]:
    """Return the versions that this screen was just told of. Messages are a few bytes: one is never torn."""
    data = screen.listening.recv(65_536)
    if not data:
        raise RuntimeError(f"{screen.ears.kind}: a screen was sent away")
    if screen.web is None:
        return [int(data.rstrip().rpartition(b"\n")[2])]
    versions = []
    while data:
        length = data[1]
        if data[0] != 0x81 or length > 125:
            raise RuntimeError(f"{screen.ears.kind}: not a short text: {data[:40]!r}")
        message, data = data[2 : 2 + length].decode(), data[2 + length :]
        if message == "2":
            screen.web.send("3")
        elif message.startswith("42/live,"):
            versions.append(int(json.loads(message[8:])[1]["version"]))
    return versions


def _ask(selector: selectors.BaseSelector, screen: Screen) -> None:
    asking = socket.socket()
    asking.setblocking(False)
    asking.connect_ex(("127.0.0.1", screen.ears.http_port))
    selector.register(asking, selectors.EVENT_WRITE, Fetch(screen, asking))


def _advance(selector: selectors.BaseSelector, fetch: Fetch) -> bool:
    """Send the question, take the answer; True when all of it is there."""
    if not fetch.answer and selector.get_key(fetch.asking).events == selectors.EVENT_WRITE:
        ears = fetch.screen.ears
        fetch.asking.sendall(
            f"GET {ears.path} HTTP/1.1\r\nHost: {HOST}\r\nHX-Request: true\r\nConnection: close\r\n"
            f"Cookie: {fetch.screen.cookie}\r\n\r\n".encode()
        )
        selector.modify(fetch.asking, selectors.EVENT_READ, fetch)
        return False
    data = fetch.asking.recv(262_144)
    fetch.answer += data
    if data:
        return False
    selector.unregister(fetch.asking)
    fetch.asking.close()
    if not fetch.answer.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"{fetch.screen.ears.kind}: {fetch.answer[:100]!r}")
    return True
