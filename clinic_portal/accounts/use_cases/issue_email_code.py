"""Send the code for a registration again."""

from sqlalchemy.orm import Session

from clinic_portal.accounts import queries, rules
from clinic_portal.accounts.rules import CodePurpose
from clinic_portal.accounts.steps import PendingRegistration, count_try, is_registration, issue_code
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction


def issue_email_code(db: Session, clock: Clock, *, pending: PendingRegistration, secret_key: str) -> None:
    """Have a new code sent for this registration; the earlier one dies.

    A replaced registration and an address with an account are answered alike, and nothing is sent.
    Raises: MustWait.
    """
    with transaction(db):
        key = rules.throttle_key(secret_key, "send", pending.email)
        count_try(db, clock, slowdown=rules.SENDINGS, key=key)
        account = queries.lock_account_by_email(db, pending.email)
        if account is not None and is_registration(account, pending, secret_key):
            issue_code(db, clock, account=account, purpose=CodePurpose.CONFIRM_EMAIL)
