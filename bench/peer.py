"""django-appointment beside the portal: on the same machine and database server, under the same gunicorn, in turn with it."""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

from bench.facts import THREADS, WORKERS, libpq
from bench.peer_load import Visitor
from bench.site import Site, start_beside, wait_for
from clinic_portal.core.processes import Guard, end_session, free_port, signal_session
from tests.support.running import gunicorn
from tests.support.servers import empty_database

PACKAGE = "django-appointment==3.12.0"
HERE = Path(__file__).parent / "django_appointment"
SERVER = "peer"


@dataclass
class Peer:
    """What is running."""

    port: int
    visitors: list[Visitor]
    database: str
    #: How many appointments there were when it was last asked.
    known: int

    def count_new(self) -> int:
        """Return how many appointments came since this was asked last."""
        with psycopg.connect(libpq(self.database)) as connection:
            ((count,),) = connection.execute("SELECT count(*) FROM appointment_appointment").fetchall()
        new, self.known = count - self.known, count
        return new


@contextlib.contextmanager
def running_peer(site: Site) -> Iterator[Peer]:
    """Install it into a temporary environment, fill it and start it.

    Raises: subprocess.CalledProcessError when no package index answers.
    """
    python = _installed(site.folder / "peer-venv")
    database = empty_database("clinic_peer")
    environment = {**os.environ, **_libpq_variables(database)} | {
        "PYTHONPATH": str(HERE), "DJANGO_SETTINGS_MODULE": "peer_settings", "PEER_SECRET": secrets.token_urlsafe(48),
    }  # fmt: skip
    fill = [python, str(HERE / "peer_fill.py"), str(site.data.appointments)]
    printed = subprocess.run(fill, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    told = json.loads(printed.splitlines()[-1])
    port = free_port(site.uncached_port + 20)
    command = gunicorn("django.core.wsgi:get_wsgi_application()", port, workers=WORKERS, threads=THREADS)
    process, guard = start_beside([python, *command[1:]], environment, site.folder), Guard()
    try:
        guard.watch(process.pid, stop_signal=signal.SIGTERM, timeout_s=5)
        wait_for(port, site.folder)
        site.pids[SERVER] = process.pid
        visitors = [
            Visitor(session, str(told["service"]), str(staff))
            for session, staff in zip(told["sessions"], told["staff"], strict=False)
        ]
        yield Peer(port, visitors, database, site.data.appointments)
    finally:
        signal_session(process.pid, signal.SIGTERM)
        end_session(process.pid, stop_signal=signal.SIGTERM, timeout_s=5)
        process.wait()
        guard.close()


def _installed(folder: Path) -> str:
    """Make a virtual environment with the peer, and with server and driver in the portal's versions."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = str(folder / "bin" / "python")
    packages = [PACKAGE, f"gunicorn=={version('gunicorn')}", f"psycopg[binary]=={version('psycopg')}"]
    uv = str(Path(sys.executable).with_name("uv"))
    subprocess.run([uv, "pip", "install", "--quiet", "--python", python, *packages], check=True)
    return python


def _libpq_variables(url: str) -> dict[str, str]:
    parts = make_url(url)
    values = {
        "PGHOST": str(parts.query.get("host") or parts.host or ""),
        "PGPORT": str(parts.port or ""),
        "PGUSER": parts.username or "",
        "PGPASSWORD": parts.password or "",
        "PGDATABASE": parts.database or "",
    }
    return {name: value for name, value in values.items() if value}
