"""The embedded servers, started for real in folders of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
import sqlalchemy as sa

from clinic_portal.core import embedded
from clinic_portal.core.embedded import EmbeddedPostgres, EmbeddedUnavailable, start_postgres, start_valkey
from clinic_portal.core.processes import FolderLock, pid_exists

ROOT = Path(__file__).parents[2]

#: Starts both servers in the folder named first, writes their numbers to a file in it, and waits.
OWNER = """
import os, sys, time
from pathlib import Path
from clinic_portal.core.embedded import start_postgres, start_valkey
folder = Path(sys.argv[1])
postgres, valkey = start_postgres(folder, durable=False), start_valkey(folder)
(folder / "pids.new").write_text(f"{postgres.pid} {valkey.pid}")
(folder / "pids.new").rename(folder / "pids")
time.sleep(120)
"""


def scalar(server: EmbeddedPostgres, database: str, statement: str) -> object:
    """The one value that a statement gives, through SQLAlchemy and the server's own address."""
    engine = sa.create_engine(server.url(database), poolclass=sa.NullPool)
    with engine.connect() as connection:
        return connection.execute(sa.text(statement)).scalar_one()


def wait_for(look: Callable[[], bool], *, timeout_s: float = 60.0) -> None:
    """Return as soon as `look` is true."""
    deadline = time.monotonic() + timeout_s
    while not look():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def test_a_new_server_is_configured_and_has_the_databases_asked_for(tmp_path: Path) -> None:
    server = start_postgres(tmp_path, durable=False)
    try:
        server.ensure_database("clinic")
        server.ensure_database("clinic")
        assert scalar(server, "clinic", "SELECT current_database()") == "clinic"
        assert scalar(server, "clinic", "SHOW max_connections") == "200"
        assert scalar(server, "clinic", "SHOW fsync") == "off"
        assert scalar(server, "clinic", "SHOW listen_addresses") == ""
        assert scalar(server, "clinic", "SELECT upper('ção')") == "ÇÃO"
        assert server.data.stat().st_mode & 0o077 == 0
    finally:
        server.stop()
        server.stop()
    assert not server.is_ready()


def test_a_durable_server_keeps_its_data_and_writes_it_to_the_disk(tmp_path: Path) -> None:
    for expected in (1, 2):
        server = start_postgres(tmp_path)
        try:
            assert scalar(server, "postgres", "SHOW fsync") == "on"
            server.ensure_database(f"clinic_{expected}")
            count = scalar(server, "postgres", "SELECT count(*) FROM pg_database WHERE datname LIKE 'clinic%'")
            assert count == expected
        finally:
            server.stop()


def test_a_second_start_uses_the_running_server_and_does_not_stop_it(tmp_path: Path) -> None:
    first = start_postgres(tmp_path, durable=False)
    try:
        second = start_postgres(tmp_path, durable=False)
        assert second.pid is None
        assert second.is_ready()
        second.stop()
        assert first.is_ready()
    finally:
        first.stop()


def test_a_long_folder_path_works(tmp_path: Path) -> None:
    folder = tmp_path / ("a long name with blanks and ç " * 4) / ("b" * 100)
    server = start_postgres(folder, durable=False)
    try:
        assert len(os.fsencode(folder)) > 200
        assert scalar(server, "postgres", "SELECT 1") == 1
        assert server.socket_folder.stat().st_mode & 0o077 == 0
    finally:
        server.stop()
    assert not server.socket_folder.exists()


def test_a_pid_file_of_before_a_power_cut_does_not_stop_the_start(tmp_path: Path) -> None:
    start_postgres(tmp_path, durable=False).stop()
    # The number now belongs to a program that has nothing to do with it: this one.
    (tmp_path / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n{tmp_path}/postgres\n")
    server = start_postgres(tmp_path, durable=False)
    try:
        assert server.is_ready()
    finally:
        server.stop()


def test_valkey_keeps_what_it_holds_over_a_kill_and_over_a_stop(tmp_path: Path) -> None:
    server = start_valkey(tmp_path)
    with redis.Redis.from_url(server.url) as client:
        client.set("booked", "yes")
        time.sleep(1.2)  # it writes to the disk every second
    os.kill(server.pid, signal.SIGKILL)
    server.stop()
    again = start_valkey(tmp_path)
    try:
        with redis.Redis.from_url(again.url, decode_responses=True) as client:
            assert client.get("booked") == "yes"
            client.set("late", "too")
    finally:
        again.stop()
        again.stop()
    assert not pid_exists(again.pid)
    last = start_valkey(tmp_path)
    try:
        with redis.Redis.from_url(last.url, decode_responses=True) as client:
            assert client.get("late") == "too"
    finally:
        last.stop()


def test_valkey_listens_on_the_loopback_address_only(tmp_path: Path) -> None:
    server = start_valkey(tmp_path, durable=False)
    try:
        with redis.Redis.from_url(server.url, decode_responses=True) as client:
            assert client.config_get("bind") == {"bind": "127.0.0.1"}
            assert client.config_get("appendonly") == {"appendonly": "no"}
    finally:
        server.stop()


def test_a_killed_owner_leaves_no_server_and_the_folder_can_be_used_again(tmp_path: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)], cwd=ROOT, env={**os.environ, "PYTHONPATH": "."}
    )
    try:
        wait_for((tmp_path / "pids").exists)
    finally:
        owner.kill()
        owner.wait()
    pids = [int(word) for word in (tmp_path / "pids").read_text().split()]
    server = start_postgres(tmp_path, durable=False)
    try:
        assert server.pid is not None
        assert scalar(server, "postgres", "SELECT 1") == 1
    finally:
        server.stop()
    wait_for(lambda: not any(pid_exists(pid) for pid in pids))


def test_three_servers_start_at_the_same_time(tmp_path: Path) -> None:
    owners = []
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
        owners.append(
            subprocess.Popen(
                [sys.executable, "-c", OWNER, str(tmp_path / name)], cwd=ROOT, env={**os.environ, "PYTHONPATH": "."}
            )
        )
    try:
        for name in ("one", "two", "three"):
            wait_for((tmp_path / name / "pids").exists)
    finally:
        for owner in owners:
            owner.kill()
            owner.wait()
    for name in ("one", "two", "three"):
        lock = FolderLock(tmp_path / name)
        lock.acquire()
        lock.release()


@pytest.mark.parametrize("start", [start_postgres, start_valkey])
def test_a_platform_without_wheels_is_told_what_to_set(
    start: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "find_spec", lambda name: None)
    with pytest.raises(EmbeddedUnavailable) as refused:
        start(tmp_path)
    assert "DATABASE_URL" in str(refused.value)
    assert "REDIS_URL" in str(refused.value)
    # The folder is free again for who comes next.
    lock = FolderLock(tmp_path)
    lock.acquire()
    lock.release()


def test_a_server_that_cannot_start_shows_its_log_and_frees_the_folder(tmp_path: Path) -> None:
    start_postgres(tmp_path, durable=False).stop()
    (tmp_path / "postgres" / "postgresql.auto.conf").write_text("nonsense = 1\n")
    with pytest.raises(EmbeddedUnavailable, match="nonsense"):
        start_postgres(tmp_path, durable=False)
    lock = FolderLock(tmp_path)
    lock.acquire()
    lock.release()


def test_another_users_socket_folder_is_refused(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / ("x" * 120))
    target = tmp_path / "elsewhere"
    target.mkdir()
    server.socket_folder.symlink_to(target)
    try:
        with pytest.raises(EmbeddedUnavailable, match="belongs to another user"):
            server.command()
    finally:
        server.socket_folder.unlink()
