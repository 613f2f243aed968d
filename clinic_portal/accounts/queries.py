"""Reads of accounts and sessions."""

import hashlib
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.accounts.models import Account, AccountSession
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.ids import AccountSessionId


@dataclass(frozen=True)
class SessionFacts:
    """A live session and who it is."""

    session_id: AccountSessionId
    actor: Actor


def token_hash(token: str) -> str:
    """Return what is stored of a session's or a screen's token."""
    return hashlib.sha256(token.encode()).hexdigest()


def find_session(db: Session, clock: Clock, token: str) -> SessionFacts | None:
    """Return the live session of a token; None when it was ended, ran out, or its account was closed."""
    row = db.execute(
        select(AccountSession.id, Account)
        .join(Account, Account.id == AccountSession.account_id)
        .where(
            AccountSession.token_hash == token_hash(token),
            AccountSession.ended_at.is_(None),
            AccountSession.expires_at > clock.now(),
            Account.ended_at.is_(None),
        )
    ).first()
    return SessionFacts(AccountSessionId(row[0]), row[1].actor()) if row else None
