"""A test that is marked `alone` has the machine to itself, and is not passed by others while it waits for that."""

from concurrent.futures import ThreadPoolExecutor
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
from pathlib import Path

import pytest

from tests.support.turns import turn


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CLINIC_TEST_TURNS", str(tmp_path))
    return tmp_path


def is_open(file: Path, kind: int) -> bool:
    """Whether somebody else would get this lock at once."""
    with file.open("w") as other:
        try:
            flock(other, kind | LOCK_NB)
        except BlockingIOError:
            return False
    return True


def test_whoever_is_alone_has_nobody_beside_them(folder: Path) -> None:
    with turn(alone=True):
        assert not is_open(folder / "machine", LOCK_SH)
    assert is_open(folder / "machine", LOCK_EX)


def test_the_others_run_beside_each_other(folder: Path) -> None:
    with turn(alone=False), turn(alone=False):
        assert is_open(folder / "door", LOCK_EX)
        assert not is_open(folder / "machine", LOCK_EX)
    assert is_open(folder / "machine", LOCK_EX)


def test_nobody_passes_one_who_waits_to_be_alone(folder: Path) -> None:
    def be_alone() -> bool:
        with turn(alone=True):
            return True

    with ThreadPoolExecutor(1) as pool:
        with turn(alone=False):
            waiting = pool.submit(be_alone)
            while is_open(folder / "door", LOCK_EX):  # Until the other stands there; pytest-timeout ends it if never.
                assert not waiting.done()
            assert not is_open(folder / "door", LOCK_EX)
        assert waiting.result()
    assert is_open(folder / "door", LOCK_EX)
