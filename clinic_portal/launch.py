"""The whole portal on one machine: embedded servers, pages, sockets, worker, scheduler, a demo clinic. `make run`."""

import http.client
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from clinic_portal.core import embedded
from clinic_portal.core.processes import FolderInUse, FolderLock, free_port
from clinic_portal.core.settings import Settings
from clinic_portal.core.supervisor import CannotStart, Child, Supervisor

if TYPE_CHECKING:
    from clinic_portal.demo.build import DemoSummary

#: Making the database and the demo clinic on a slow machine, while the pages already wait.
FIRST_START_S = 300.0
#: Longer than a proxy keeps its idle connections (Caddy: two minutes), so that it never reuses one that was just closed.
KEEP_ALIVE_S = "130"


FIRST_PORT = 8000
#: Processes that answer for pages, and threads of each: as in compose.yaml.
WEB_WORKERS, WEB_THREADS = 2, 4


def launch(settings: Settings, *, folder: Path | None = None, port: int = FIRST_PORT) -> None:
    """Start everything and keep it running until Ctrl-C; ends the process. Raises: ClickException when it cannot start."""
    one = Launch(settings, folder or settings.root / "var", port)
    try:
        sys.exit(one.supervise())
    except (FolderInUse, CannotStart, embedded.EmbeddedUnavailable) as error:
        raise click.ClickException(str(error)) from error


def run(settings: Settings) -> None:
    """Do the same as a program of its own: what is wrong is said in one line."""
    try:
        launch(settings)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)


def print_sign_ins(summary: "DemoSummary") -> None:
    """Print who can sign in to the demo clinic."""
    for person in summary.sign_ins:
        click.echo(f"    {person.role:<14} {person.email:<34} {person.name}")
    click.echo(f"    password for all of them: {summary.sign_ins[0].password}")


class Launch:
    """One machine's portal: embedded servers (unless the environment names others), pages, sockets, worker, scheduler."""

    def __init__(self, settings: Settings, folder: Path, port: int) -> None:
        """Choose ports and addresses."""
        self.settings = settings
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
            "CLINIC_ENV": self.settings.environment.value,
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
            # The pages load while the database starts and is prepared, which is half of the time until they answer. The
            # rest comes after both: it would only take the processor from them.
            children = [self._pages(), *self._servers(), *self._programs()]
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
        # Not above: the portal takes two seconds to load, and the pages load beside it meanwhile.
        from flask_migrate import upgrade

        from clinic_portal.app import create_app
        from clinic_portal.core.clock import SystemClock
        from clinic_portal.demo.build import build_demo
        from clinic_portal.web.database import session_factory

        if self.own_database:
            self.postgres.ensure_database("clinic")
        addresses = self.addresses
        (self.folder / "servers.json").write_text(
            json.dumps({name: addresses[name] for name in ("DATABASE_URL", "REDIS_URL")})
        )
        app = create_app(
            replace(self.settings, database_url=_psycopg(addresses["DATABASE_URL"]), redis_url=addresses["REDIS_URL"])
        )
        with app.app_context():
            upgrade(directory=str(self.settings.root / "migrations"))
            with session_factory(app)() as session:
                self.summary = build_demo(session, SystemClock())
            app.extensions["sqlalchemy"].engine.dispose()

    def _pages(self) -> Child:
        # Loaded once for both workers. Nothing is connected before the first request.
        command = [*_gunicorn("wsgi:app", self.port, workers=WEB_WORKERS, threads=WEB_THREADS), "--preload"]
        return Child(
            "web",
            command,
            self.addresses,
            ready=lambda: _answers(self.port),
            gate=False,
            ready_timeout_s=FIRST_START_S,
        )

    def _programs(self) -> list[Child]:
        flask = [sys.executable, "-m", "flask", "--app", "wsgi", "clinic"]
        env = self.addresses
        return [
            Child("live", _gunicorn("wsgi:live", self.live_port, workers=1, threads=260), env, gate=False, last=True),
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
            print_sign_ins(self.summary)
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
