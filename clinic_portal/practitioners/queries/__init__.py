"""Reads of practitioners: who they are, what they give, when they work."""

from clinic_portal.practitioners.queries.rota import (
    AbsenceFacts,
    HoursFacts,
    PractitionerFacts,
    absences_between,
    absences_column,
    active_practitioners,
    find_practitioner_of,
    hours_between,
    hours_column,
    places_of_service,
    practitioner_by_id,
    practitioner_to_plan,
    practitioners,
    read_absences,
    read_hours,
)
from clinic_portal.practitioners.queries.timetable import AbsenceRow, HoursRow, Timetable, find_clash, timetable_of

__all__ = [
    "AbsenceFacts",
    "AbsenceRow",
    "HoursFacts",
    "HoursRow",
    "PractitionerFacts",
    "Timetable",
    "absences_between",
    "absences_column",
    "active_practitioners",
    "find_clash",
    "find_practitioner_of",
    "hours_between",
    "hours_column",
    "places_of_service",
    "practitioner_by_id",
    "practitioner_to_plan",
    "practitioners",
    "read_absences",
    "read_hours",
    "timetable_of",
]
