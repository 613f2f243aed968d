"""Pure decisions about who may act for whom."""

from datetime import date
from enum import StrEnum


class RelationshipKind(StrEnum):
    """What the account is to the patient."""

    SELF = "self"
    PARENT = "parent"
    CARER = "carer"


def is_current(ends_on: date | None, *, today: date) -> bool:
    """Say whether the rights hold today; `ends_on` is the last day on which they do."""
    return ends_on is None or today <= ends_on
