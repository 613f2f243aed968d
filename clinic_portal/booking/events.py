"""What happened to appointments, told upwards."""

from dataclasses import dataclass
from datetime import datetime

from clinic_portal.core.events import Event
from clinic_portal.core.ids import AppointmentId, FacilityId, PractitionerId, RoomId


@dataclass(frozen=True)
class AppointmentBooked(Event):
    """A time became a visit."""

    appointment_id: AppointmentId
    facility_id: FacilityId
    starts_at: datetime
    #: Confirmation and reminders are queued already.
    is_told: bool = False


@dataclass(frozen=True)
class AppointmentCancelled(Event):
    """A visit was given back."""

    appointment_id: AppointmentId
    facility_id: FacilityId


@dataclass(frozen=True)
class AppointmentMoved(Event):
    """A visit has another time; with whom, where and when it was."""

    appointment_id: AppointmentId
    facility_id: FacilityId
    was_facility_id: FacilityId
    was_practitioner_id: PractitionerId
    was_starts_at: datetime
    was_ends_at: datetime
    was_room_id: RoomId | None


@dataclass(frozen=True)
class RoomChanged(Event):
    """A visit has another room at the same time; which one it had."""

    appointment_id: AppointmentId
    was_room_id: RoomId
