"""Forget what nobody needs any more."""

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from clinic_portal.accounts.models import Account, AccountSession, GuessThrottle, OneTimeCode
from clinic_portal.accounts.rules import KEEP_FOR
from clinic_portal.core.actor import Role
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction


def tidy_accounts(db: Session, clock: Clock) -> None:
    """Delete month-old codes, ended sessions, counts of tries, and registrations that nobody confirmed. Safe to repeat."""
    before = clock.now() - KEEP_FOR
    unconfirmed = select(Account.id).where(
        Account.email_confirmed_at.is_(None), Account.role == Role.PATIENT, Account.created_at < before
    )
    quietly = {"synchronize_session": False}
    with transaction(db):
        db.execute(delete(GuessThrottle).where(GuessThrottle.last_failure_at < before), execution_options=quietly)
        db.execute(delete(AccountSession).where(AccountSession.expires_at < before), execution_options=quietly)
        db.execute(delete(AccountSession).where(AccountSession.ended_at < before), execution_options=quietly)
        db.execute(delete(OneTimeCode).where(OneTimeCode.expires_at < before), execution_options=quietly)
        # A code younger than that keeps its registration; the next time finds neither.
        db.execute(
            delete(Account).where(
                Account.id.in_(unconfirmed),
                ~select(OneTimeCode.id).where(OneTimeCode.account_id == Account.id).exists(),
            ),
            execution_options=quietly,
        )
