"""Reads of booking: appointments for other features, free times, the visits of an actor."""

from clinic_portal.booking.queries.appointments import (
    AppointmentFacts,
    appointment_at,
    day_list,
    facts_of,
    lock_appointment,
)
from clinic_portal.booking.rules import AppointmentState

__all__ = [
    "AppointmentFacts",
    "AppointmentState",
    "appointment_at",
    "day_list",
    "facts_of",
    "lock_appointment",
]
