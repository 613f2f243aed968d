"""What is measured: each thing of the portal's beside its floor, in turn with it, round by round."""

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bench.booking import make_buyers
from bench.data import count_booked
from bench.load import (
    BusyDesk,
    Buyer,
    ask_once,
    book_bare,
    book_over_http,
    get_pages,
    get_pages_beside_bookings,
)
from bench.pages import copy_page
from bench.peer import PACKAGE as PEER
from bench.peer import SERVER, running_peer
from bench.peer_load import book_at_peer
from bench.scripts import ANY, TWO_WEEKS, Recorded
from bench.site import Site
from bench.stats import Round, Series, turns

WARM_UP_S = 2.0
#: Before each round of bookings everybody books so often without a watch. Taking the last round back ended with a VACUUM,
#: after which PostgreSQL plans anew what each connection had prepared: with as long a warm-up in seconds the slower of the
#: two would have most of that inside its round.
UNTIMED_BOOKINGS = 6
#: How often somebody books while others look for times: more than 7,000 an hour.
BOOKING_PAUSE_S = 0.5

DAY = "one practitioner's day"
BUSY_DAY = "one practitioner's day, while others book"
TWO_WEEKS_OF_ANY = "14 days, no preference"
PAGE = "the whole page of times"
PAGE_OF_ONE = "the whole page, one practitioner"
BOOKING = "a booking: hold, then book"
BESIDE_PEER = "a booking, beside django-appointment"
#: How much of the time that is left a measure has, beside others' 1: of hundreds of bookings a 99th percentile says little.
SHARES = {BOOKING: 3.0}
MEASURES = (DAY, BUSY_DAY, TWO_WEEKS_OF_ANY, PAGE, PAGE_OF_ONE, BOOKING, BESIDE_PEER)

Run = Callable[[float], Round]


@dataclass(frozen=True)
class Plan:
    """How long to measure. After `until` (time.monotonic) no round is started that is not needed."""

    clients: int
    rounds: int
    seconds: float
    until: float


@dataclass(frozen=True)
class Found:
    """One measure: the portal's rounds, the floor's, and others' beside them."""

    name: str
    ours: Series
    floor: Series
    others: tuple[Series, ...] = ()
    #: The most SQL statements that one request sent; None: pages that are kept send none.
    statements: int | None = None


@dataclass(frozen=True)
class Variant:
    """One of those that take turns."""

    name: str
    server: str
    run: Run
    #: What comes before each of its rounds.
    prepare: Callable[[], object] = lambda: None


class Bench:
    """A site with everything ready: scripts for the floor, people who are signed in."""

    def __init__(self, site: Site, recorded: Recorded, clients: int) -> None:
        """Sign in those who book."""
        self._site = site
        self._recorded = recorded
        self._buyers = make_buyers(site, clients)
        (busy,) = make_buyers(site, len(site.data.places))[-1:]
        self._busy = BusyDesk(site.portal.port, busy, BOOKING_PAUSE_S)

    def measure(self, name: str, plan: Plan) -> Found:
        """Measure one thing."""
        measures: dict[str, Callable[[Plan], Found]] = {
            DAY: self._day,
            BUSY_DAY: self._busy_day,
            TWO_WEEKS_OF_ANY: self._two_weeks,
            PAGE: functools.partial(self._page, PAGE, ANY),
            PAGE_OF_ONE: functools.partial(self._page, PAGE_OF_ONE, self._path_of_one()),
            BOOKING: self._booking,
            BESIDE_PEER: self._beside_peer,
        }
        return measures[name](plan)

    def _day(self, plan: Plan) -> Found:
        days, site = self._recorded.days, self._site
        floor = [f"/read/day/{number}" for number in range(len(days))]
        self._ask_once(days, plan)
        series = self._turns(
            plan,
            Variant("portal", "portal", self._get(site.portal.port, days, plan, fragment=True)),
            Variant("its statements in a bare route", "floor", self._get(site.floor_port, floor, plan)),
            Variant("portal without its cache", "uncached", self._get(site.uncached_port, days, plan, fragment=True)),
        )
        return Found(DAY, series[0], series[1], (series[2],), self._recorded.most["day"])

    def _busy_day(self, plan: Plan) -> Found:
        days, site = self._recorded.days, self._site
        floor = [f"/read/day/{number}" for number in range(len(days))]

        def run(port: int, paths: list[str], *, fragment: bool) -> Run:
            def beside(seconds: float) -> Round:
                clients = plan.clients
                return site.load.submit(
                    get_pages_beside_bookings, port, paths, clients, max(seconds, 1.0), self._busy, fragment=fragment
                ).result()

            return beside

        series = self._turns(
            plan,
            Variant("portal", "portal", run(site.portal.port, days, fragment=True), lambda: self._ask_once(days, plan)),
            Variant("its statements in a bare route", "floor", run(site.floor_port, floor, fragment=False)),
            before=site.undo,
        )
        site.undo()
        return Found(BUSY_DAY, series[0], series[1], (), self._recorded.most["day"])

    def _ask_once(self, days: list[str], plan: Plan) -> None:
        self._site.load.submit(ask_once, self._site.portal.port, days, plan.clients).result()

    def _two_weeks(self, plan: Plan) -> Found:
        site, path = self._site, [TWO_WEEKS]
        series = self._turns(
            plan,
            Variant("portal", "portal", self._get(site.portal.port, path, plan, fragment=True)),
            Variant("its statements in a bare route", "floor", self._get(site.floor_port, ["/read/two-weeks/0"], plan)),
            Variant("portal without its cache", "uncached", self._get(site.uncached_port, path, plan, fragment=True)),
        )
        return Found(TWO_WEEKS_OF_ANY, series[0], series[1], (series[2],), self._recorded.most["two weeks"])

    def _path_of_one(self) -> str:
        return f"/book/massage/times?practitioner={self._site.data.places[5].practitioner}&facility=lisbon"

    def _page(self, name: str, path: str, plan: Plan) -> Found:
        site, key = self._site, str(MEASURES.index(name))
        described = copy_page(site, path, key)
        series = self._turns(
            plan,
            Variant("portal", "portal", self._get(site.portal.port, [path], plan)),
            Variant(f"plain Jinja page, {described}", "floor", self._get(site.floor_port, [f"/page/{key}"], plan)),
        )
        return Found(name, series[0], series[1])

    def _booking(self, plan: Plan) -> Found:
        site = self._site
        floor = site.floor_port
        series = self._turns(
            plan,
            self._variant_of_booking("portal", "portal", functools.partial(book_over_http, site.portal.port)),
            self._variant_of_booking(
                "its statements in two bare routes", "floor", functools.partial(book_bare, floor, in_one=False)
            ),
            self._variant_of_booking("in one bare route", "floor", functools.partial(book_bare, floor, in_one=True)),
            before=site.undo,
            after=self._check_booked,
        )
        site.undo()
        most = max(self._recorded.most["hold"], self._recorded.most["book"])
        return Found(BOOKING, series[0], series[1], (series[2],), most)

    def _beside_peer(self, plan: Plan) -> Found:
        site = self._site
        with running_peer(site) as peer:
            visitors = peer.visitors[: plan.clients]

            def check(name: str, result: Round) -> None:
                if name != PEER:
                    self._check_booked(name, result)
                elif (new := peer.count_new()) != len(result.latencies_s):
                    raise RuntimeError(f"{name}: {len(result.latencies_s)} answers, {new} appointments")

            series = self._turns(
                plan,
                self._variant_of_booking("portal", "portal", functools.partial(book_over_http, site.portal.port)),
                Variant(PEER, SERVER, lambda s: site.load.submit(book_at_peer, peer.port, visitors, s).result()),
                before=site.undo,
                after=check,
            )
        site.undo()
        return Found(BESIDE_PEER, *series)

    def _variant_of_booking(self, name: str, server: str, book: Callable[[list[Buyer], float], Round]) -> Variant:
        first = [replace(one, starts=one.starts[-UNTIMED_BOOKINGS:]) for one in self._buyers]
        then = [replace(one, starts=one.starts[:-UNTIMED_BOOKINGS]) for one in self._buyers]
        submit = self._site.load.submit
        return Variant(
            name,
            server,
            lambda seconds: submit(book, then, seconds).result(),
            lambda: submit(book, first, math.inf).result(),  # Until they have nothing left to ask for.
        )

    def _check_booked(self, name: str, result: Round) -> None:
        booked = count_booked(self._site.portal.database, self._site.data)
        answered = len(result.latencies_s) + UNTIMED_BOOKINGS * len(self._buyers)
        if booked != answered:
            raise RuntimeError(f"{name}: {answered} answers, {booked} visits with all they need")

    def _get(self, port: int, paths: list[str], plan: Plan, *, fragment: bool = False) -> Run:
        def run(seconds: float) -> Round:
            submitted = self._site.load.submit(get_pages, port, paths, plan.clients, seconds, fragment=fragment)
            return submitted.result()

        return run

    def _turns(
        self,
        plan: Plan,
        *variants: Variant,
        before: Callable[[], None] = lambda: None,
        after: Callable[[str, Round], None] = lambda _name, _result: None,
    ) -> Sequence[Series]:
        """Let the variants take turns; the round before the first warms up."""
        series = [Series(variant.name) for variant in variants]
        pairs = list(zip(series, variants, strict=True))
        for number in turns(plan.rounds, plan.until):
            for one, variant in pairs if number % 2 else pairs[::-1]:
                before()
                variant.prepare()
                seconds = plan.seconds if number >= 0 else WARM_UP_S
                result = self._site.timed(lambda variant=variant, s=seconds: variant.run(s), variant.server)
                after(variant.name, result)
                if number >= 0:
                    one.rounds.append(result)
        return series
