"""Tables of booking."""

from clinic_portal.booking.models.appointments import (
    Appointment,
    AppointmentHistory,
    CalendarFeed,
    OutsideHours,
    ReminderPlan,
    VisitPolicy,
)
from clinic_portal.booking.models.series import Series
from clinic_portal.booking.models.waiting import FreedTime, WaitingEntry, WaitingOffer, WaitingPolicy

__all__ = [
    "Appointment",
    "AppointmentHistory",
    "CalendarFeed",
    "FreedTime",
    "OutsideHours",
    "ReminderPlan",
    "Series",
    "VisitPolicy",
    "WaitingEntry",
    "WaitingOffer",
    "WaitingPolicy",
]
