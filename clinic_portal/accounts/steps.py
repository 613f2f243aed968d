"""What happens to accounts inside somebody's transaction."""

import secrets
from datetime import timedelta

from sqlalchemy.orm import Session

from clinic_portal.accounts.models import AccountSession
from clinic_portal.accounts.queries import token_hash
from clinic_portal.core.clock import Clock
from clinic_portal.core.ids import AccountId

SESSION_LIFETIME = timedelta(days=30)
MAX_USER_AGENT = 300


def open_session(db: Session, clock: Clock, *, account_id: AccountId, user_agent: str) -> str:
    """Open a session for a browser and return its token, which is shown to nobody else and stored nowhere."""
    token = secrets.token_urlsafe(32)
    now = clock.now()
    db.add(
        AccountSession(
            account_id=account_id,
            token_hash=token_hash(token),
            created_at=now,
            last_seen_at=now,
            expires_at=now + SESSION_LIFETIME,
            user_agent=user_agent[:MAX_USER_AGENT],
        )
    )
    return token
