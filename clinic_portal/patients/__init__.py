"""Patients: the person who is treated. Identity, contact, language, and the name that the waiting room may show.

Tables: patient. No events.
"""
