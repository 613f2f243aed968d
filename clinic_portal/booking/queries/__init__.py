"""Reads of booking: appointments for other features, free times, the visits of an actor."""

from clinic_portal.booking.queries.appointments import (
    AppointmentFacts,
    appointment_at,
    day_list,
    facts_of,
    lock_appointment,
)
from clinic_portal.booking.queries.free_times import (
    FreeDay,
    FreeTime,
    FreeTimes,
    first_free_times,
    free_times,
    nearest_times,
    next_free_day,
    takers,
)
from clinic_portal.booking.queries.rota import Taker, Wish
from clinic_portal.booking.queries.visits import VisitFacts, Visits, describe, visit_of, visits_of
from clinic_portal.booking.rules import AppointmentState, CancelReason, ClinicReason, PartOfDay

__all__ = [
    "AppointmentFacts",
    "AppointmentState",
    "CancelReason",
    "ClinicReason",
    "FreeDay",
    "FreeTime",
    "FreeTimes",
    "PartOfDay",
    "Taker",
    "VisitFacts",
    "Visits",
    "Wish",
    "appointment_at",
    "day_list",
    "describe",
    "facts_of",
    "first_free_times",
    "free_times",
    "lock_appointment",
    "nearest_times",
    "next_free_day",
    "takers",
    "visit_of",
    "visits_of",
]
