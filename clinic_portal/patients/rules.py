"""Pure decisions about patients: what the waiting room may show."""

from enum import StrEnum


class DisplayChoice(StrEnum):
    """What the waiting room's screen shows when this patient is called."""

    FULL = "full"
    FIRST_INITIAL = "first_initial"
    CODE = "code"
