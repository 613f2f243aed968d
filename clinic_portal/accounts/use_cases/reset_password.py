"""Set a new password with a code from the e-mail."""

from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from clinic_portal.accounts import queries, rules
from clinic_portal.accounts.errors import WrongGuess
from clinic_portal.accounts.events import PasswordChanged
from clinic_portal.accounts.models import Account
from clinic_portal.accounts.passwords import hash_password
from clinic_portal.accounts.rules import CodePurpose
from clinic_portal.accounts.steps import count_try, end_sessions, forget_tries, open_session, spend_code
from clinic_portal.core import audit
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.events import publish
from clinic_portal.core.ids import AccountId


@dataclass(frozen=True)
class ResetPassword:
    """Who is now signed in, and this browser's token."""

    actor: Actor
    token: str = field(repr=False)


def reset_password(  # noqa: PLR0913 - the address, its code, the password, the browser
    db: Session, clock: Clock, *, email: str, typed: str, new_password: str, secret_key: str, user_agent: str
) -> ResetPassword:
    """Set a new password, sign all browsers out and this one in; the owner is told by e-mail.

    Raises: WrongGuess for a wrong or dead code and for an address without an account alike; MustWait.
    """
    new_hash = hash_password(new_password)
    key = rules.throttle_key(secret_key, "code", email)
    done = None
    with transaction(db):
        count_try(db, clock, slowdown=rules.GUESSES, key=key)
        account = queries.lock_account_by_email(db, email)
        if account is not None and spend_code(
            db, clock, account=account, purpose=CodePurpose.RESET_PASSWORD, typed=typed, secret_key=secret_key
        ):
            forget_tries(db, key)
            forget_tries(db, rules.throttle_key(secret_key, "password", email))
            account.password_hash = new_hash
            done = _start_anew(db, clock, account, user_agent)
    # The wrong guess is committed before it is refused.
    if done is None:
        raise WrongGuess("account.wrong_code")
    return done


def _start_anew(db: Session, clock: Clock, account: Account, user_agent: str) -> ResetPassword:
    account_id = AccountId(account.id)
    actor = account.actor()
    end_sessions(db, clock, account_id=account_id)
    token = open_session(db, clock, account_id=account_id, user_agent=user_agent)
    audit.record(db, clock, actor=actor, action="account.password_reset", subject_kind="account", subject_id=account_id)
    publish(db, clock, PasswordChanged(account_id))
    return ResetPassword(actor, token)
