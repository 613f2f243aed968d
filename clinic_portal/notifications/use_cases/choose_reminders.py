"""Choose how one is reminded."""

from collections.abc import Collection

from sqlalchemy.orm import Session

from clinic_portal.core import audit
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import NotFound
from clinic_portal.notifications.rules import Channel
from clinic_portal.notifications.steps import choose_channels


def choose_reminders(db: Session, clock: Clock, *, actor: Actor, wanted: Collection[Channel]) -> None:
    """Have the actor's account reminded on these channels and no others.

    It holds from the next message on, also for those that wait. Confirmations and changes by the clinic still come.
    Raises: NotFound (the system has no account).
    """
    with transaction(db):
        if actor.account_id is None:
            raise NotFound
        unwanted = sorted(set(Channel) - set(wanted))
        choose_channels(db, clock, wanted=wanted, account_id=actor.account_id)
        audit.record(
            db,
            clock,
            actor=actor,
            action="reminders.chosen",
            subject_kind="account",
            subject_id=actor.account_id,
            unwanted=", ".join(unwanted),
        )
