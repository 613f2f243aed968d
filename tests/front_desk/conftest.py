"""What the tests of this feature share."""

from tests.waiting_room.conftest import desk

__all__ = ["desk"]
