"""Register."""

from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from clinic_portal.accounts import rules
from clinic_portal.accounts.events import RegistrationRepeated
from clinic_portal.accounts.models import Account
from clinic_portal.accounts.passwords import hash_password
from clinic_portal.accounts.rules import CodePurpose
from clinic_portal.accounts.steps import PendingRegistration, count_try, issue_code
from clinic_portal.core.actor import Role
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.events import publish
from clinic_portal.core.ids import AccountId, new_id


@dataclass(frozen=True)
class Registration:
    """What somebody told about themselves: the address in lower case, the phone in E.164."""

    email: str
    phone: str
    given_name: str
    family_name: str
    birth_date: date
    language: str
    password: str = field(repr=False)


def register_account(db: Session, clock: Clock, *, registration: Registration, secret_key: str) -> PendingRegistration:
    """Keep a registration until its address is confirmed, and have a code sent there.

    Nothing in the answer tells whether the address has an account: then its owner gets a message instead of a code,
    and nothing is changed. An earlier registration that nobody confirmed is replaced in every part, and its code dies;
    only the browser that keeps what is returned can confirm this one, so no code ever activates another one's password.
    Raises: MustWait.
    """
    password_hash = hash_password(registration.password)
    with transaction(db):
        key = rules.throttle_key(secret_key, "send", registration.email)
        count_try(db, clock, slowdown=rules.SENDINGS, key=key)
        account = _claim(db, clock, registration, password_hash)
        if account.email_confirmed_at is None and account.role is Role.PATIENT and account.ended_at is None:
            _replace(account, clock, registration, password_hash)
            db.flush()
            issue_code(db, clock, account=account, purpose=CodePurpose.CONFIRM_EMAIL)
        else:
            publish(db, clock, RegistrationRepeated(AccountId(account.id)))
    return PendingRegistration(registration.email, rules.registration_mark(secret_key, password_hash))


def _claim(db: Session, clock: Clock, registration: Registration, password_hash: str) -> Account:
    # Two first registrations of one address at the same time: the second waits here, then finds the first one's row.
    values = {
        "id": new_id(),
        "role": Role.PATIENT,
        "email": registration.email,
        "password_hash": password_hash,
        "given_name": registration.given_name,
        "family_name": registration.family_name,
        "language": registration.language,
        "created_at": clock.now(),
    }
    db.execute(insert(Account).values(values).on_conflict_do_nothing(index_elements=["email"]))
    return db.scalars(
        select(Account)
        .where(Account.email == registration.email)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def _replace(account: Account, clock: Clock, registration: Registration, password_hash: str) -> None:
    account.phone = registration.phone
    account.phone_confirmed_at = None
    account.password_hash = password_hash
    account.given_name = registration.given_name
    account.family_name = registration.family_name
    account.birth_date = registration.birth_date
    account.language = registration.language
    account.created_at = clock.now()
