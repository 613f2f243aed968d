"""Runs the portal's programs under one parent: `make run`.

Why not honcho: it stops all programs when one dies, has no readiness, and leaves grandchildren behind. Here a program
that died is started again with a growing pause, Ctrl-C stops all in reverse order, and nothing survives: neither what
the programs forked (gunicorn's workers, RQ's work-horses) nor, by the `Guard`, anything at all when this very process
is killed with SIGKILL.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TextIO

from clinic_portal.core.processes import Guard, kill_session, session_pids, spawn

_TICK_S = 0.05
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 10.0
_STEADY_S = 30.0
_FIRST_TRIES = 3
_LONGEST_LINE = 8192
_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92)
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_OWN_NAME = "run"


class CannotStart(RuntimeError):
    """A program did not get ready the first time; all others have been stopped."""


@dataclass(frozen=True)
class Child:
    """A program to keep running.

    `ready` is asked often and must answer at once; without it a started program counts as ready. With `gate` the next
    program waits for it; one with `last` waits for all before it. `after_ready` runs once, in the supervisor, when it is
    ready for the first time (migrations). With `log` its output goes to that file instead of the console. `env` is added
    to our environment.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    ready: Callable[[], bool] | None = None
    gate: bool = True
    last: bool = False
    after_ready: Callable[[], None] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 10.0
    ready_timeout_s: float = 60.0
    log: Path | None = None


@dataclass
class _Running:
    """What is known of a child: its process, or when to start it again."""

    child: Child
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    restart_at: float | None = None
    pause_s: float = _FIRST_PAUSE_S
    tries: int = 0
    was_ready: bool = False
    unfinished_line: bytes = b""


class Supervisor:
    """Starts children in order, restarts those that die, stops all in reverse order.

    `on_ready` is called once when every child is ready. `keep_open` are file descriptors (a folder's lock) that stay
    open until the last child is gone, even if this process is killed. `run` must be called in the main thread.
    """

    def __init__(
        self,
        children: Sequence[Child],
        *,
        on_ready: Callable[[], None] | None = None,
        keep_open: Sequence[int] = (),
        output: TextIO | None = None,
    ) -> None:
        self._states = [_Running(child) for child in children]
        self._on_ready = on_ready
        self._keep_open = keep_open
        self._output = output or sys.stdout
        self._width = max(len(name) for name in (_OWN_NAME, *(child.name for child in children)))
        self._coloured = self._output.isatty() and "NO_COLOR" not in os.environ
        self._selector = selectors.DefaultSelector()
        self._stop_requests = 0
        self._interruptible = False
        self._guard: Guard | None = None

    def run(self) -> int:
        """Run until SIGINT, SIGTERM or SIGHUP, then stop all; a second signal kills at once. Returns the exit code.

        Raises: CannotStart, and what an `after_ready` raised, with everything stopped.
        """
        self._guard = Guard(keep_open=self._keep_open)
        before = {number: signal.signal(number, self._request_stop) for number in _SIGNALS}
        try:
            if self._start_all():
                while not self._stop_requests:
                    self._turn()
        finally:
            self._stop_all()
            for number, handler in before.items():
                signal.signal(number, handler)
            self._guard.close()
            self._selector.close()
        return 0

    def _request_stop(self, number: int, frame: FrameType | None) -> None:
        self._stop_requests += 1
        if self._interruptible:
            raise KeyboardInterrupt

    # Starting

    def _start_all(self) -> bool:
        """Start each child, waiting at each gate; False when a stop was asked for meanwhile."""
        for number, state in enumerate(self._states):
            if state.child.last and not self._wait_ready(self._states[:number]):
                return False
            self._start(state)
            if state.child.gate and not self._wait_ready([state]):
                return False
        if not self._wait_ready(self._states):
            return False
        if self._on_ready:
            self._on_ready()
        return True

    def _wait_ready(self, states: Sequence[_Running]) -> bool:
        while not self._stop_requests:
            waiting = [state for state in states if not self._check_ready(state)]
            if not waiting:
                return True
            self._turn()
        return False

    def _check_ready(self, state: _Running) -> bool:
        """Whether a child has been ready once; the first time its `after_ready` is run."""
        if state.was_ready:
            return True
        child = state.child
        if state.process is None or state.process.poll() is not None:
            if state.tries >= _FIRST_TRIES:
                raise CannotStart(f"{child.name} ended {state.tries} times before it was ready{_see(child)}")
            return False
        if child.ready and not child.ready():
            if time.monotonic() - state.started_at > child.ready_timeout_s:
                raise CannotStart(f"{child.name} is not ready after {child.ready_timeout_s:.0f} s{_see(child)}")
            return False
        state.was_ready = True
        if child.after_ready:
            with self._stoppable():
                child.after_ready()
        return True

    @contextlib.contextmanager
    def _stoppable(self) -> Iterator[None]:
        """Let a stop request break off the work inside."""
        self._interruptible = True
        try:
            yield
        except KeyboardInterrupt:
            self._stop_requests = max(self._stop_requests, 1)
        finally:
            self._interruptible = False

    def _start(self, state: _Running) -> None:
        child = state.child
        state.restart_at = None
        state.started_at = time.monotonic()
        state.tries += 1
        environment = {"PYTHONUNBUFFERED": "1", **child.env}
        if child.log:
            child.log.parent.mkdir(parents=True, exist_ok=True)
            with child.log.open("ab") as log:
                state.process = spawn(child.argv, env=environment, output=log)
        else:
            state.process = spawn(child.argv, env=environment, output=subprocess.PIPE)
        if self._guard:
            self._guard.watch(state.process.pid, stop_signal=child.stop_signal, timeout_s=child.stop_timeout_s)
        if state.process.stdout:
            os.set_blocking(state.process.stdout.fileno(), False)
            self._selector.register(state.process.stdout, selectors.EVENT_READ, state)

    # Running

    def _turn(self) -> None:
        """One round: pass on output, notice who died, start again whose pause is over."""
        self._pass_on_output(_TICK_S)
        for state in self._states:
            if state.process is not None and state.process.poll() is not None:
                self._bury(state)
            if state.restart_at is not None and time.monotonic() >= state.restart_at:
                self._start(state)

    def _bury(self, state: _Running) -> None:
        """Clear up after a child that died, and say when it comes back."""
        process = state.process
        if process is None:
            return
        lived_s = time.monotonic() - state.started_at
        if lived_s >= _STEADY_S:
            state.pause_s = _FIRST_PAUSE_S
        how = _ending(process.returncode)
        self._leave_behind(state, process)
        self._say(f"{state.child.name} {how}; starts again in {state.pause_s:g} s{_see(state.child)}")
        state.restart_at = time.monotonic() + state.pause_s
        state.pause_s = min(state.pause_s * 2, _LONGEST_PAUSE_S)

    def _leave_behind(self, state: _Running, process: subprocess.Popen[bytes]) -> None:
        """Kill what a dead child had forked, which may still hold its port, and take its last words."""
        kill_session(process.pid)
        if self._guard:
            self._guard.forget(process.pid)
        self._read(state)
        self._close_output(process)
        if state.unfinished_line:
            self._write(state.child.name, state.unfinished_line.decode(errors="replace"))
            state.unfinished_line = b""
        state.process = None

    # Stopping

    def _stop_all(self) -> None:
        alive = [state for state in reversed(self._states) if state.process is not None]
        if self._stop_requests and alive:
            self._say("stopping; once more to kill at once")
        asked_before = self._stop_requests
        for state in alive:
            if state.process is not None:
                self._stop(state, state.process, lambda: self._stop_requests > asked_before)

    def _stop(self, state: _Running, process: subprocess.Popen[bytes], at_once: Callable[[], bool]) -> None:
        """Ask a child to stop; kill its whole session when it has gone, when the time is up, or at once."""
        deadline = time.monotonic() + state.child.stop_timeout_s
        if process.poll() is None and not at_once():
            process.send_signal(state.child.stop_signal)
        while process.poll() is None and not at_once():
            if time.monotonic() > deadline:
                self._say(f"{state.child.name} does not stop; killed")
                break
            self._pass_on_output(_TICK_S)
        if process.poll() is None or session_pids(process.pid):
            kill_session(process.pid)
        process.wait()
        self._leave_behind(state, process)

    # Output

    def _pass_on_output(self, wait_s: float) -> None:
        for key, _ in self._selector.select(wait_s):
            self._read(key.data)

    def _read(self, state: _Running) -> None:
        """Pass on the complete lines that a child has printed."""
        stdout = state.process.stdout if state.process else None
        if state.process is None or stdout is None or stdout.closed:
            return
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(stdout.fileno(), 65536):
                *lines, rest = (state.unfinished_line + chunk).split(b"\n")
                if len(rest) > _LONGEST_LINE:
                    lines, rest = [*lines, rest], b""
                for line in lines:
                    self._write(state.child.name, line.decode(errors="replace").rstrip("\r"))
                state.unfinished_line = rest
            self._close_output(state.process)

    def _close_output(self, process: subprocess.Popen[bytes]) -> None:
        """Listen no more: at its end a pipe would wake the selector without pause."""
        if process.stdout and not process.stdout.closed:
            self._selector.unregister(process.stdout)
            process.stdout.close()

    def _say(self, text: str) -> None:
        self._write(_OWN_NAME, text)

    def _write(self, name: str, text: str) -> None:
        prefix = f"{name:<{self._width}} |"
        if self._coloured:
            names = [state.child.name for state in self._states]
            colour = _COLOURS[names.index(name) % len(_COLOURS)] if name in names else 1
            prefix = f"\033[{colour}m{prefix}\033[0m"
        try:
            self._output.write(f"{prefix} {text}\n")
            self._output.flush()
        except OSError:
            # The terminal or the pipe is gone: nobody reads on, so this is a request to stop.
            self._stop_requests = max(self._stop_requests, 1)


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended with code {code}"
    return f"was killed by {signal.Signals(-code).name}"


def _see(child: Child) -> str:
    return f" (see {child.log})" if child.log else ""
