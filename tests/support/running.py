"""The portal as it runs: real processes on a database of their own, for tests that kill, race or click."""

import contextlib
import http.client
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from clinic_portal.core.embedded import EmbeddedValkey, start_valkey, valkey_command
from clinic_portal.core.processes import free_port
from clinic_portal.launch import WEB_THREADS, WEB_WORKERS
from tests.support import servers

FLASK = [sys.executable, "-m", "flask", "--app", "wsgi", "clinic"]
START_TIMEOUT_S = 90.0


@dataclass
class Running:
    """A portal on loopback ports. `kill` is SIGKILL to a program and all that it forked; `start` brings it back."""

    folder: Path
    database: str
    valkey: EmbeddedValkey
    port: int
    live_port: int
    environment: dict[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    #: Where the program lies: here, or in a copy made like production's image.
    root: Path = servers.ROOT

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def inbox(self) -> Path:
        return Path(self.environment["INBOX_FOLDER"])

    def ports(self) -> dict[str, int]:
        """Where the programs that listen do so."""
        return {"web": self.port, "live": self.live_port}

    def command(self, name: str) -> list[str]:
        """What a program is started with."""
        return {
            "web": gunicorn("wsgi:app", self.port, workers=WEB_WORKERS, threads=WEB_THREADS),
            "live": gunicorn("wsgi:live", self.live_port, workers=1, threads=260),
            "worker": [*FLASK, "worker"],
            "scheduler": [*FLASK, "scheduler"],
            # After it was killed: on the same port, with what it had written.
            "valkey": valkey_command(self.folder, int(self.valkey.url.rsplit(":", 1)[1].split("/")[0])),
        }[name]

    def start(self, *names: str) -> None:
        """Start programs ("web", "live", "worker", "scheduler") and wait until those that listen answer."""
        for name in names:
            with (self.folder / f"{name}.log").open("ab") as log:
                self.processes[name] = subprocess.Popen(
                    self.command(name),
                    cwd=self.root,
                    env=self.environment,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        for name, port in self.ports().items():
            if name in names:
                self._wait(name, port)

    def _wait(self, name: str, port: int) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            assert self.processes[name].poll() is None, self.log(name)
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            with contextlib.suppress(OSError), contextlib.closing(connection):
                connection.request("GET", "/" if name == "live" else "/health")
                connection.getresponse().read()
                return
            time.sleep(0.05)
        raise AssertionError(f"{name} does not answer:\n{self.log(name)}")

    def kill(self, name: str) -> None:
        """SIGKILL the program's whole session ("valkey" too)."""
        if name == "valkey":
            os.kill(self.valkey.pid, signal.SIGKILL)
            self.valkey.stop()
            return
        process = self.processes.pop(name)
        _signal_session(process.pid, signal.SIGKILL)
        process.wait()

    def end(self, name: str) -> None:
        """Ask a program to stop, and wait until it has."""
        process = self.processes[name]
        process.terminate()
        process.wait(START_TIMEOUT_S)
        del self.processes[name]

    def revive(self) -> None:
        """Do as the parent of `make run` does: start again what has died by itself."""
        for name in [name for name, process in self.processes.items() if process.poll() is not None]:
            self.start(name)

    def log(self, name: str) -> str:
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace")[-6000:] if path.exists() else ""

    def stop(self) -> None:
        for process in self.processes.values():
            _signal_session(process.pid, signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                pass
            finally:
                _signal_session(process.pid, signal.SIGKILL)
                process.wait()
        self.valkey.stop()


def gunicorn(target: str, port: int, *, workers: int, threads: int) -> list[str]:
    return [
        sys.executable, "-m", "gunicorn", target, "--bind", f"127.0.0.1:{port}", "--worker-class", "gthread", "--workers",
        str(workers), "--threads", str(threads), "--no-control-socket", "--log-level", "warning", "--graceful-timeout", "2",
        "--backlog", "512",
    ]  # fmt: skip


def _signal_session(session: int, number: signal.Signals) -> None:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if os.getsid(int(entry.name)) == session:
                    os.kill(int(entry.name), number)


@contextlib.contextmanager
def running_portal(folder: Path, name: str, first_port: int) -> Iterator[Running]:
    """Make a portal with an empty, migrated database and a Valkey of its own; nothing is started yet."""
    database = servers.clone_template(name)
    valkey = start_valkey(folder)
    port = free_port(first_port)
    live_port = free_port(port + 1)
    environment = {
        **os.environ,
        "CLINIC_ENV": "test",
        "DATABASE_URL": database,
        "REDIS_URL": valkey.url,
        "SECRET_KEY": secrets.token_urlsafe(48),
        "INBOX_FOLDER": str(folder / "inbox"),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "LIVE_URL": f":{live_port}",
        "RATE_LIMITS": "off",
        "PYTHONWARNINGS": "default",
    }
    portal = Running(folder, database, valkey, port, live_port, environment)
    try:
        yield portal
    finally:
        portal.stop()
        servers.drop_database(name)
