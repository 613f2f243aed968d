"""What happens to accounts inside somebody's transaction."""

import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from clinic_portal.accounts import rules
from clinic_portal.accounts.errors import MustWait
from clinic_portal.accounts.events import CodeIssued
from clinic_portal.accounts.models import Account, AccountSession, GuessThrottle, OneTimeCode
from clinic_portal.accounts.queries import token_hash
from clinic_portal.accounts.rules import CodePurpose, Slowdown
from clinic_portal.core.clock import Clock
from clinic_portal.core.events import publish
from clinic_portal.core.ids import AccountId, AccountSessionId, CodeId, new_id

SESSION_LIFETIME = timedelta(days=30)
MAX_USER_AGENT = 300


@dataclass(frozen=True)
class PendingRegistration:
    """What the browser that registered keeps until the address is confirmed: the address and the registration's mark."""

    email: str
    mark: str


def open_session(db: Session, clock: Clock, *, account_id: AccountId, user_agent: str) -> str:
    """Open a session for a browser and return its token, which is shown to nobody else and stored nowhere."""
    token = secrets.token_urlsafe(32)
    now = clock.now()
    db.add(
        AccountSession(
            account_id=account_id,
            token_hash=token_hash(token),
            created_at=now,
            last_seen_at=now,
            expires_at=now + SESSION_LIFETIME,
            user_agent=user_agent[:MAX_USER_AGENT],
        )
    )
    return token


def end_sessions(db: Session, clock: Clock, *, account_id: AccountId, keep: AccountSessionId | None = None) -> int:
    """End all sessions of an account but `keep`. Returns how many were live."""
    statement = (
        update(AccountSession)
        .where(
            AccountSession.account_id == account_id,
            AccountSession.ended_at.is_(None),
            AccountSession.expires_at > clock.now(),
        )
        .values(ended_at=clock.now())
        .returning(AccountSession.id)
    )
    if keep is not None:
        statement = statement.where(AccountSession.id != keep)
    return len(db.scalars(statement).all())


def wait_or_count(db: Session, clock: Clock, *, slowdown: Slowdown, key: str) -> timedelta:
    """Count one try under the key, before its outcome is known; or return how long it has to wait, uncounted.

    The row stays locked until the end of the transaction and the count is written before anything is compared, so
    that tries made at the same time cannot all see the same free place.
    """
    now = clock.now()
    # Setting the key to itself locks the row whether it was there or not, and gives back what it holds.
    claimed = (
        insert(GuessThrottle)
        .values(key=key, failures=0, last_failure_at=now)
        .on_conflict_do_update(index_elements=["key"], set_={"key": key})
        .returning(GuessThrottle.failures, GuessThrottle.last_failure_at)
    )
    count, last_at = db.execute(claimed).one()
    wait = rules.wait_before_next(slowdown, count=count, last_at=last_at, now=now)
    if not wait:
        counted = rules.remembered(slowdown, count=count, last_at=last_at, now=now) + 1
        db.execute(
            update(GuessThrottle).where(GuessThrottle.key == key).values(failures=counted, last_failure_at=now),
            execution_options={"synchronize_session": False},
        )
    return wait


def count_try(db: Session, clock: Clock, *, slowdown: Slowdown, key: str) -> None:
    """Count one try under the key, before its outcome is known. Raises: MustWait."""
    wait = wait_or_count(db, clock, slowdown=slowdown, key=key)
    if wait:
        raise MustWait(wait)


def forget_tries(db: Session, key: str) -> None:
    """Start counting anew: the last guess was right."""
    db.execute(
        update(GuessThrottle).where(GuessThrottle.key == key).values(failures=0),
        execution_options={"synchronize_session": False},
    )


def is_registration(account: Account, pending: PendingRegistration, secret_key: str) -> bool:
    """Whether the account waits for the confirmation of this very registration."""
    expected = rules.registration_mark(secret_key, account.password_hash)
    return account.email_confirmed_at is None and hmac.compare_digest(expected.encode(), pending.mark.encode())


def issue_code(db: Session, clock: Clock, *, account: Account, purpose: CodePurpose) -> CodeId:
    """Have a new code sent. Earlier ones of the same purpose are worth nothing from now on."""
    now = clock.now()
    address = account.phone if purpose is CodePurpose.CONFIRM_PHONE else account.email
    if address is None:
        raise ValueError("a code needs somewhere to go")
    db.execute(
        update(OneTimeCode)
        .where(OneTimeCode.account_id == account.id, OneTimeCode.purpose == purpose, OneTimeCode.expires_at > now)
        .values(expires_at=now),
    )
    code = OneTimeCode(
        id=new_id(),
        account_id=account.id,
        purpose=purpose,
        sent_to=address,
        created_at=now,
        expires_at=now + rules.CODE_LIFETIME,
        attempts=0,
    )
    db.add(code)
    db.flush()
    publish(db, clock, CodeIssued(CodeId(code.id), purpose, code.expires_at))
    return CodeId(code.id)


def spend_code(
    db: Session, clock: Clock, *, account: Account, purpose: CodePurpose, typed: str, secret_key: str
) -> bool:
    """Use up the account's newest code if these are its digits; otherwise count the wrong guess, the fifth of which kills it.

    The caller holds the account's lock, and has counted the try under the address.
    """
    address = account.phone if purpose is CodePurpose.CONFIRM_PHONE else account.email
    code = db.scalar(
        select(OneTimeCode)
        .where(
            OneTimeCode.account_id == account.id,
            OneTimeCode.purpose == purpose,
            OneTimeCode.sent_to == address,
            OneTimeCode.used_at.is_(None),
            OneTimeCode.expires_at > clock.now(),
            OneTimeCode.attempts < rules.CODE_ATTEMPTS,
        )
        .order_by(OneTimeCode.created_at.desc(), OneTimeCode.id.desc())
        .limit(1)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if code is None:
        return False
    if not rules.same_code(rules.code_digits(secret_key, code.id), typed):
        code.attempts += 1
        return False
    code.used_at = clock.now()
    return True
