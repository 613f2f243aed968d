"""What the races of this folder share."""

from collections.abc import Iterator

import pytest

from tests.booking.arena import Arena
from tests.booking.rivals import Crew, own_database


@pytest.fixture(scope="session")
def crew() -> Iterator[Crew]:
    """The rivals' processes, started once."""
    crew = Crew()
    yield crew
    crew.close()


@pytest.fixture
def arena(worker_number: int, crew: Crew) -> Iterator[Arena]:
    """A clinic of this test's own to fight in."""
    name = f"clinic_race_{worker_number}"
    with own_database(name) as sessions:
        yield Arena(name, sessions, crew)
