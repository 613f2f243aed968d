"""Remember when a browser was last seen."""

from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from clinic_portal.accounts.models import AccountSession
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import AccountSessionId

TOUCH_EVERY = timedelta(minutes=1)


def touch_session(db: Session, clock: Clock, *, session_id: AccountSessionId) -> None:
    """Write down that the session is in use, unless that was done less than a minute ago or is being done right now."""
    due = (
        select(AccountSession.id)
        .where(AccountSession.id == session_id, AccountSession.last_seen_at <= clock.now() - TOUCH_EVERY)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    with transaction(db):
        db.execute(
            update(AccountSession).where(AccountSession.id == due).values(last_seen_at=clock.now()),
            execution_options={"synchronize_session": False},
        )
