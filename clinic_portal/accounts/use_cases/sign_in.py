"""Sign in."""

from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from clinic_portal.accounts import queries, rules
from clinic_portal.accounts.devices import Device
from clinic_portal.accounts.errors import WrongGuess
from clinic_portal.accounts.passwords import hash_password, is_outdated, verify_password
from clinic_portal.accounts.rules import CodePurpose
from clinic_portal.accounts.steps import (
    PendingRegistration,
    count_try,
    forget_tries,
    issue_code,
    open_session,
    wait_or_count,
)
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import Busy
from clinic_portal.core.ids import AccountId


@dataclass(frozen=True)
class SignIn:
    """Who signed in. Without a token the address has yet to be confirmed, by the browser that keeps `pending`."""

    actor: Actor
    token: str | None = field(repr=False)
    pending: PendingRegistration | None


def sign_in(  # noqa: PLR0913 - all by name
    db: Session, clock: Clock, *, email: str, password: str, secret_key: str, user_agent: str, device: Device
) -> SignIn:
    """Sign a browser in. An address without an account is answered like a wrong password, and as slowly.

    The try is counted before the password is looked at, in a transaction of its own: the hash takes tens of
    milliseconds, in which nothing is locked, and tries made meanwhile see the count. A browser in which the address signed
    in before has a count of its own: strangers elsewhere cannot keep its owner out.
    Raises: WrongGuess; MustWait (the password was not looked at); Busy when the password changed in between.
    """
    key = rules.throttle_key(secret_key, device.purpose(secret_key, email), email)
    with transaction(db):
        count_try(db, clock, slowdown=rules.GUESSES, key=key)
        found = queries.find_sign_in(db, email)
    stored = found.password_hash if found else None
    if not verify_password(stored, password) or found is None or stored is None:
        raise WrongGuess("account.wrong_password")
    renewed = hash_password(password) if is_outdated(stored) else None
    with transaction(db):
        # Locks are taken in one order everywhere (what was sent, account, guesses), or two sign-ins could wait for each other.
        may_send = not found.is_confirmed and not wait_or_count(
            db, clock, slowdown=rules.SENDINGS, key=rules.throttle_key(secret_key, "send", email)
        )
        account = queries.lock_account(db, found.account_id)
        if account.password_hash != stored:
            raise Busy
        forget_tries(db, key)
        if account.email_confirmed_at is None:
            # When it is too early for another code, the one that was sent is still good.
            if may_send:
                issue_code(db, clock, account=account, purpose=CodePurpose.CONFIRM_EMAIL)
            mark = rules.registration_mark(secret_key, account.password_hash)
            return SignIn(account.actor(), None, PendingRegistration(email, mark))
        account.password_hash = renewed or account.password_hash
        token = open_session(db, clock, account_id=AccountId(account.id), user_agent=user_agent)
        return SignIn(account.actor(), token, None)
