"""What happened to appointments, told upwards."""

from dataclasses import dataclass

from clinic_portal.core.events import Event
from clinic_portal.core.ids import AppointmentId


@dataclass(frozen=True)
class AppointmentBooked(Event):
    """A time became a visit."""

    appointment_id: AppointmentId


@dataclass(frozen=True)
class AppointmentCancelled(Event):
    """A visit was given back."""

    appointment_id: AppointmentId
