"""`python -m bench [--quick] [--appointments N] [--clients N] [--only NAME]`: measure, print, leave nothing behind."""

import argparse
import os
import platform
import signal
import sys
import time
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING

from bench.facts import SCREENS

if TYPE_CHECKING:
    from bench.site import Site


@dataclass(frozen=True)
class Size:
    """How long to measure. `aim_s` is for all of it, start and stop included: on a busy machine there are fewer rounds."""

    rounds: int
    seconds: float
    changes: int
    fetched: int
    aim_s: int


FULL = Size(rounds=7, seconds=2.0, changes=60, fetched=8, aim_s=145)
QUICK = Size(rounds=3, seconds=0.6, changes=12, fetched=2, aim_s=30)
#: A run that hangs is ended after so many times its aim.
PATIENCE = 3
#: The shares of the time that is left after the start.
SHARES = {"availability": 0.4, "booking": 0.4, "live": 0.2}


def main() -> None:
    # Not above: the processes that help import this module again, and need none of the portal.
    from bench.site import load_average, running_site

    arguments = _arguments()
    size = QUICK if arguments.quick else FULL
    started = time.monotonic()
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGALRM, _stop)
    # Bulk inserts of more appointments take their time before anything is measured.
    signal.alarm(size.aim_s * PATIENCE + arguments.appointments // 1_000)
    print(
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}; load before"
        f" {load_average()}; {arguments.appointments:,} appointments, {SCREENS} screens"
    )
    with running_site(arguments.appointments) as site:
        print(f"Ready after {time.monotonic() - started:.0f} s.", flush=True)
        left_s = max(0.0, size.aim_s - (time.monotonic() - started))
        for name, share in SHARES.items():
            if arguments.only in (None, name):
                _measure(name, site, arguments.clients, size, time.monotonic() + left_s * share)
                sys.stdout.flush()
    print(f"\nTook {time.monotonic() - started:.0f} s; load after {load_average()}")


def _measure(name: str, site: "Site", clients: int, size: Size, until: float) -> None:
    from bench import availability, booking, fanout

    if name == "availability":
        availability.measure(site, clients=clients, seconds=size.seconds, rounds=size.rounds, until=until)
    elif name == "booking":
        booking.measure(site, clients=clients, seconds=size.seconds, rounds=size.rounds, until=until)
    else:
        fanout.measure(site, changes=size.changes, fetched=size.fetched, until=until)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the portal beside baselines.")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds: under 40 seconds")
    parser.add_argument("--appointments", type=int, default=5_000, help="how many there are already (5000)")
    parser.add_argument("--clients", type=int, default=12, choices=range(1, 21), metavar="N", help="1 to 20 (12)")
    parser.add_argument("--only", choices=list(SHARES), help="one of the three")
    return parser.parse_args()


def _stop(number: int, _frame: FrameType | None) -> None:
    sys.exit(f"stopped: {'it took too long' if number == signal.SIGALRM else signal.Signals(number).name}")


if __name__ == "__main__":
    main()
