"""The waiting room: today's queue of a facility, calling, expected waits, and the TV screens.

Tables: queue, ticket, screen. No events. Whoever changes a visit's ticket locks in this order: appointment, queue, ticket.
"""
