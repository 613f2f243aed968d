"""How many SQL statements each request sends, in a small clinic and in a large one: none may grow with the data."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from sqlalchemy import text

from bench.data import make_dataset, undo_rounds
from bench.facts import Dataset
from bench.recording import HOST, Recorder, record_booking, statements_of
from bench.scripts import ANY, TWO_WEEKS
from bench.site import Site
from clinic_portal.booking.jobs import replan_reminders, sweep_waiting_list
from clinic_portal.core.jobs import start_runtime
from clinic_portal.waiting_room.rules import SCREEN_COOKIE
from tests.support import servers

SMALL = "clinic_bench_small"
SMALL_PRACTITIONERS, SMALL_APPOINTMENTS = 2, 20
DESK = "paula@clinic.example"


def print_counts(site: Site) -> bool:
    """Print the table; return whether nothing grows. What a job does for each visit is counted for one."""
    database = servers.clone_template(SMALL)
    try:
        data = make_dataset(database, SMALL_APPOINTMENTS, SMALL_PRACTITIONERS)
        small = dict(_counts({**site.portal.environment, "DATABASE_URL": database}, data))
        undo_rounds(database, data)
    finally:
        servers.drop_database(SMALL)
    site.forget_jobs()
    large = dict(_counts(site.portal.environment, site.data))
    site.undo()
    print(f"\n| SQL statements of | {SMALL_PRACTITIONERS} practitioners, {SMALL_APPOINTMENTS} visits", end="")
    print(f" | {len(site.data.places)} practitioners, {site.data.appointments:,} visits |\n|---|---|---|")
    for name, count in small.items():
        print(f"| {name} | {count:.3g} | {large[name]:.3g} |")
    # What is counted for each visit is a little less when what is read once is shared by more of them.
    grown = [name for name in small if large[name] > small[name]]
    print("\n" + (f"FAIL  grows with the data: {', '.join(grown)}" if grown else "PASS  nothing grows with the data"))
    return not grown


def _counts(environment: Mapping[str, str], data: Dataset) -> Iterator[tuple[str, float]]:
    with contextlib.closing(Recorder(environment, cache=True)) as recorder:
        recorder.get("/book")
        recorder.get(f"{ANY}&part=morning")  # Finds the catalogue, which a process keeps.
        one = f"/book/massage/times?practitioner={data.places[0].practitioner}&facility=lisbon"

        def page(path: str) -> float:
            return len(recorder.script_of_get(path).statements)

        yield "times, no preference, visitor", page(ANY)
        yield "times, 14 days, no preference, visitor", page(TWO_WEEKS)
        yield "times, one practitioner, visitor", page(one)
        recorder.sign_in(data.people[1])
        yield "times, no preference, signed in", page(f"{ANY}&patient={data.people[1].patient}")
        hold, book = record_booking(recorder, data, 1)
        yield "hold", len(hold.statements)
        yield "book", len(book.statements)
        insert = next(one for one in hold.statements if one.sql.startswith("INSERT INTO appointment "))
        yield from _changes(recorder, data, str(insert.parameters["id"]))
        yield "my visits", page("/visits")
        recorder.sign_in(replace(data.people[1], email=DESK))
        day = data.free[0][0][:10]
        yield "the front desk's day", page(f"/desk/lisbon?day={day}")
        recorder.client = recorder.app.test_client()
        recorder.client.set_cookie(SCREEN_COOKIE, data.screens[0], domain="clinic.example")
        recorder.get("/tv/board?version=none")  # Notes that the screen lives, once in a while.
        yield "the TV's board", page("/tv/board?version=none")
        yield from _jobs(recorder, data)


def _changes(recorder: Recorder, data: Dataset, visit: str) -> Iterator[tuple[str, float]]:
    """Move and cancel the visit that was just booked."""
    slot = data.free[1][2]
    recorder.get(f"/visits/{visit}/move")
    check = recorder.post(f"/visits/{visit}/move?practitioner=any&facility=lisbon", slot=slot).location
    moved, _ = recorder.script_of_post(check.removeprefix(HOST))
    yield "move", len(moved.statements)
    cancelled, _ = recorder.script_of_post(f"/visits/{visit}/cancel", reason="patient.other")
    yield "cancel", len(cancelled.statements)


def _jobs(recorder: Recorder, data: Dataset) -> Iterator[tuple[str, float]]:
    start_runtime(recorder.app.extensions["clinic_portal"]["jobs"])

    def count(job: Callable[[], None]) -> int:
        with statements_of(recorder.engine) as seen:
            job()
        return len(seen)

    yield "sweep of the waiting list", count(sweep_waiting_list)
    with recorder.engine.connect() as connection:
        query = text("SELECT count(*) FROM appointment WHERE state = 'booked' AND starts_at > now()")
        coming = connection.scalar(query) or 1
    yield "reminders planned anew, for each visit", count(replan_reminders) / coming
