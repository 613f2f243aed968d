"""`python -m bench [--quick | --scale | --counts] [--clients N] [--only NAME …]`: measure, print, leave nothing behind."""

import argparse
import os
import platform
import signal
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.measures import Bench, Found
    from bench.site import Site


@dataclass(frozen=True)
class Size:
    """How long to measure. `aim_s` is for each size, the start included: on a busy machine there are fewer rounds."""

    rounds: int
    seconds: float
    changes: int
    fetched: int
    aim_s: int
    appointments: tuple[int, ...] = (5_000,)


FULL = Size(rounds=6, seconds=2.0, changes=60, fetched=8, aim_s=170)
QUICK = Size(rounds=2, seconds=0.6, changes=12, fetched=2, aim_s=45)
SCALE = Size(rounds=6, seconds=2.0, changes=0, fetched=0, aim_s=240, appointments=(5_000, 100_000, 1_000_000))
#: A run that hangs is ended after so many times its aim.
PATIENCE = 10
#: The share of the time that the screens of the waiting room have, where they are measured.
LIVE, LIVE_SHARE = "live", 0.2


def main() -> None:
    # Not above: the processes that help import this module again, and need none of the portal.
    from bench.site import load_average, running_site

    arguments = _arguments()
    size = SCALE if arguments.scale else QUICK if arguments.quick else FULL
    started = time.monotonic()
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGALRM, _stop)
    signal.alarm(size.aim_s * PATIENCE * len(size.appointments))
    print(
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}; load before"
        f" {load_average()}; {arguments.clients} clients"
    )
    with running_site(size.appointments[0]) as site:
        print(f"Ready after {time.monotonic() - started:.0f} s.", flush=True)
        met = _count(site) if arguments.counts else _run(site, size, arguments.clients, arguments.only, started)
    print(f"\nTook {time.monotonic() - started:.0f} s; load after {load_average()}")
    sys.exit(0 if met or not (arguments.scale or arguments.counts) else 1)


def _count(site: "Site") -> bool:
    from bench import counting

    return counting.print_counts(site)


def _run(site: "Site", size: Size, clients: int, only: Iterable[str], started: float) -> bool:
    """Measure at every size, print the table and the bars; return whether all are met."""
    from bench import bars, fanout, growing, scripts
    from bench.measures import BESIDE_PEER, MEASURES, Bench

    recorded = scripts.record(site)
    bench = Bench(site, recorded, clients)
    names = [name for name in MEASURES if name in only or (not only and (name != BESIDE_PEER or size is SCALE))]
    few = size.appointments[0]
    by_size: dict[int, list[Found]] = {}
    for count in size.appointments:
        began = started if count == few else time.monotonic()
        if count > site.data.appointments:
            print(f"\n{count:,} appointments: loaded in {growing.grow(site.portal.database, site.data, count):.0f} s")
            began = time.monotonic()
        live = bool(size.changes) and (not only or LIVE in only)
        until = began + size.aim_s * (1 - LIVE_SHARE if live else 1)
        # The peer has few appointments: what is known of it is with few.
        by_size[count] = _measure(
            bench, [one for one in names if one != BESIDE_PEER or count == few], clients, size, until
        )
        if live:
            fanout.measure(site, changes=size.changes, fetched=size.fetched, until=began + size.aim_s)
    print(f"\n{bars.table(by_size)}\n")
    found = [bar for count, measures in by_size.items() for one in measures for bar in bars.bars_of(one, count)]
    found += bars.growth_bars(by_size)
    print(*found, sep="\n")
    return all(bar.is_met for bar in found)


def _measure(bench: "Bench", names: list[str], clients: int, size: Size, until: float) -> "list[Found]":
    from bench.measures import SHARES, Plan
    from bench.stats import report_throughput

    measured = []
    for number, name in enumerate(names):
        now = time.monotonic()
        parts = [SHARES.get(other, 1.0) for other in names[number:]]
        share = max(0.0, until - now) * parts[0] / sum(parts)
        found = bench.measure(name, Plan(clients, size.rounds, size.seconds, now + share))
        print(f"\n{found.name}, {clients} clients")
        report_throughput(found.ours, [found.floor, *found.others])
        sys.stdout.flush()
        measured.append(found)
    return measured


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the portal beside its floors.")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--scale", action="store_true", help="at 5,000, 100,000 and 1,000,000 appointments")
    parser.add_argument("--counts", action="store_true", help="only count the SQL statements of each request")
    parser.add_argument("--clients", type=int, default=16, choices=range(1, 17), metavar="N", help="1 to 16 (16)")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="one measure by name, or live")
    return parser.parse_args()


def _stop(number: int, _frame: FrameType | None) -> None:
    sys.exit(f"stopped: {'it took too long' if number == signal.SIGALRM else signal.Signals(number).name}")


if __name__ == "__main__":
    main()
