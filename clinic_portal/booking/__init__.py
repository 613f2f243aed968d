"""Booking: free times, holds, appointments and their history. One owner, one lock order.

Tables: appointment, appointment_history. Events: AppointmentBooked, AppointmentCancelled.
"""
