"""What happened on arrival, told upwards."""

from dataclasses import dataclass

from clinic_portal.core.events import Event
from clinic_portal.core.ids import AppointmentId


@dataclass(frozen=True)
class PatientArrived(Event):
    """The patient of a booked appointment is in the building."""

    appointment_id: AppointmentId
