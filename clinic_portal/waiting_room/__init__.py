"""The waiting room: today's queue of a facility, calling, expected waits, and the TV screens.

Tables: queue, ticket, screen. Events: TicketCalled, ConsultationStarted, ConsultationFinished.
"""
