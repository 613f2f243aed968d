"""Pure facts about facilities."""

from enum import StrEnum


class Direction(StrEnum):
    """Where a room is, seen from the waiting room: what the TV's arrow shows."""

    LEFT = "left"
    RIGHT = "right"
    STRAIGHT = "straight"
    UPSTAIRS = "upstairs"
    DOWNSTAIRS = "downstairs"
