"""Child processes that never outlive the process that started them.

A child is started as the leader of a session of its own, so that the whole of what it forks can be found again, even
what leaves its process group as an RQ work-horse does. A `Guard`, one small process beside ours, ends those sessions
when we are gone, however we went: SIGKILL leaves no time for anything in the dying process, and Linux's
PR_SET_PDEATHSIG neither reaches grandchildren nor exists elsewhere.

This file is also the guard's program: it runs under `python -I -S` and so imports the standard library only.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_PROC = Path("/proc")
_POLL_S = 0.02
_GUARD_POLL_S = 0.2
_PORTS_TO_TRY = 100


def spawn(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    output: int | IO[bytes] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program as the leader of its own session, without standard input.

    `env` is added to our environment. `output` takes what it prints, errors included.
    """
    return subprocess.Popen(
        list(argv),
        env={**os.environ, **env} if env else None,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        start_new_session=True,
    )


def session_pids(session: int) -> list[int]:
    """The live processes of a session; zombies do not count."""
    if _PROC.joinpath("self", "stat").exists():
        return [pid for pid in _numbers(_PROC.iterdir()) if _linux_session(pid) == session]
    listed = subprocess.run(["ps", "-A", "-o", "pid=,stat="], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in listed.splitlines()]
    return [int(row[0]) for row in rows if not row[1].startswith("Z") and _session_of(int(row[0])) == session]


def signal_session(session: int, number: signal.Signals) -> None:
    """Send a signal to each process of a session."""
    for pid in session_pids(session):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def kill_session(session: int) -> None:
    """SIGKILL a session, again until nothing that was forked meanwhile is left."""
    for _ in range(50):
        if not session_pids(session):
            return
        signal_session(session, signal.SIGKILL)
        time.sleep(_POLL_S)


def end_session(session: int, *, stop_signal: signal.Signals, timeout_s: float) -> None:
    """Ask a session's leader to stop; kill what is left once the leader has gone or the time is up.

    The caller reaps the leader if it is its child; a zombie counts as gone.
    """
    if session in session_pids(session):
        with contextlib.suppress(ProcessLookupError):
            os.kill(session, stop_signal)
    deadline = time.monotonic() + timeout_s
    while session in session_pids(session) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    kill_session(session)


def pid_exists(pid: int) -> bool:
    """Whether a process with this number lives, whoever it belongs to; a zombie does not live."""
    if _PROC.joinpath("self", "stat").exists():
        return _linux_session(pid) is not None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def command_line(pid: int) -> bytes:
    """What a process was started with; empty when it does not live."""
    if _PROC.joinpath("self", "stat").exists():
        try:
            return _PROC.joinpath(str(pid), "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            return b""
    return subprocess.run(["ps", "-p", str(pid), "-o", "args="], capture_output=True, check=False).stdout


class Guard:
    """Ends the watched sessions when the process that made it is gone.

    `keep_open` are file descriptors, such as a lock's, that the guard holds until it has finished.
    """

    def __init__(self, *, keep_open: Sequence[int] = ()) -> None:
        reader, self._writer = os.pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", __file__, str(reader), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                pass_fds=(reader, *keep_open),
                start_new_session=True,
            )
        finally:
            os.close(reader)

    @property
    def pid(self) -> int:
        """The guard's own process."""
        return self._process.pid

    def watch(self, session: int, *, stop_signal: signal.Signals, timeout_s: float) -> None:
        """End this session as `end_session` does when we are gone; the last one watched is ended first."""
        self._tell(f"+ {session} {int(stop_signal)} {timeout_s}\n")

    def forget(self, session: int) -> None:
        """Leave this session alone from now on."""
        self._tell(f"- {session}\n")

    def close(self) -> None:
        """End what is still watched and then the guard itself."""
        os.close(self._writer)
        self._process.wait()

    def _tell(self, line: str) -> None:
        # A guard that somebody killed must not take the servers with it.
        with contextlib.suppress(BrokenPipeError):
            os.write(self._writer, line.encode())


class FolderInUse(RuntimeError):
    """Another process owns the servers of this folder."""

    def __init__(self, folder: Path, pid: int) -> None:
        super().__init__(f"{folder} is in use by process {pid}: stop that one first, or take another folder")
        self.pid = pid


@dataclass
class FolderLock:
    """Ownership of a folder's servers, from `acquire` until `release` or the end of the process and of its guard."""

    folder: Path
    _fd: int | None = None

    @property
    def fds(self) -> tuple[int, ...]:
        """What a `Guard` keeps open, so that the folder is free only when the servers have stopped."""
        return () if self._fd is None else (self._fd,)

    def acquire(self, *, wait_s: float = 30.0) -> None:
        """Take the folder, waiting while the guard of a killed owner still stops the servers.

        Raises: FolderInUse when the owner lives.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        fd = os.open(self.folder / "owner.lock", os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                owner = int(os.pread(fd, 20, 0) or b"0")
                if (owner and pid_exists(owner)) or time.monotonic() > deadline:
                    os.close(fd)
                    raise FolderInUse(self.folder, owner) from None
                time.sleep(_POLL_S)
        os.ftruncate(fd, 0)
        os.pwrite(fd, str(os.getpid()).encode(), 0)
        self._fd = fd

    def release(self) -> None:
        """Give the folder free, also where a forked child still holds the file open."""
        if self._fd is not None:
            os.ftruncate(self._fd, 0)
            fcntl.flock(self._fd, fcntl.LOCK_UN)
            os.close(self._fd)
            self._fd = None


def free_port(preferred: int) -> int:
    """The preferred port of the loopback address, or the next one that nobody listens on. Raises: OSError."""
    for port in range(preferred, min(preferred + _PORTS_TO_TRY, 65536)):
        with socket.socket() as probe:
            # Without this a port is "taken" for a minute after its last connection.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise OSError(f"no free port from {preferred} to {preferred + _PORTS_TO_TRY - 1}")


def _numbers(entries: Iterable[Path]) -> list[int]:
    return [int(entry.name) for entry in entries if entry.name.isdigit()]


def _linux_session(pid: int) -> int | None:
    """The session of a live process; None for a zombie and for no process."""
    try:
        stat = _PROC.joinpath(str(pid), "stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # "pid (name) state ppid pgrp session ...": the name may hold blanks and brackets.
    fields = stat[stat.rindex(b")") + 2 :].split()
    return None if fields[0] in (b"Z", b"X") else int(fields[3])


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except (ProcessLookupError, PermissionError):
        return None


def _guard(reader: int, parent: int) -> None:
    """Keep the list that the parent tells, until it closes the pipe or is gone; then end all, last first.

    The parent's number is looked at too, because a process that the parent forked without exec holds the pipe open.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    watched: dict[int, tuple[signal.Signals, float]] = {}
    pending = b""
    while True:
        orphaned = os.getppid() != parent
        if select.select([reader], [], [], 0 if orphaned else _GUARD_POLL_S)[0]:
            chunk = os.read(reader, 65536)
            if not chunk:
                break
            *lines, pending = (pending + chunk).split(b"\n")
            for line in lines:
                _note(watched, line.decode().split())
        elif orphaned:
            break
    for session, (stop_signal, timeout_s) in reversed(watched.items()):
        end_session(session, stop_signal=stop_signal, timeout_s=timeout_s)


def _note(watched: dict[int, tuple[signal.Signals, float]], words: list[str]) -> None:
    session = int(words[1])
    watched.pop(session, None)
    if words[0] == "+":
        watched[session] = (signal.Signals(int(words[2])), float(words[3]))


if __name__ == "__main__":
    _guard(int(sys.argv[1]), int(sys.argv[2]))
