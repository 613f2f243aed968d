"""Ask for a code because the password is forgotten."""

from sqlalchemy.orm import Session

from clinic_portal.accounts import queries, rules
from clinic_portal.accounts.rules import CodePurpose
from clinic_portal.accounts.steps import count_try, issue_code
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction


def request_password_reset(db: Session, clock: Clock, *, email: str, secret_key: str) -> None:
    """Have a code sent to the address if it has an account; the answer does not say whether it has.

    An unconfirmed registration gets none: whoever owns the address registers anew, and nothing of the earlier one stays.
    Raises: MustWait.
    """
    with transaction(db):
        key = rules.throttle_key(secret_key, "send", email)
        count_try(db, clock, slowdown=rules.SENDINGS, key=key)
        account = queries.lock_account_by_email(db, email)
        if account is not None and account.email_confirmed_at is not None:
            issue_code(db, clock, account=account, purpose=CodePurpose.RESET_PASSWORD)
