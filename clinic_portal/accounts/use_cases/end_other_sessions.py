"""End all own sessions but this one."""

from sqlalchemy.orm import Session

from clinic_portal.accounts.steps import end_sessions
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import AccountSessionId


def end_other_sessions(db: Session, clock: Clock, *, actor: Actor, session_id: AccountSessionId | None) -> int:
    """End the actor's sessions in all other browsers. Returns how many were live."""
    if actor.account_id is None:
        raise NotFound
    with transaction(db):
        return end_sessions(db, clock, account_id=actor.account_id, keep=session_id)
