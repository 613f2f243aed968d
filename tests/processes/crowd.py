"""A crowd of visitors, each a process with a browser session of its own, who press at one moment; and what became of it."""

import multiprocessing
import queue
from collections import Counter
from collections.abc import Callable, Sequence
from multiprocessing.synchronize import Barrier
from typing import Any

from sqlalchemy import make_url, text

from clinic_portal.core.db import make_engine
from tests.support.servers import ServerLog

RIVALS = 32
BARRIER_TIMEOUT_S = 300.0
#: How often a control has everybody press, at most: that two of them meet is luck.
MEETINGS = 4

#: What one visitor does: their own arguments, then where all meet, then where the list of what they heard goes.
Visit = Callable[..., None]


def race(visit: Visit, arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Run the visit once for each of the arguments, all at once, and return what everybody heard."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([visit.__module__])
    barrier: Barrier = context.Barrier(len(arguments))
    results = context.Queue()
    processes = [context.Process(target=visit, args=(*each, barrier, results)) for each in arguments]
    for process in processes:
        process.start()
    outcomes = []
    for _ in processes:
        while True:
            try:
                outcomes.extend(results.get(timeout=1))
                break
            except queue.Empty:
                assert not [process for process in processes if process.exitcode], "a rival died"
    for process in processes:
        process.join(30)
        assert process.exitcode == 0
    return outcomes


def log_of(database: str) -> ServerLog:
    """What PostgreSQL's log says of the database with this URL from now on."""
    return ServerLog(str(make_url(database).database))


def drop_constraints(database: str, *names: str) -> None:
    """Without them nothing but the code keeps rivals apart."""
    engine = make_engine(database)
    with engine.begin() as connection:
        for name in names:
            connection.execute(text(f"ALTER TABLE appointment DROP CONSTRAINT ex_appointment_{name}"))
    engine.dispose()


def booked_rows(database: str) -> list[tuple[str, str, str]]:
    """(practitioner, start, reference) of every visit that is booked."""
    engine = make_engine(database)
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT practitioner_id::text, starts_at::text, reference FROM appointment WHERE state = 'booked'")
        ).all()
    engine.dispose()
    return [(row[0], row[1], row[2]) for row in rows]


def most_at_one_time(database: str) -> int:
    """How many visits start with one practitioner at one time, where there are most."""
    counts = Counter((practitioner, start) for practitioner, start, _ in booked_rows(database))
    return max(counts.values(), default=0)


def overlaps(database: str) -> int:
    """Pairs of live visits that overlap for a practitioner, a room or a patient."""
    engine = make_engine(database)
    with engine.connect() as connection:
        count = connection.scalar(
            text(
                "SELECT count(*) FROM appointment a JOIN appointment b ON a.id < b.id"
                " AND (a.practitioner_id = b.practitioner_id OR a.room_id = b.room_id OR a.patient_id = b.patient_id)"
                " AND tstzrange(a.starts_at, a.ends_at) && tstzrange(b.starts_at, b.ends_at)"
                " WHERE a.state NOT IN ('cancelled', 'noshow') AND b.state NOT IN ('cancelled', 'noshow')"
            )
        )
    engine.dispose()
    return int(count or 0)
