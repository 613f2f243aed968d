"""Booking: free times, holds, appointments and their history. One owner, one lock order.

Tables: appointment, appointment_history, series; waiting_entry, waiting_offer, freed_time, waiting_policy. Events:
AppointmentBooked, AppointmentMoved, AppointmentCancelled.

Lock order, for everybody who changes appointments; whoever keeps it cannot deadlock:

1. the patient (`patients.steps.lock_patient`), when a patient is given a time;
2. a freed time, then an entry of the waiting list, then its offer;
3. appointment rows, by id in ascending order, in one statement;
4. new appointment rows, by `INSERT … ON CONFLICT DO NOTHING` (a plain insert would deadlock on the exclusion constraint);
   several in order of time, so that two series that want the same times wait in one direction only.

After the first insert that succeeds nothing more is locked. Locks are FOR NO KEY UPDATE, so that history, tickets and
messages may point at a locked row meanwhile. An UPDATE changes the time, practitioner or room of a row only where an insert of
its transaction has just claimed them (`steps.move_visit`, ADR 5); one that sets its patient holds the patient's lock.
"""
