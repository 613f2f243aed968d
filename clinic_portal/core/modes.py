"""How patient and practitioner meet."""

from enum import StrEnum


class Mode(StrEnum):
    """Whether the patient comes or calls."""

    IN_PERSON = "in_person"
    ONLINE = "online"
