"""What happened on arrival, told upwards."""

from dataclasses import dataclass

from clinic_portal.core.events import Event
from clinic_portal.core.ids import AppointmentId, FacilityId


@dataclass(frozen=True)
class PatientArrived(Event):
    """The patient of a booked appointment is in the building."""

    appointment_id: AppointmentId
    facility_id: FacilityId


@dataclass(frozen=True)
class ArrivalUndone(Event):
    """They were not: somebody pressed the wrong row."""

    appointment_id: AppointmentId
    facility_id: FacilityId


@dataclass(frozen=True)
class OnlineVisitChanged(Event):
    """An online visit has begun, or is over."""

    appointment_id: AppointmentId
    facility_id: FacilityId


@dataclass(frozen=True)
class MissingUndone(Event):
    """The patient of a visit that counted as missed came after all."""

    appointment_id: AppointmentId
    facility_id: FacilityId


@dataclass(frozen=True)
class PatientMissed(Event):
    """The patient of a booked appointment did not come."""

    appointment_id: AppointmentId
    facility_id: FacilityId
