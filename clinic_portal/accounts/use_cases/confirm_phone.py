"""Confirm the own phone."""

from sqlalchemy.orm import Session

from clinic_portal.accounts import queries, rules
from clinic_portal.accounts.errors import WrongGuess
from clinic_portal.accounts.events import AccountChanged
from clinic_portal.accounts.rules import CodePurpose
from clinic_portal.accounts.steps import count_try, forget_tries, spend_code
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.events import publish
from clinic_portal.core.ids import AccountId


def confirm_phone(db: Session, clock: Clock, *, actor: Actor, typed: str, secret_key: str) -> None:
    """Confirm the actor's phone with the code that was sent to it. Repeating it afterwards changes nothing.

    Raises: WrongGuess; MustWait.
    """
    with transaction(db):
        facts = queries.get_account(db, actor.account_id)
        right = facts.is_phone_confirmed
        if not right and facts.phone is not None:
            key = rules.throttle_key(secret_key, "code", facts.phone)
            count_try(db, clock, slowdown=rules.GUESSES, key=key)
            account = queries.lock_account(db, actor.account_id)
            right = spend_code(
                db, clock, account=account, purpose=CodePurpose.CONFIRM_PHONE, typed=typed, secret_key=secret_key
            )
            if right:
                account.phone_confirmed_at = clock.now()
                forget_tries(db, key)
                db.flush()
                publish(db, clock, AccountChanged(AccountId(account.id)))
    if not right:
        raise WrongGuess("account.wrong_code")
