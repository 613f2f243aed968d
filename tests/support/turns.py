"""Turns on the machine: a test marked `alone` measures ratios of time, so meanwhile the other xdist workers wait."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_SH, LOCK_UN, flock
from pathlib import Path


@contextmanager
def turn(*, alone: bool) -> Iterator[None]:
    """Wait until this process may run a test, beside others or alone; the kernel gives back the turn of one that dies.

    Whoever asks stands at the door until they are in: a test that wants to be alone is not passed by all the others.
    """
    folder = Path(os.environ["CLINIC_TEST_TURNS"])
    with (folder / "door").open("w") as door, (folder / "machine").open("w") as machine:
        flock(door, LOCK_EX)
        flock(machine, LOCK_EX if alone else LOCK_SH)
        flock(door, LOCK_UN)
        yield
