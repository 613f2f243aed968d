"""Sign out."""

from sqlalchemy import update
from sqlalchemy.orm import Session

from clinic_portal.accounts.models import AccountSession
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import AccountSessionId


def sign_out(db: Session, clock: Clock, *, session_id: AccountSessionId) -> None:
    """End this browser's session; its cookie is worth nothing afterwards. Repeating it changes nothing."""
    with transaction(db):
        db.execute(
            update(AccountSession)
            .where(AccountSession.id == session_id, AccountSession.ended_at.is_(None))
            .values(ended_at=clock.now())
        )
