"""Hold and book over HTTP, against the bare transaction: by itself, in one bare Flask route, in two."""

from collections.abc import Callable

from bench.data import count_booked, undo_rounds
from bench.facts import libpq
from bench.load import Buyer, book_bare_routes, book_bare_sql, book_over_http, sign_in
from bench.site import Site
from bench.stats import Round, Series, report_throughput, turns
from tests.support.cast import PASSWORD


def measure(site: Site, *, clients: int, seconds: float, rounds: int, until: float) -> None:
    """Every client books with a practitioner of its own; every round starts from the same database."""
    data = site.data
    people = data.people[:clients]
    signed_in = site.load.submit(sign_in, site.portal.port, people, PASSWORD).result()
    buyers = [
        Buyer(person, place, starts, cookies, token)
        for person, place, starts, (cookies, token) in zip(people, data.places, data.free, signed_in, strict=False)
    ]
    facts = {"service": data.service, "facility": data.facility}
    load, floor = site.load, site.floor_port
    variants: list[tuple[Series, str, Callable[[float], Round]]] = [
        (
            Series("portal: hold, then book"),
            "portal",
            lambda s: load.submit(book_over_http, site.portal.port, buyers, s).result(),
        ),
        (
            Series("two bare Flask routes"),
            "floor",
            lambda s: load.submit(book_bare_routes, floor, buyers, s, in_one=False).result(),
        ),
        (
            Series("one bare Flask route"),
            "floor",
            lambda s: load.submit(book_bare_routes, floor, buyers, s, in_one=True).result(),
        ),
        (
            Series("bare SQL transaction"),
            "",
            lambda s: load.submit(book_bare_sql, libpq(site.portal.database), facts, buyers, s).result(),
        ),
    ]
    for number in turns(rounds, until):
        for series, server, run in variants if number % 2 else reversed(variants):
            undo_rounds(site.portal.database, data)
            site.forget_jobs()
            result = site.timed(lambda run=run, long=seconds if number >= 0 else 0.5: run(long), server)
            booked = count_booked(site.portal.database, data)
            if booked != len(result.latencies_s):
                raise RuntimeError(
                    f"{series.name}: {len(result.latencies_s)} answers, {booked} visits with all they need"
                )
            if number >= 0:
                series.rounds.append(result)
    undo_rounds(site.portal.database, data)
    site.forget_jobs()
    print(f"\nBooking: {data.appointments:,} appointments, {len(buyers)} clients")
    report_throughput(variants[0][0], [series for series, _, _ in variants[1:]])
