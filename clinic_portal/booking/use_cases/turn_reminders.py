"""Turn reminders off, or on again, from the link in one."""

from sqlalchemy.orm import Session

from clinic_portal.booking.queries.recipients import recipient_of
from clinic_portal.booking.queries.visits import LINK, LinkHolder
from clinic_portal.core import audit
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import PatientId
from clinic_portal.notifications.queries import Channel
from clinic_portal.notifications.steps import choose_channels
from clinic_portal.patients.steps import lock_patient


def turn_reminders(db: Session, clock: Clock, *, by: LinkHolder, on: bool) -> None:
    """Have whoever is written to about the visit reminded of their visits on both channels, or on none.

    It holds from the next message on, also for those that wait. Repeating the call changes nothing.
    Raises: NotFound.
    """
    with transaction(db):
        who = recipient_of(db, by.appointment_id, today=clock.now().date())
        patient_id = PatientId(who.patient.id)
        lock_patient(db, patient_id)  # Two presses at once take turns.
        wanted = list(Channel) if on else []
        if who.account_id is not None:
            choose_channels(db, clock, wanted=wanted, account_id=who.account_id)
        else:
            choose_channels(db, clock, wanted=wanted, patient_id=patient_id)
        audit.record(
            db,
            clock,
            actor=LINK,
            action="reminders.chosen",
            subject_kind="account" if who.account_id else "patient",
            subject_id=who.account_id or patient_id,
            unwanted=", ".join(sorted(set(Channel) - set(wanted))),
        )
