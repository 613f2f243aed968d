"""Change the own password."""

from sqlalchemy.orm import Session

from clinic_portal.accounts import queries, rules
from clinic_portal.accounts.errors import WrongGuess
from clinic_portal.accounts.events import PasswordChanged
from clinic_portal.accounts.passwords import hash_password, verify_password
from clinic_portal.accounts.steps import count_try, end_sessions, forget_tries
from clinic_portal.core import audit
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import Busy
from clinic_portal.core.events import publish
from clinic_portal.core.ids import AccountId, AccountSessionId


def change_password(  # noqa: PLR0913 - two passwords, who, in which browser
    db: Session,
    clock: Clock,
    *,
    actor: Actor,
    session_id: AccountSessionId | None,
    old_password: str,
    new_password: str,
    secret_key: str,
) -> None:
    """Set a new password and sign all other browsers out; the owner is told by e-mail.

    Raises: WrongGuess when the old password is wrong; MustWait; Busy when it changed in between.
    """
    with transaction(db):
        email = queries.get_account(db, actor.account_id).email
        # Not as at sign-in, where anybody may guess: only who is signed in gets here.
        key = rules.throttle_key(secret_key, "old-password", email)
        count_try(db, clock, slowdown=rules.GUESSES, key=key)
        found = queries.find_sign_in(db, email)
    stored = found.password_hash if found else None
    if not verify_password(stored, old_password):
        raise WrongGuess("account.wrong_old_password")
    new_hash = hash_password(new_password)
    with transaction(db):
        account = queries.lock_account(db, actor.account_id)
        if account.password_hash != stored:
            raise Busy
        account.password_hash = new_hash
        forget_tries(db, key)
        account_id = AccountId(account.id)
        end_sessions(db, clock, account_id=account_id, keep=session_id)
        audit.record(
            db, clock, actor=actor, action="account.password_changed", subject_kind="account", subject_id=account_id
        )
        publish(db, clock, PasswordChanged(account_id))
