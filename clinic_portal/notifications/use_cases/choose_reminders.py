"""Choose how one is reminded."""

from collections.abc import Collection

from sqlalchemy import delete
from sqlalchemy.orm import Session

from clinic_portal.core import audit
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.notifications.models import ReminderOptOut
from clinic_portal.notifications.rules import Channel


def choose_reminders(db: Session, clock: Clock, *, actor: Actor, wanted: Collection[Channel]) -> None:
    """Have the actor's account reminded on these channels and no others.

    It holds from the next message on, also for those that wait. Confirmations and changes by the clinic still come.
    """
    with transaction(db):
        db.execute(delete(ReminderOptOut).where(ReminderOptOut.account_id == actor.account_id))
        unwanted = sorted(set(Channel) - set(wanted))
        db.add_all(
            ReminderOptOut(account_id=actor.account_id, channel=channel, created_at=clock.now()) for channel in unwanted
        )
        audit.record(
            db,
            clock,
            actor=actor,
            action="reminders.chosen",
            subject_kind="account",
            subject_id=actor.account_id,
            unwanted=", ".join(unwanted),
        )
