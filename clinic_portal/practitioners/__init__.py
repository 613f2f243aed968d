"""Practitioners: doctors and therapists, the services that they give, weekly hours, absences, online meeting rooms.

Tables: practitioner, practitioner_service, weekly_hours, extra_hours, absence. No events.
"""
