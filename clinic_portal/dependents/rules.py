"""Pure decisions about who may act for whom."""

from enum import StrEnum


class RelationshipKind(StrEnum):
    """What the account is to the patient."""

    SELF = "self"
    PARENT = "parent"
    CARER = "carer"
