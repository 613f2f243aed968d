"""Pure decisions about appointments: states, which change may follow which."""

from enum import StrEnum


class AppointmentState(StrEnum):
    """FHIR R4 appointment status. Source: https://hl7.org/fhir/R4/valueset-appointmentstatus.html."""

    PROPOSED = "proposed"
    PENDING = "pending"
    BOOKED = "booked"
    ARRIVED = "arrived"
    CHECKED_IN = "checked-in"
    FULFILLED = "fulfilled"
    CANCELLED = "cancelled"
    NOSHOW = "noshow"
    ENTERED_IN_ERROR = "entered-in-error"


#: The states that take up the practitioner's, the room's and the patient's time. A held time is one of them.
LIVE_STATES = (
    AppointmentState.PROPOSED,
    AppointmentState.PENDING,
    AppointmentState.BOOKED,
    AppointmentState.ARRIVED,
    AppointmentState.CHECKED_IN,
    AppointmentState.FULFILLED,
)
