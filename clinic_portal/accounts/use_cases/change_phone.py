"""Change the own phone."""

from sqlalchemy.orm import Session

from clinic_portal.accounts import queries, rules
from clinic_portal.accounts.events import AccountChanged
from clinic_portal.accounts.rules import CodePurpose
from clinic_portal.accounts.steps import count_try, issue_code
from clinic_portal.core import audit
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.events import publish
from clinic_portal.core.ids import AccountId


def change_phone(db: Session, clock: Clock, *, actor: Actor, phone: str, secret_key: str) -> None:
    """Set another phone (E.164), to be confirmed by the code that is sent to it. The same phone again changes nothing.

    Raises: MustWait.
    """
    with transaction(db):
        if queries.get_account(db, actor.account_id).phone == phone:
            return
        count_try(db, clock, slowdown=rules.SENDINGS, key=rules.throttle_key(secret_key, "send", phone))
        account = queries.lock_account(db, actor.account_id)
        account.phone = phone
        account.phone_confirmed_at = None
        db.flush()
        audit.record(
            db, clock, actor=actor, action="account.phone_changed", subject_kind="account", subject_id=account.id
        )
        publish(db, clock, AccountChanged(AccountId(account.id)))
        issue_code(db, clock, account=account, purpose=CodePurpose.CONFIRM_PHONE)
