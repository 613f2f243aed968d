"""Identifiers: UUIDv7, one NewType per table, and the short codes that people read aloud."""

import secrets
from typing import NewType
from uuid import UUID

from uuid_utils.compat import uuid7

AbsenceId = NewType("AbsenceId", UUID)
AccountId = NewType("AccountId", UUID)
AccountSessionId = NewType("AccountSessionId", UUID)
AppointmentId = NewType("AppointmentId", UUID)
CodeId = NewType("CodeId", UUID)
EntryId = NewType("EntryId", UUID)
ExtraHoursId = NewType("ExtraHoursId", UUID)
FacilityId = NewType("FacilityId", UUID)
FreedTimeId = NewType("FreedTimeId", UUID)
MessageId = NewType("MessageId", UUID)
OfferId = NewType("OfferId", UUID)
PatientId = NewType("PatientId", UUID)
PractitionerId = NewType("PractitionerId", UUID)
RelationshipId = NewType("RelationshipId", UUID)
RoomId = NewType("RoomId", UUID)
ScreenId = NewType("ScreenId", UUID)
SeriesId = NewType("SeriesId", UUID)
ServiceId = NewType("ServiceId", UUID)
TicketId = NewType("TicketId", UUID)
WeeklyHoursId = NewType("WeeklyHoursId", UUID)

#: No 0/O, 1/I/L, 5/S, 2/Z, 8/B, U/V: what is left survives a telephone line.
SPOKEN_ALPHABET = "34679ACDEFGHJKMNPQRTWXY"


def new_id() -> UUID:
    """Return a new UUIDv7: unguessable enough for a URL, and increasing, so that indexes stay compact."""
    return uuid7()


def spoken_code(length: int) -> str:
    """Return a random code of letters and digits that are not mistaken for each other when spoken."""
    return "".join(secrets.choice(SPOKEN_ALPHABET) for _ in range(length))
