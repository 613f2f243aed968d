"""The supervisor, with real processes: what is started, restarted, stopped, and what is left behind (nothing)."""

from __future__ import annotations

import io
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import TypeVar

import pytest

from clinic_portal.core.processes import (
    FolderInUse,
    FolderLock,
    Guard,
    free_port,
    pid_exists,
    session_pids,
    signal_session,
    spawn,
)
from clinic_portal.core.supervisor import CannotStart, Child, Supervisor

ROOT = Path(__file__).parents[2]

#: Writes its own and its child's number to the file named first; the child leaves the process group as RQ's do.
FAMILY = """
import os, sys, time
child = os.fork()
if child == 0:
    os.setpgrp()
    time.sleep(120)
open(sys.argv[1], "a").write(f"{os.getpid()} {child}\\n")
print("hello from", sys.argv[2], flush=True)
time.sleep(120)
"""

#: A supervisor of two families in a process of its own.
PROGRAM = """
import sys
from pathlib import Path
from clinic_portal.core.processes import FolderLock
from clinic_portal.core.supervisor import Child, Supervisor
pids, family = sys.argv[1], sys.argv[2]
lock = FolderLock(Path(pids).parent / "owned")
lock.acquire()
children = [
    Child(name, [sys.executable, "-c", family, pids, name], ready=lambda: True, stop_timeout_s=30)
    for name in ("one", "second")
]
sys.exit(Supervisor(children, on_ready=lambda: print("all up", flush=True), keep_open=lock.fds).run())
"""


T = TypeVar("T")


def wait_for(look: Callable[[], T], *, timeout_s: float = 10.0) -> T:
    """What `look` gives as soon as it is true."""
    deadline = time.monotonic() + timeout_s
    while not (found := look()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return found


def families(file: Path, count: int) -> list[tuple[int, int]]:
    """The first `count` pairs of numbers in the file, once they are there."""

    def look() -> list[str]:
        lines = file.read_text().splitlines() if file.exists() else []
        return lines if len(lines) >= count else []

    return [(int(line.split()[0]), int(line.split()[1])) for line in wait_for(look)]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """PROGRAM, in a session of its own, killed at the end whatever happened."""
    process = subprocess.Popen(
        [sys.executable, "-c", dedent(PROGRAM), str(tmp_path / "pids"), FAMILY],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    yield process
    signal_session(process.pid, signal.SIGKILL)
    process.communicate()


def test_a_child_killed_with_sigkill_is_started_again_and_its_fork_is_gone(
    running: subprocess.Popen[str], tmp_path: Path
) -> None:
    first, fork = families(tmp_path / "pids", 2)[0]
    os.kill(first, signal.SIGKILL)
    again = families(tmp_path / "pids", 3)[2]
    assert again[0] != first
    assert pid_exists(again[0])
    wait_for(lambda: not pid_exists(fork))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_signal_leaves_no_process(
    running: subprocess.Popen[str], tmp_path: Path, number: signal.Signals
) -> None:
    pids = [pid for family in families(tmp_path / "pids", 2) for pid in family]
    os.kill(running.pid, number)
    assert running.wait(timeout=10) == 0
    assert [pid for pid in pids if pid_exists(pid)] == []


def test_killing_the_supervisor_with_sigkill_leaves_no_process_and_frees_the_folder(
    running: subprocess.Popen[str], tmp_path: Path
) -> None:
    pids = [pid for family in families(tmp_path / "pids", 2) for pid in family]
    lock = FolderLock(tmp_path / "owned")
    with pytest.raises(FolderInUse, match=str(running.pid)):
        lock.acquire()
    running.kill()
    running.wait()
    lock.acquire(wait_s=10)
    assert [pid for pid in pids if pid_exists(pid)] == []
    lock.release()


def test_each_line_carries_the_name_of_its_child(running: subprocess.Popen[str], tmp_path: Path) -> None:
    families(tmp_path / "pids", 2)
    time.sleep(0.3)
    running.terminate()
    printed = running.communicate(timeout=10)[0].splitlines()
    assert "one    | hello from one" in printed
    assert "second | hello from second" in printed
    assert "all up" in printed


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def run_until(children: list[Child], stop_when: Callable[[str], bool], output: io.StringIO) -> str:
    """Run a supervisor in this process until what it printed satisfies; a looking child sends the signal."""

    class Watched(Supervisor):
        def _turn(self) -> None:
            super()._turn()
            if stop_when(output.getvalue()):
                os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    assert Watched(children, output=output).run() == 0
    assert signal.getsignal(signal.SIGTERM) == before
    return output.getvalue()


def shell(name: str, script: str, **options: object) -> Child:
    return Child(name, ["/bin/sh", "-c", script], **options)  # type: ignore[arg-type]  # passed on as they are


def test_children_stop_in_reverse_order() -> None:
    trap = "trap 'echo bye; exit 0' TERM; echo hi; while :; do sleep 0.05; done"
    printed = run_until(
        [shell("a", trap), shell("b", trap), shell("c", trap)], lambda text: text.count("hi") == 3, io.StringIO()
    )
    assert re.findall(r"(\w) +\| bye", printed) == ["c", "b", "a"]


def test_a_child_that_ignores_the_signal_is_killed_when_its_time_is_up() -> None:
    started = time.monotonic()
    printed = run_until(
        [shell("deaf", "trap '' TERM; echo hi; while :; do sleep 0.05; done", stop_timeout_s=0.4)],
        lambda text: "hi" in text,
        io.StringIO(),
    )
    assert "deaf does not stop; killed" in printed
    assert time.monotonic() - started < 5


def test_a_second_signal_kills_at_once() -> None:
    started = time.monotonic()
    deaf = "trap 'echo no' TERM; echo hi; while :; do sleep 0.05; done"

    class Impatient(io.StringIO):
        def write(self, text: str) -> int:
            if "| hi" in text or "| no" in text:
                os.kill(os.getpid(), signal.SIGINT)
            return super().write(text)

    assert Supervisor([shell("deaf", deaf, stop_timeout_s=60)], output=Impatient()).run() == 0
    assert time.monotonic() - started < 5


def test_a_child_that_crashes_again_and_again_waits_longer_each_time(tmp_path: Path) -> None:
    # The first time it lives until it was seen to be ready: one that never is so is given up.
    seen = tmp_path / "seen"
    crash = shell("crash", f"until test -e {seen}; do sleep 0.02; done; exit 3", after_ready=seen.touch)
    printed = run_until(
        [shell("steady", "sleep 60"), crash],
        lambda text: text.count("crash ended") == 3,
        io.StringIO(),
    )
    assert re.findall(r"crash ended with code 3; starts again in (\S+) s", printed) == ["0.5", "1", "2"]


def test_a_gate_holds_the_next_child_until_ready_and_runs_its_step_once(tmp_path: Path) -> None:
    mark, steps = tmp_path / "mark", []
    first = shell("first", f"sleep 0.3; touch {mark}; sleep 60", ready=mark.exists, after_ready=lambda: steps.append(1))
    second = shell("second", f"test -e {mark} && echo after; sleep 60")
    printed = run_until([first, second], lambda text: "after" in text, io.StringIO())
    assert "second | after" in printed
    assert steps == [1]


def test_a_last_child_waits_for_those_that_start_beside_each_other(tmp_path: Path) -> None:
    marks = [tmp_path / "one", tmp_path / "two"]
    beside = [shell(mark.name, f"sleep 0.3; touch {mark}; sleep 60", ready=mark.exists, gate=False) for mark in marks]
    last = shell("last", f"test -e {marks[0]} && test -e {marks[1]} && echo after; sleep 60", gate=False, last=True)
    printed = run_until([*beside, last], lambda text: "after" in text, io.StringIO())
    assert "after" in printed


def test_a_child_that_never_gets_ready_stops_the_others(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    good = Child("good", [sys.executable, "-c", FAMILY, str(pids), "good"], ready=pids.exists)
    bad = shell("bad", "sleep 60", ready=lambda: False, ready_timeout_s=0.3)
    with pytest.raises(CannotStart, match="bad is not ready after 0 s"):
        Supervisor([good, bad], output=io.StringIO()).run()
    assert [pid for family in families(pids, 1) for pid in family if pid_exists(pid)] == []


def test_a_child_that_ends_before_it_was_ready_is_given_up_after_three_tries() -> None:
    with pytest.raises(CannotStart, match="bad ended 3 times"):
        Supervisor([shell("bad", "exit 1", ready=lambda: False)], output=io.StringIO()).run()


def test_output_can_go_to_a_file_and_the_last_unfinished_line_is_kept(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "quiet.log"
    printed = run_until(
        [shell("quiet", "echo hidden; sleep 60", log=log), shell("half", "printf 'no newline'; exit 0")],
        lambda text: "half ended" in text,
        io.StringIO(),
    )
    assert "hidden" not in printed
    assert log.read_text() == "hidden\n"
    assert "half  | no newline" in printed


def test_names_are_coloured_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    child = shell("a", "echo hi; sleep 60")
    assert "\033[36ma   |\033[0m hi" in run_until([child], lambda text: "hi" in text, Terminal())
    assert "\033" not in run_until([child], lambda text: "hi" in text, io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\033" not in run_until([child], lambda text: "hi" in text, Terminal())


def test_a_guard_ends_what_it_watches_when_closed_and_not_what_it_forgot() -> None:
    watched, forgotten = spawn(["sleep", "60"]), spawn(["sleep", "60"])
    guard = Guard()
    guard.watch(watched.pid, stop_signal=signal.SIGTERM, timeout_s=30)
    guard.watch(forgotten.pid, stop_signal=signal.SIGTERM, timeout_s=30)
    guard.forget(forgotten.pid)
    guard.close()
    assert watched.wait(timeout=1) == -signal.SIGTERM
    assert session_pids(forgotten.pid) == [forgotten.pid]
    forgotten.kill()
    forgotten.wait()


def test_a_taken_port_gives_the_next_free_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
        found = free_port(port)
        assert port < found < port + 100
