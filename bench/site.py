"""All that a run needs: database, Valkey, the portal as it runs in production, and the baselines' servers beside it."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import redis

from bench.client import Client
from bench.data import make_dataset, undo_rounds
from bench.facts import THREADS, WORKERS, Dataset
from bench.load import follow_parent
from bench.stats import Round
from clinic_portal.core.processes import Guard, end_session, free_port, session_pids, signal_session
from tests.support.running import START_TIMEOUT_S, Running, gunicorn, running_portal
from tests.support.servers import ROOT, start_servers

LIVE_THREADS = 260
FIRST_PORT = 8700

#: The portal is measured as it is run: rate limits on, behind one proxy. No worker runs, so the vendors are only names.
PRODUCTION = {
    "CLINIC_ENV": "production",
    "PUBLIC_URL": "https://clinic.example",
    "LIVE_URL": "https://clinic.example",
    "CLINIC_NAME": "Clínica Ribeira",
    "CLINIC_PHONE": "+351 210 000 000",
    "EMAIL_SENDER": "Clínica Ribeira <visits@clinic.example>",
    "SMS_PROVIDER": "sns",
    "EMAIL_PROVIDER": "ses",
    "RATE_LIMITS": "on",
    "TRUSTED_PROXIES": "1",
    "LIVE_MAX_CONNECTIONS": "240",
}


@dataclass
class Site:
    """What is running."""

    portal: Running
    data: Dataset
    folder: Path
    floor_port: int
    floor_live_port: int
    #: The portal with AVAILABILITY_CACHE=off.
    uncached_port: int
    #: Server ("portal", "uncached", "floor") → its first process.
    pids: dict[str, int]
    #: One process that makes the load, so that it has an interpreter of its own.
    load: ProcessPoolExecutor

    def timed(self, run: Callable[[], Round], server: str = "") -> Round:
        """Run a round and note what a server of `pids` spent of the processor: others' load is not in that."""
        before = self._cpu_s(server)
        result = run()
        return replace(result, cpu_s=self._cpu_s(server) - before)

    def _cpu_s(self, server: str) -> float:
        leader = self.pids.get(server)
        ticks = 0
        for pid in session_pids(leader) if leader else []:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])  # Source: proc(5), utime and stime.
        return ticks / os.sysconf("SC_CLK_TCK")

    def undo(self) -> None:
        """Take back what was booked since the start, and forget what was kept and nudged."""
        undo_rounds(self.portal.database, self.data)
        self.forget_jobs()

    def forget_jobs(self) -> None:
        """Empty Valkey: the nudges that no worker takes, the counts of the rate limits, and the cache."""
        with contextlib.closing(redis.Redis.from_url(self.portal.valkey.url)) as connection:
            connection.flushdb()


@contextlib.contextmanager
def running_site(appointments: int) -> Iterator[Site]:
    """Start everything; stop it at the end, and also when this very process is killed."""
    servers = start_servers()
    folder = Path(tempfile.mkdtemp(prefix="clinic-bench-"))
    guard = Guard()
    floors: list[subprocess.Popen[bytes]] = []
    load = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=follow_parent)
    load.submit(os.getpid)  # It starts now, beside the others.
    try:
        with running_portal(folder, "clinic_bench", FIRST_PORT) as portal:
            portal.environment.update(PRODUCTION)
            portal.environment.pop("PYTHONDONTWRITEBYTECODE", None)  # Compiled once, not by every worker.
            ports = [free_port(portal.live_port + offset) for offset in (1, 20, 40)]
            environment = {**portal.environment, "BENCH_FOLDER": str(folder), "AVAILABILITY_CACHE": "off"}
            for target, port, workers, threads in (
                ("bench.floor:app", ports[0], WORKERS, THREADS),
                ("bench.floor:live", ports[1], 1, LIVE_THREADS),
                ("wsgi:app", ports[2], WORKERS, THREADS),
            ):
                floors.append(
                    start_beside(gunicorn(target, port, workers=workers, threads=threads), environment, folder)
                )
                guard.watch(floors[-1].pid, stop_signal=signal.SIGTERM, timeout_s=5)
            with ThreadPoolExecutor(1) as beside:
                started = beside.submit(portal.start, "web", "live")
                data = make_dataset(portal.database, appointments)
                started.result()
            for process in portal.processes.values():
                guard.watch(process.pid, stop_signal=signal.SIGTERM, timeout_s=5)
            for port in ports:
                wait_for(port, folder)
            pids = {"portal": portal.processes["web"].pid, "floor": floors[0].pid, "uncached": floors[2].pid}
            yield Site(portal, data, folder, *ports, pids=pids, load=load)
    finally:
        for process in floors:
            signal_session(process.pid, signal.SIGTERM)
        for process in floors:
            end_session(process.pid, stop_signal=signal.SIGTERM, timeout_s=5)
            process.wait()
        load.shutdown(wait=False, cancel_futures=True)
        guard.close()
        shutil.rmtree(folder, ignore_errors=True)
        servers.stop()


def start_beside(command: list[str], environment: dict[str, str], folder: Path) -> subprocess.Popen[bytes]:
    """Start a server in a session of its own."""
    with (folder / "floor.log").open("ab") as log:
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)


def wait_for(port: int, folder: Path) -> None:
    """Wait until a server answers, whatever it says. Raises: RuntimeError."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        client = Client(port)
        with contextlib.suppress(OSError), contextlib.closing(client):
            client.get("/health")
            return
        time.sleep(0.05)
    raise RuntimeError(f"a baseline does not answer:\n{(folder / 'floor.log').read_text()[-3000:]}")


def load_average() -> str:
    return "/".join(f"{value:.1f}" for value in os.getloadavg())
