"""Commands: `flask --app wsgi clinic …`. `run` is what `make run` calls; the others are what it starts."""

import http.client
import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click
from flask import Flask, current_app
from flask.cli import AppGroup
from flask_migrate import upgrade
from redis import Redis
from rq import Queue, SimpleWorker
from rq.cron import CronScheduler
from sqlalchemy.orm import Session

from clinic_portal.accounts.jobs import tidy_accounts
from clinic_portal.app import create_app
from clinic_portal.booking.jobs import sweep_holds, sweep_waiting_list
from clinic_portal.check_in.jobs import mark_missed_visits
from clinic_portal.core import embedded
from clinic_portal.core.jobs import QUEUES, JobRuntime, start_runtime
from clinic_portal.core.processes import FolderInUse, FolderLock, free_port
from clinic_portal.core.supervisor import CannotStart, Child, Supervisor
from clinic_portal.demo.build import DemoSummary, build_demo
from clinic_portal.notifications.jobs import sweep_outbox
from clinic_portal.web.database import EXTENSION_KEY, clock, db_session, session_factory, settings

group = AppGroup("clinic", help="Run the portal and look after it.")

#: Job, queue, how often. All are safe to run twice.
PERIODIC: tuple[tuple[Callable[[], None], str, int], ...] = (
    (sweep_outbox, "notify", 10),
    (sweep_holds, "default", 60),
    (mark_missed_visits, "default", 1800),
    (sweep_waiting_list, "default", 60),
    (tidy_accounts, "default", 3600),
)

#: Longer than a proxy keeps its idle connections (Caddy: two minutes), so that it never reuses one that was just closed.
KEEP_ALIVE_S = "130"

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
    _print_sign_ins(build_demo(db_session(), clock()))


@group.command("run")
@click.option(
    "--port", default=8000, show_default=True, help="Where the pages are; the next free port when it is taken."
)
@click.option("--folder", type=click.Path(path_type=Path), help="Where the servers' data is; `var` when not said.")
def run(port: int, folder: Path | None) -> None:
    """Start everything on this machine with a demo clinic; Ctrl-C stops all of it."""
    launch = Launch(folder or settings().root / "var", port)
    try:
        sys.exit(launch.supervise())
    except (FolderInUse, CannotStart, embedded.EmbeddedUnavailable) as error:
        raise click.ClickException(str(error)) from error


def _runtime() -> JobRuntime:
    runtime: JobRuntime = current_app.extensions[EXTENSION_KEY]["jobs"]
    return runtime


def _print_sign_ins(summary: DemoSummary) -> None:
    for person in summary.sign_ins:
        click.echo(f"    {person.role:<14} {person.email:<34} {person.name}")
    click.echo(f"    password for all of them: {summary.sign_ins[0].password}")


class Launch:
    """One machine's portal: embedded servers (unless the environment names others), pages, sockets, worker, scheduler."""

    def __init__(self, folder: Path, port: int) -> None:
        """Choose ports and addresses."""
        self.folder = folder
        self.wanted_port = port
        self.port = free_port(port)
        self.live_port = free_port(self.port + 1)
        self.valkey_port = free_port(self.live_port + 1)
        self.postgres = embedded.EmbeddedPostgres(folder)
        self.own_database = "DATABASE_URL" not in os.environ
        self.own_valkey = "REDIS_URL" not in os.environ
        self.summary: DemoSummary | None = None

    @property
    def addresses(self) -> dict[str, str]:
        """What the children find in their environment."""
        return {
            "DATABASE_URL": self.postgres.url("clinic") if self.own_database else os.environ["DATABASE_URL"],
            "REDIS_URL": embedded.valkey_url(self.valkey_port) if self.own_valkey else os.environ["REDIS_URL"],
            "PUBLIC_URL": os.environ.get("PUBLIC_URL", f"http://127.0.0.1:{self.port}"),
            "INBOX_FOLDER": os.environ.get("INBOX_FOLDER", str(self.folder / "inbox")),
            "LIVE_URL": os.environ.get("LIVE_URL", f":{self.live_port}"),
        }

    def supervise(self) -> int:
        """Run until Ctrl-C. Raises: FolderInUse, CannotStart, EmbeddedUnavailable."""
        lock = FolderLock(self.folder)
        lock.acquire()
        try:
            # The pages before the rest: while they start, the others would only take the processor from them.
            children = [*self._servers(), self._pages(), *self._programs()]
            return Supervisor(children, on_ready=self._tell, keep_open=lock.fds).run()
        finally:
            lock.release()

    def _servers(self) -> list[Child]:
        children = []
        if self.own_valkey:
            children.append(
                Child(
                    "valkey",
                    embedded.valkey_command(self.folder, self.valkey_port),
                    ready=lambda: embedded.valkey_is_ready(self.valkey_port),
                    gate=False,
                    log=self.folder / "valkey.log",
                )
            )
        if self.own_database:
            children.append(
                Child(
                    "postgres",
                    self.postgres.command(),
                    ready=self.postgres.is_ready,
                    after_ready=self._prepare,
                    stop_signal=embedded.POSTGRES_STOP,
                    stop_timeout_s=embedded.POSTGRES_STOP_TIMEOUT_S,
                    log=self.postgres.log,
                )
            )
        else:
            self._prepare()
        return children

    def _prepare(self) -> None:
        """Migrate and bring the demo clinic up to now."""
        if self.own_database:
            self.postgres.ensure_database("clinic")
        addresses = self.addresses
        (self.folder / "servers.json").write_text(
            json.dumps({name: addresses[name] for name in ("DATABASE_URL", "REDIS_URL")})
        )
        app = create_app(
            replace(settings(), database_url=_psycopg(addresses["DATABASE_URL"]), redis_url=addresses["REDIS_URL"])
        )
        with app.app_context():
            upgrade(directory=str(settings().root / "migrations"))
            session: Session = session_factory(app)()
            with session:
                self.summary = build_demo(session, clock())
            app.extensions["sqlalchemy"].engine.dispose()

    def _pages(self) -> Child:
        command = _gunicorn("wsgi:app", self.port, workers=2, threads=8)
        return Child("web", command, self.addresses, ready=lambda: _answers(self.port))

    def _programs(self) -> list[Child]:
        flask = [sys.executable, "-m", "flask", "--app", "wsgi", "clinic"]
        env = self.addresses
        return [
            Child("live", _gunicorn("wsgi:live", self.live_port, workers=1, threads=260), env, gate=False),
            Child("worker", [*flask, "worker"], env, gate=False),
            Child("scheduler", [*flask, "scheduler"], env, gate=False),
        ]

    def _tell(self) -> None:
        url = f"http://127.0.0.1:{self.port}"
        if self.port != self.wanted_port:
            click.echo(f"\n  Port {self.wanted_port} is taken, so the portal is on {self.port}.")
        click.echo(f"\n  The portal runs:      {url}")
        click.echo(f"    front desk          {url}/desk")
        click.echo(f"    waiting-room TV     {url}/tv")
        click.echo(f"    messages sent       {url}/developer/inbox")
        click.echo("\n  Sign in as:")
        if self.summary is not None:
            _print_sign_ins(self.summary)
        click.echo("\n  Ctrl-C stops all of it.\n")


def _psycopg(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


def _gunicorn(target: str, port: int, *, workers: int, threads: int) -> list[str]:
    return [
        sys.executable, "-m", "gunicorn", target, "--bind", f"127.0.0.1:{port}", "--worker-class", "gthread",
        "--workers", str(workers), "--threads", str(threads), "--no-control-socket", "--log-level", "warning",
        "--graceful-timeout", "5", "--keep-alive", KEEP_ALIVE_S,
    ]  # fmt: skip


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=0.25)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
