"""Send a code to the own phone."""

from sqlalchemy.orm import Session

from clinic_portal.accounts import queries, rules
from clinic_portal.accounts.rules import CodePurpose
from clinic_portal.accounts.steps import count_try, issue_code
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction


def issue_phone_code(db: Session, clock: Clock, *, actor: Actor, secret_key: str) -> None:
    """Have a new code sent to the actor's phone, unless it is confirmed or there is none; the earlier code dies.

    Raises: MustWait.
    """
    with transaction(db):
        facts = queries.get_account(db, actor.account_id)
        if facts.phone is None or facts.is_phone_confirmed:
            return
        key = rules.throttle_key(secret_key, "send", facts.phone)
        count_try(db, clock, slowdown=rules.SENDINGS, key=key)
        account = queries.lock_account(db, actor.account_id)
        if account.phone != facts.phone or account.phone_confirmed_at is not None:
            return
        issue_code(db, clock, account=account, purpose=CodePurpose.CONFIRM_PHONE)
