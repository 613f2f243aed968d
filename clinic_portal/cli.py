"""Commands: `flask --app wsgi clinic …`. `run` does what `make run` does; the others are what that starts."""

from collections.abc import Callable
from pathlib import Path

import click
from flask import Flask, current_app
from flask.cli import AppGroup
from redis import Redis
from rq import Queue, SimpleWorker
from rq.cron import CronScheduler

from clinic_portal.accounts.jobs import tidy_accounts
from clinic_portal.booking.jobs import plan_missing_reminders, sweep_holds, sweep_waiting_list
from clinic_portal.check_in.jobs import mark_missed_visits
from clinic_portal.core.jobs import QUEUES, JobRuntime, start_runtime
from clinic_portal.demo.build import build_demo
from clinic_portal.launch import launch, print_sign_ins
from clinic_portal.notifications.jobs import read_stops, sweep_outbox
from clinic_portal.web.database import EXTENSION_KEY, clock, db_session, settings

group = AppGroup("clinic", help="Run the portal and look after it.")

#: Job, queue, how often. All are safe to run twice.
PERIODIC: tuple[tuple[Callable[[], None], str, int], ...] = (
    (sweep_outbox, "notify", 10),
    (sweep_holds, "default", 60),
    (mark_missed_visits, "default", 1800),
    (sweep_waiting_list, "default", 60),
    (plan_missing_reminders, "default", 600),
    (read_stops, "default", 600),
    (tidy_accounts, "default", 3600),
)

#: A worker that was killed is noticed after about a minute, instead of the default's seven.
WORKER_TTL_S = 30
MAINTENANCE_INTERVAL_S = 10
MONITORING_INTERVAL_S = 5


def init_cli(app: Flask) -> None:
    """Make the commands known to Flask."""
    app.cli.add_command(group)


@group.command("worker")
def worker() -> None:
    """Deliver messages and do the other background work.

    Jobs run in this process: a fork for each would cost ten times what a delivery costs. They have time limits, and a
    worker that dies is started again by its parent; the outbox does not depend on what it was doing.
    """
    start_runtime(_runtime())
    connection = Redis.from_url(settings().redis_url)
    queues = [Queue(name, connection=connection) for name in QUEUES]
    SimpleWorker(
        queues,
        connection=connection,
        worker_ttl=WORKER_TTL_S,
        maintenance_interval=MAINTENANCE_INTERVAL_S,
        job_monitoring_interval=MONITORING_INTERVAL_S,
        log_job_description=False,
    ).work(logging_level="WARNING")


@group.command("scheduler")
def scheduler() -> None:
    """Enqueue the periodic jobs. Run one of these; two enqueue everything twice, which is harmless but pointless."""
    cron = CronScheduler(connection=Redis.from_url(settings().redis_url), logging_level="WARNING")
    for job, queue, interval_s in PERIODIC:
        cron.register(job, queue, interval=interval_s, result_ttl=0, ttl=interval_s, job_timeout=120)
    cron.start()  # type: ignore[no-untyped-call]  # RQ is typed in parts


@group.command("demo")
def demo() -> None:
    """Fill the database with an invented clinic, or bring that clinic's day up to now."""
    if settings().is_production:
        raise click.ClickException("the demo clinic is not for production")
    print_sign_ins(build_demo(db_session(), clock()))


@group.command("run")
@click.option(
    "--port", default=8000, show_default=True, help="Where the pages are; the next free port when it is taken."
)
@click.option("--folder", type=click.Path(path_type=Path), help="Where the servers' data is; `var` when not said.")
def run(port: int, folder: Path | None) -> None:
    """Start everything on this machine with a demo clinic; Ctrl-C stops all of it."""
    launch(settings(), folder=folder, port=port)


def _runtime() -> JobRuntime:
    runtime: JobRuntime = current_app.extensions[EXTENSION_KEY]["jobs"]
    return runtime
