"""Pages of the administration: the start page, and one module a section."""

from clinic_portal.admin.routes import (
    absences,
    closed_days,
    hours,
    meeting,
    messages,
    missed_visits,
    moving,
    reminders,
    service_rules,
    start,
    stranded,
    waiting_list,
)
from clinic_portal.admin.routes.pages import blueprint

__all__ = [
    "absences",
    "blueprint",
    "closed_days",
    "hours",
    "meeting",
    "messages",
    "missed_visits",
    "moving",
    "reminders",
    "service_rules",
    "start",
    "stranded",
    "waiting_list",
]
