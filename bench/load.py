"""Closed loops: so many clients, each asks again as soon as it was answered. Runs in a process of its own."""

import itertools
import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import psycopg

from bench import sql
from bench.client import Client
from bench.facts import Person, Place
from bench.stats import Round

#: One request. False: there is nothing left to ask for.
Step = Callable[[], bool]


class Unexpected(RuntimeError):
    """An answer that is not the one that is measured."""


@dataclass(frozen=True)
class Buyer:
    """One client of the booking measure: who books, with whom, which times."""

    person: Person
    place: Place
    starts: list[str]
    #: The session's cookies and form token, for the portal.
    cookies: dict[str, str]
    token: str


def follow_parent() -> None:
    """End this process when the one that started it is gone: a pool's process would wait for ever."""

    def watch() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def closed_loop(steps: list[Step], seconds: float) -> Round:
    """Run all clients together for so long."""
    barrier = threading.Barrier(len(steps) + 1)
    latencies: list[list[float]] = [[] for _ in steps]
    ends = [0.0] * len(steps)
    failures: list[BaseException] = []

    def run(number: int, step: Step) -> None:
        try:
            barrier.wait()
            before = time.perf_counter()
            end = before + seconds
            while before < end and step():
                after = time.perf_counter()
                latencies[number].append(after - before)
                before = after
            ends[number] = before
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=each, daemon=True) for each in enumerate(steps)]
    for thread in threads:
        thread.start()
    barrier.wait()
    start = time.perf_counter()
    for thread in threads:
        thread.join()
    if failures:
        raise Unexpected(str(failures[0])) from failures[0]
    return Round([value for each in latencies for value in each], max(ends) - start)


def sign_in(port: int, people: list[Person], password: str) -> list[tuple[dict[str, str], str]]:
    """Sign everybody in; give their cookies and form tokens."""
    signed_in = []
    for number, person in enumerate(people):
        client = Client(port, f"10.1.0.{number}")
        client.sign_in(person.email, password)
        client.close()
        signed_in.append((client.cookies, client.token))
    return signed_in


def get_pages(port: int, path: str, clients: int, seconds: float) -> Round:
    """Fetch one page again and again, each client with a session of its own."""
    browsers = [Client(port, f"10.2.0.{number}") for number in range(clients)]
    for browser in browsers:
        browser.get(path)

    def step(browser: Client) -> bool:
        answer = browser.get(path)
        if answer.status != 200:
            raise Unexpected(f"{path}: {answer.status}")
        return True

    return _run([(lambda browser=browser: step(browser)) for browser in browsers], seconds, browsers)


def book_over_http(port: int, buyers: list[Buyer], seconds: float) -> Round:
    """Press a time, then Book, as signed-in visitors do: two POSTs a booking."""
    addresses = (f"10.{a}.{b}.{c}" for a, b, c in itertools.product(range(16, 250), range(250), range(1, 250)))
    browsers = [Client(port) for _ in buyers]
    lock = threading.Lock()

    def make(buyer: Buyer, browser: Client) -> Step:
        browser.cookies, browser.token = dict(buyer.cookies), buyer.token
        browser.get("/accessibility")
        starts = iter(buyer.starts)
        query = urlencode(
            {"practitioner": buyer.place.practitioner, "facility": "lisbon", "patient": buyer.person.patient}
        )

        def step() -> bool:
            slot = next(starts, None)
            if slot is None:
                return False
            with lock:
                browser.address = next(addresses)  # The limit of 40 a minute is for one address.
            held = browser.post(f"/book/massage/times?{query}", slot=slot)
            if held.status != 303:
                raise Unexpected(f"hold {slot}: {held.status}")
            booked = browser.post(held.headers["location"], patient_note="")
            if booked.status != 303 or not booked.headers["location"].endswith("/booked"):
                raise Unexpected(f"book {slot}: {booked.status} {booked.headers.get('location')}")
            return True

        return step

    steps = [make(buyer, browser) for buyer, browser in zip(buyers, browsers, strict=True)]
    return _run(steps, seconds, browsers)


def book_bare_routes(port: int, buyers: list[Buyer], seconds: float, *, in_one: bool) -> Round:
    """The same through the bare Flask application: in one request, or a hold and a booking."""
    browsers = [Client(port) for _ in buyers]

    def make(buyer: Buyer, browser: Client) -> Step:
        browser.get("/health")
        starts = iter(buyer.starts)
        who = {"patient": buyer.person.patient, "account": buyer.person.account}
        where = {"practitioner": buyer.place.practitioner, "room": buyer.place.room}

        def step() -> bool:
            slot = next(starts, None)
            if slot is None:
                return False
            held = browser.post("/hold-and-book" if in_one else "/hold", slot=slot, **where, **who)
            if held.status != 303:
                raise Unexpected(f"bare hold {slot}: {held.status}")
            if not in_one and browser.post("/book", appointment=held.text, **who).status != 303:
                raise Unexpected("bare book")
            return True

        return step

    steps = [make(buyer, browser) for buyer, browser in zip(buyers, browsers, strict=True)]
    return _run(steps, seconds, browsers)


def book_bare_sql(database: str, facts: dict[str, str], buyers: list[Buyer], seconds: float) -> Round:
    """The bare transaction, one connection a client."""
    connections = [psycopg.connect(database, autocommit=True) for _ in buyers]

    def make(buyer: Buyer, connection: "psycopg.Connection[Any]") -> Step:
        starts = iter(buyer.starts)
        connection.execute("SELECT 1")

        def step() -> bool:
            slot = next(starts, None)
            if slot is None:
                return False
            person, place = buyer.person, buyer.place
            with connection.transaction():
                held = sql.hold(
                    connection, facts, practitioner=place.practitioner, room=place.room, slot=slot,
                    patient=person.patient, account=person.account,
                )  # fmt: skip
                sql.book(connection, appointment=held, patient=person.patient, account=person.account)
            return True

        return step

    steps = [make(buyer, connection) for buyer, connection in zip(buyers, connections, strict=True)]
    return _run(steps, seconds, connections)


def _run(steps: list[Step], seconds: float, connections: "list[Client] | list[psycopg.Connection[Any]]") -> Round:
    try:
        return closed_loop(steps, seconds)
    finally:
        for connection in connections:
            connection.close()
