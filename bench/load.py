"""Closed loops: so many clients, each asks again as soon as it was answered. Runs in a process of its own."""

import itertools
import multiprocessing
import os
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlencode

from bench.client import Client
from bench.facts import Person, Place
from bench.stats import Round

#: One request. False: there is nothing left to ask for.
Step = Callable[[], bool]

#: Every round asks for other pages.
_turns = itertools.count()
_bookings = itertools.count()


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


def ask_once(port: int, paths: list[str], clients: int) -> None:
    """Fetch the block of each page once, shared out among the clients: the portal has then been up for a while."""

    def run(number: int) -> None:
        browser = Client(port, f"10.3.0.{number}")
        browser.get(paths[0])
        browser.wants_fragment = True
        for path in paths[number::clients]:
            if browser.get(path).status != 200:
                raise Unexpected(path)
        browser.close()

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(run, range(clients)))


def get_pages(port: int, paths: list[str], clients: int, seconds: float, *, fragment: bool = False) -> Round:
    """Fetch pages, one of the addresses by chance each time, each client with a session of its own."""
    browsers = [Client(port, f"10.2.0.{number}") for number in range(clients)]
    chances = [random.Random(next(_turns)) for _ in browsers]
    for browser in browsers:
        browser.get(paths[0])  # Brings the session.
        browser.wants_fragment = fragment

    def step(browser: Client, chance: random.Random) -> bool:
        path = chance.choice(paths)
        answer = browser.get(path)
        if answer.status != 200:
            raise Unexpected(f"{path}: {answer.status}")
        return True

    steps = [(lambda each=each: step(*each)) for each in zip(browsers, chances, strict=True)]
    return _run(steps, seconds, browsers)


def get_pages_beside_bookings(
    port: int, paths: list[str], clients: int, seconds: float, busy: "BusyDesk", *, fragment: bool
) -> Round:
    """Fetch pages while somebody else books at a steady pace at the portal, whichever server is asked for pages."""
    over = threading.Event()
    booked: list[int] = []

    def book() -> None:
        browser = Client(busy.port)
        step = _booking(busy.buyer, browser)
        while not over.wait(busy.pause_s) and step():
            booked.append(1)
        browser.close()

    thread = threading.Thread(target=book, daemon=True)
    thread.start()
    try:
        found = get_pages(port, paths, clients, seconds, fragment=fragment)
    finally:
        over.set()
        thread.join()
    if not booked:
        raise Unexpected("nobody booked meanwhile")
    return found


@dataclass(frozen=True)
class BusyDesk:
    """Somebody who books again and again, beside those who look for times."""

    port: int
    buyer: Buyer
    pause_s: float


def book_over_http(port: int, buyers: list[Buyer], seconds: float) -> Round:
    """Press a time, then Book, as signed-in visitors do: two POSTs a booking."""
    browsers = [Client(port) for _ in buyers]
    return _run([_booking(*each) for each in zip(buyers, browsers, strict=True)], seconds, browsers)


def _booking(buyer: Buyer, browser: Client) -> Step:
    browser.cookies, browser.token = dict(buyer.cookies), buyer.token
    browser.get("/accessibility")
    starts, patient = iter(buyer.starts), buyer.person.patient
    query = urlencode({"practitioner": buyer.place.practitioner, "facility": "lisbon", "patient": patient})

    def step() -> bool:
        slot = next(starts, None)
        if slot is None:
            return False
        number = next(_bookings)
        # The limit of 40 a minute is for one address.
        browser.address = f"10.{16 + number // 62_500 % 200}.{number // 250 % 250}.{number % 250}"
        held = browser.post(f"/book/massage/times?{query}", slot=slot)
        if held.status != 303:
            raise Unexpected(f"hold {slot}: {held.status}")
        booked = browser.post(held.headers["location"], patient_note="", patient=patient)
        if booked.status != 303 or not booked.headers["location"].endswith("/booked"):
            raise Unexpected(f"book {slot}: {booked.status} {booked.headers.get('location')}")
        return True

    return step


def book_bare(port: int, buyers: list[Buyer], seconds: float, *, in_one: bool) -> Round:
    """The same statements from the bare Flask application: in one request, or a hold and a booking."""
    browsers = [Client(port) for _ in buyers]

    def make(buyer: Buyer, browser: Client) -> Step:
        browser.get("/health")
        starts = iter(buyer.starts)
        who = {
            "practitioner": buyer.place.practitioner, "room": buyer.place.room,
            "patient": buyer.person.patient, "account": buyer.person.account,
        }  # fmt: skip

        def step() -> bool:
            slot = next(starts, None)
            if slot is None:
                return False
            held = browser.post("/hold-and-book" if in_one else "/hold", slot=slot, **who)
            if held.status != 303:
                raise Unexpected(f"bare hold {slot}: {held.status}")
            if not in_one and browser.post("/book", slot=slot, appointment=held.text, **who).status != 303:
                raise Unexpected("bare book")
            return True

        return step

    steps = [make(buyer, browser) for buyer, browser in zip(buyers, browsers, strict=True)]
    return _run(steps, seconds, browsers)


def _run(steps: list[Step], seconds: float, connections: list[Client]) -> Round:
    try:
        return closed_loop(steps, seconds)
    finally:
        for connection in connections:
            connection.close()
