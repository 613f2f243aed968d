"""What the tests of the queue share."""

import pytest
from sqlalchemy.orm import Session

from clinic_portal.core.clock import FixedClock
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.waiting_room.desk import Desk


@pytest.fixture
def desk(db: Session, clock: FixedClock, cast: Cast, clinic: Clinic) -> Desk:
    """The receptionist of Lisbon at work."""
    return Desk(db, clock, cast, clinic)
