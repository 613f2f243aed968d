"""End one of the own sessions."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.accounts.models import AccountSession
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import AccountSessionId


def end_session(db: Session, clock: Clock, *, actor: Actor, session_id: AccountSessionId) -> None:
    """End one of the actor's sessions. Repeating it changes nothing. Raises: NotFound (no such, or not the actor's)."""
    with transaction(db):
        session = db.scalar(
            select(AccountSession)
            .where(AccountSession.id == session_id, AccountSession.account_id == actor.account_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        if session is None:
            raise NotFound
        if session.ended_at is None:
            session.ended_at = clock.now()
