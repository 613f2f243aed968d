"""Send oneself a message, to see that messages work."""

from sqlalchemy.orm import Session

from clinic_portal.core import audit
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import NotFound
from clinic_portal.notifications.steps import Channel, queue_message

KIND = "test_message"


def send_test_message(db: Session, clock: Clock, *, actor: Actor) -> None:
    """Queue an SMS and an e-mail to the actor's own account, which go the way of all others.

    Raises: NotFound for the system, which has no address.
    """
    with transaction(db):
        if actor.account_id is None:
            raise NotFound
        now = clock.now()
        queue_message(db, clock, KIND, subject_id=actor.account_id, channels=tuple(Channel), key=now.isoformat())
        audit.record(
            db, clock, actor=actor, action="message.tested", subject_kind="account", subject_id=actor.account_id
        )
