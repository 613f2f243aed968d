"""Facilities: sites with their time zone, rooms, services with minutes and prices, closures.

Tables: facility, facility_staff, room, service, closure. No events.
"""
