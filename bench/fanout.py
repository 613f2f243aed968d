"""A change of the queue until 200 screens know it, against a bare Flask-SocketIO emit and a bare Valkey publish."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from statistics import median
from uuid import UUID

import psycopg
import redis
from socketio import RedisManager
from sqlalchemy import text
from sqlalchemy.orm import Session

from bench import screens
from bench.client import Client
from bench.facts import Dataset, libpq
from bench.floor import CHANNEL
from bench.screens import Ears, Expect
from bench.site import PRODUCTION, Site
from bench.stats import Ratio, quantile, turns
from clinic_portal import wiring
from clinic_portal.core.actor import Actor, Role
from clinic_portal.core.clock import SystemClock
from clinic_portal.core.db import make_engine
from clinic_portal.core.ids import AccountId, FacilityId, TicketId
from clinic_portal.waiting_room.rules import SCREEN_COOKIE
from clinic_portal.waiting_room.use_cases.call_next import call_next
from clinic_portal.waiting_room.use_cases.put_back import put_back
from config import load_settings

READY_S = 60.0
PAUSE_S = 0.03


@dataclass
class Kind:
    """One way to tell the screens. `upcoming` is the version that they will hear of once `change` is made."""

    name: str
    key: str
    upcoming: Callable[[], int]
    change: Callable[[], object]
    #: Seconds from the start of the change: one list a change.
    heard: list[list[float]] = field(default_factory=list)
    shown: list[list[float]] = field(default_factory=list)


def measure(site: Site, *, changes: int, fetched: int, until: float) -> None:
    """Changes of the three kinds in turn; then some where every screen also fetches the page."""
    with contextlib.ExitStack() as stack:
        kinds = stack.enter_context(_kinds(site))
        pipe = stack.enter_context(_listeners(site))
        for number in turns(changes, (time.monotonic() + until) / 2):
            for kind in kinds if number % 2 else kinds[::-1]:
                result = _once(pipe, kind, fetch=False)
                if number >= 0:
                    kind.heard.append(result[0])
        for number in turns(fetched, until):
            for kind in kinds[:2] if number % 2 else kinds[1::-1]:
                result = _once(pipe, kind, fetch=True)
                if number >= 0:
                    kind.shown.append(result[1])
    print(f"\nLive, {len(site.data.screens)} screens: from a change of the queue until each has heard the new version")
    _report([(kind.name, kind.heard) for kind in kinds])
    print(f"\nLive, {len(site.data.screens)} screens: until each has fetched the new page as well")
    names = ("portal: board of the TV", "bare emit + plain page, same bytes")
    _report([(name, kind.shown) for name, kind in zip(names, kinds, strict=False)])


def _once(pipe: Connection, kind: Kind, *, fetch: bool) -> tuple[list[float], list[float]]:
    time.sleep(PAUSE_S)
    pipe.send(Expect(kind.key, kind.upcoming(), fetch))
    pipe.recv()
    before = time.monotonic()
    kind.change()
    result = pipe.recv()
    if result.failure:
        raise RuntimeError(result.failure)
    return [at - before for at in result.heard], [at - before for at in result.shown]


def _report(series: list[tuple[str, list[list[float]]]]) -> None:
    for name, per_change in series:
        times = [value for each in per_change for value in each]
        last = [max(each) for each in per_change]
        print(
            f"  {name:<36} median {quantile(times, 0.5) * 1000:7.1f} ms, p99 {quantile(times, 0.99) * 1000:7.1f} ms,"
            f" last screen {median(last) * 1000:7.1f} ms ({min(last) * 1000:.1f}–{max(last) * 1000:.1f}),"
            f" n {len(per_change)} × {len(per_change[0])}"
        )
    ours = series[0][1]
    for name, per_change in series[1:]:
        for label, share in (("median", 0.5), ("p99", 0.99)):
            pairs = zip(ours, per_change, strict=True)
            print(f"  → {label} ÷ {name}: {Ratio([quantile(a, share) / quantile(b, share) for a, b in pairs])}")


@contextlib.contextmanager
def _listeners(site: Site) -> Iterator[Connection]:
    data, valkey = site.data, site.portal.valkey.url
    board = _copy_board(site)
    kinds = [
        Ears(
            "portal", [f"{SCREEN_COOKIE}={token}" for token in data.screens], _socket_url(site.portal.live_port),
            PRODUCTION["PUBLIC_URL"], site.portal.port, "/tv/board?version=none",
        ),
        Ears("bare", [""] * len(data.screens), _socket_url(site.floor_live_port), "", site.floor_port, f"/page/{board}"),
        Ears("redis", [""] * len(data.screens), valkey),
    ]  # fmt: skip
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=screens.run, args=(theirs, kinds), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(READY_S) or ours.recv() != "ready":
            raise RuntimeError(f"the screens did not connect:\n{site.portal.log('live')}")
        yield ours
    finally:
        ours.close()
        process.join(5)
        process.kill()


def _socket_url(port: int) -> str:
    return f"ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket"


def _copy_board(site: Site) -> str:
    """Have the plain application serve a page of the size of the board."""
    client = Client(site.portal.port)
    client.cookies[SCREEN_COOKIE] = site.data.screens[0]
    answer = client.get("/tv/board?version=none")
    client.close()
    if answer.status != 200:
        raise RuntimeError(f"board: {answer.status}")
    page = {"title": "Board", "days": [], "links": 0, "bytes": len(answer.body)}
    (site.folder / "board.json").write_text(json.dumps(page))
    return "board"


@contextlib.contextmanager
def _kinds(site: Site) -> Iterator[list[Kind]]:
    valkey = site.portal.valkey.url
    engine = make_engine(site.portal.database)
    info = dict(wiring.session_info(load_settings(site.portal.environment)))
    plain = psycopg.connect(libpq(site.portal.database), autocommit=True)
    plain.execute("CREATE UNLOGGED TABLE IF NOT EXISTS bench_version AS SELECT 0 AS version")
    emitter = RedisManager(valkey, channel=CHANNEL, write_only=True)
    publisher = redis.Redis.from_url(valkey)

    def upcoming() -> int:
        return int(plain.execute("SELECT version + 1 FROM bench_version").fetchall()[0][0])

    def count() -> int:
        return int(plain.execute("UPDATE bench_version SET version = version + 1 RETURNING version").fetchall()[0][0])

    def emit() -> None:
        emitter.emit("queue_changed", {"version": count()}, namespace="/live")

    def publish() -> None:
        publisher.publish("bench-bare", str(count()))

    with Session(engine, info=info, expire_on_commit=False) as db:
        try:
            desk = Desk(db, site.data)
            yield [
                Kind("portal: call next, put back", "portal", desk.upcoming, desk.move),
                Kind("bare UPDATE + Flask-SocketIO emit", "bare", upcoming, emit),
                Kind("bare UPDATE + Valkey publish", "redis", upcoming, publish),
            ]
        finally:
            db.close()
            plain.execute("DROP TABLE bench_version")
            plain.close()
            publisher.close()
            engine.dispose()


class Desk:
    """A receptionist who calls the next and puts them back, by the real use cases."""

    def __init__(self, db: Session, data: Dataset) -> None:
        self._db = db
        self._clock = SystemClock()
        self._facility = FacilityId(UUID(data.facility))
        self._actor = Actor(AccountId(UUID(data.receptionist)), Role.RECEPTIONIST, "Paula Reis")
        self._called: TicketId | None = None

    def upcoming(self) -> int:
        """The queue's next version."""
        query = text("SELECT version FROM queue WHERE facility_id = :id")
        version = self._db.scalar(query, {"id": self._facility}) or 0
        self._db.rollback()
        return int(version) + 1

    def move(self) -> None:
        """Change the queue once."""
        db, clock, facility, actor = self._db, self._clock, self._facility, self._actor
        if self._called is None:
            self._called = call_next(db, clock, facility_id=facility, actor=actor).id
        else:
            put_back(db, clock, ticket_id=self._called, facility_id=facility, actor=actor)
            self._called = None
