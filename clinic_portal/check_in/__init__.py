"""Check-in: from "booked" to "arrived", today at the front desk, later by QR, code or face.

Tables: none of its own. Events: PatientArrived, ArrivalUndone, PatientMissed.
"""
