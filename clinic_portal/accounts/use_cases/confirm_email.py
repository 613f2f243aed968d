"""Confirm a new account's e-mail address."""

from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from clinic_portal.accounts import queries, rules
from clinic_portal.accounts.errors import WrongGuess
from clinic_portal.accounts.events import AccountConfirmed
from clinic_portal.accounts.models import Account
from clinic_portal.accounts.rules import CodePurpose
from clinic_portal.accounts.steps import (
    PendingRegistration,
    count_try,
    forget_tries,
    is_registration,
    issue_code,
    open_session,
    spend_code,
    wait_or_count,
)
from clinic_portal.core import audit
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.events import publish
from clinic_portal.core.ids import AccountId


@dataclass(frozen=True)
class ConfirmedAccount:
    """Who is now signed in, and this browser's token."""

    actor: Actor
    token: str = field(repr=False)


def confirm_email(
    db: Session, clock: Clock, *, pending: PendingRegistration, typed: str, secret_key: str, user_agent: str
) -> ConfirmedAccount:
    """Make this registration an account, sign its browser in, and have a code sent to its phone.

    Raises: WrongGuess for a wrong or dead code, a replaced registration and an address with an account alike; MustWait.
    """
    key = rules.throttle_key(secret_key, "code", pending.email)
    confirmed = None
    with transaction(db):
        count_try(db, clock, slowdown=rules.GUESSES, key=key)
        account = queries.lock_account_by_email(db, pending.email)
        if (
            account is not None
            and is_registration(account, pending, secret_key)
            and spend_code(
                db, clock, account=account, purpose=CodePurpose.CONFIRM_EMAIL, typed=typed, secret_key=secret_key
            )
        ):
            forget_tries(db, key)
            confirmed = _confirm(db, clock, account, secret_key, user_agent)
    # The wrong guess is committed before it is refused.
    if confirmed is None:
        raise WrongGuess("account.wrong_code")
    return confirmed


def _confirm(db: Session, clock: Clock, account: Account, secret_key: str, user_agent: str) -> ConfirmedAccount:
    account.email_confirmed_at = clock.now()
    db.flush()
    account_id = AccountId(account.id)
    token = open_session(db, clock, account_id=account_id, user_agent=user_agent)
    actor = account.actor()
    audit.record(db, clock, actor=actor, action="account.confirmed", subject_kind="account", subject_id=account.id)
    publish(db, clock, AccountConfirmed(account_id))
    if account.phone is not None:
        key = rules.throttle_key(secret_key, "send", account.phone)
        if not wait_or_count(db, clock, slowdown=rules.SENDINGS, key=key):
            issue_code(db, clock, account=account, purpose=CodePurpose.CONFIRM_PHONE)
    return ConfirmedAccount(actor, token)
