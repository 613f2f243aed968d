"""How patient and practitioner meet, and how they may."""

from enum import StrEnum


class Mode(StrEnum):
    """Whether the patient comes or calls."""

    IN_PERSON = "in_person"
    ONLINE = "online"


class Modes(StrEnum):
    """How a service can be given."""

    IN_PERSON = "in_person"
    ONLINE = "online"
    #: Whichever the patient chooses.
    BOTH = "both"

    def allow(self, mode: Mode) -> bool:
        """Whether patient and practitioner may meet like that."""
        return self is Modes.BOTH or self.value == mode.value
