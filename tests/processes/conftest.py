"""A portal of real processes for the tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.running import Running, running_portal


@pytest.fixture
def portal(tmp_path: Path, worker_number: int) -> Iterator[Running]:
    """Not started yet: a test starts what it needs."""
    with running_portal(tmp_path, f"clinic_processes_{worker_number}", 8200 + 40 * worker_number) as running:
        yield running
