"""Practitioners: doctors and therapists, the services that they give, weekly hours, absences.

Tables: practitioner, practitioner_service, weekly_hours, absence. No events.
"""
