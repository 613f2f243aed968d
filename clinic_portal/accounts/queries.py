"""Reads of accounts, sessions and codes."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from clinic_portal.accounts.models import Account, AccountSession, OneTimeCode
from clinic_portal.accounts.rules import CODE_ATTEMPTS, CodePurpose, code_digits
from clinic_portal.core.actor import Actor, Role
from clinic_portal.core.clock import Clock
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import AccountId, AccountSessionId, CodeId
from clinic_portal.core.settings import Settings
from clinic_portal.core.statements import built_once, read_columns

__all__ = [
    "AccountFacts",
    "CodeMessage",
    "CodePurpose",
    "SessionFacts",
    "SignInFacts",
    "SignedInBrowser",
    "code_message",
    "find_accounts",
    "find_actor",
    "find_session",
    "find_sign_in",
    "get_account",
    "given_names",
    "list_sessions",
    "lock_account",
    "lock_account_by_email",
    "token_hash",
]


@dataclass(frozen=True)
class SessionFacts:
    """A live session and who it is."""

    session_id: AccountSessionId
    actor: Actor
    last_seen_at: datetime


@dataclass(frozen=True)
class AccountFacts:
    """An account as its owner and the features above see it."""

    account_id: AccountId
    role: Role
    email: str
    #: E.164.
    phone: str | None
    given_name: str
    family_name: str
    birth_date: date | None
    language: str
    is_email_confirmed: bool
    is_phone_confirmed: bool

    @property
    def confirmed_phone(self) -> str | None:
        """The phone that messages about visits may go to: a mistyped number is somebody else's."""
        return self.phone if self.is_phone_confirmed else None

    @property
    def full_name(self) -> str:
        """Given and family name."""
        return f"{self.given_name} {self.family_name}"


@dataclass(frozen=True)
class SignInFacts:
    """What a password is compared with."""

    account_id: AccountId
    password_hash: str = field(repr=False)
    is_confirmed: bool


@dataclass(frozen=True)
class SignedInBrowser:
    """One live session for the page that lists them."""

    session_id: AccountSessionId
    user_agent: str
    created_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True)
class CodeMessage:
    """What the message with a one-time code says; either `email` or `phone` is set."""

    email: str | None
    phone: str | None
    language: str
    digits: str
    minutes_valid: int
    purpose: CodePurpose


def token_hash(token: str) -> str:
    """Return what is stored of a session's or a screen's token."""
    return hashlib.sha256(token.encode()).hexdigest()


def find_session(db: Session, clock: Clock, token: str) -> SessionFacts | None:
    """Return the live session of a token; None when it was ended, ran out, or its account was closed."""
    found = read_columns(db, *_live_session(hashed=token_hash(token), now=clock.now()))
    if not found:
        return None
    session_id, last_seen_at, account_id, role, given_name, family_name, language = found[0]
    actor = Actor(AccountId(account_id), role, f"{given_name} {family_name}", language)
    return SessionFacts(AccountSessionId(session_id), actor, last_seen_at)


@built_once
def _live_session(*, hashed: str, now: datetime) -> Select[UUID, datetime, UUID, Role, str, str, str]:
    return (
        select(
            AccountSession.id,
            AccountSession.last_seen_at,
            Account.id,
            Account.role,
            Account.given_name,
            Account.family_name,
            Account.language,
        )
        .join(Account, Account.id == AccountSession.account_id)
        .where(
            AccountSession.token_hash == hashed,
            AccountSession.ended_at.is_(None),
            AccountSession.expires_at > now,
            Account.ended_at.is_(None),
        )
    )


def get_account(db: Session, account_id: AccountId | None) -> AccountFacts:
    """Return an account's facts. Raises: NotFound (also for the system, which has none)."""
    account = db.scalar(select(Account).where(Account.id == account_id).execution_options(populate_existing=True))
    if account is None:
        raise NotFound
    return _facts(account)


def find_actor(db: Session, account_id: AccountId) -> Actor | None:
    """Return who acts with an account that shows itself by a secret of its own; None when it was closed."""
    account = db.scalar(
        select(Account)
        .where(Account.id == account_id, Account.ended_at.is_(None))
        .execution_options(populate_existing=True)
    )
    return account.actor() if account else None


def find_accounts(db: Session, account_ids: Collection[AccountId]) -> Mapping[AccountId, AccountFacts]:
    """Return accounts by id, for messages that go to several people: one statement, whatever their number."""
    if not account_ids:
        return {}
    rows = db.scalars(select(Account).where(Account.id.in_(set(account_ids))).execution_options(populate_existing=True))
    return {AccountId(row.id): _facts(row) for row in rows}


def closed_accounts(db: Session, account_ids: Collection[AccountId]) -> frozenset[AccountId]:
    """Return those of the accounts that were closed."""
    if not account_ids:
        return frozenset()
    rows = db.scalars(select(Account.id).where(Account.id.in_(set(account_ids)), Account.ended_at.is_not(None)))
    return frozenset(AccountId(one) for one in rows)


def known_phones(db: Session, numbers: Collection[str]) -> frozenset[str]:
    """Return those of the numbers that an account has, confirmed or not."""
    if not numbers:
        return frozenset()
    return frozenset(phone for phone in db.scalars(select(Account.phone).where(Account.phone.in_(numbers))) if phone)


def _facts(account: Account) -> AccountFacts:
    return AccountFacts(
        account_id=AccountId(account.id),
        role=account.role,
        email=account.email,
        phone=account.phone,
        given_name=account.given_name,
        family_name=account.family_name,
        birth_date=account.birth_date,
        language=account.language,
        is_email_confirmed=account.email_confirmed_at is not None,
        is_phone_confirmed=account.phone is not None and account.phone_confirmed_at is not None,
    )


def given_names(db: Session, account_ids: Collection[AccountId]) -> Mapping[AccountId, str]:
    """Return the given names of accounts, by id: one statement, whatever their number."""
    if not account_ids:
        return {}
    rows = db.execute(select(Account.id, Account.given_name).where(Account.id.in_(set(account_ids))))
    return {AccountId(id_): name for id_, name in rows}


def list_sessions(db: Session, clock: Clock, *, actor: Actor) -> Sequence[SignedInBrowser]:
    """Return the actor's live sessions, the one seen last first."""
    rows = db.scalars(
        select(AccountSession)
        .where(
            AccountSession.account_id == actor.account_id,
            AccountSession.ended_at.is_(None),
            AccountSession.expires_at > clock.now(),
        )
        .order_by(AccountSession.last_seen_at.desc(), AccountSession.id.desc())
    )
    return [SignedInBrowser(AccountSessionId(row.id), row.user_agent, row.created_at, row.last_seen_at) for row in rows]


def code_message(db: Session, clock: Clock, settings: Settings, code_id: CodeId) -> CodeMessage | None:
    """Return what to send for a code; None when it was used, replaced, guessed at too often or ran out."""
    row = db.execute(
        select(OneTimeCode, Account.language)
        .join(Account, Account.id == OneTimeCode.account_id)
        .where(
            OneTimeCode.id == code_id,
            OneTimeCode.used_at.is_(None),
            OneTimeCode.expires_at > clock.now(),
            OneTimeCode.attempts < CODE_ATTEMPTS,
        )
    ).first()
    if row is None:
        return None
    code, language = row
    by_phone = code.purpose is CodePurpose.CONFIRM_PHONE
    return CodeMessage(
        email=None if by_phone else code.sent_to,
        phone=code.sent_to if by_phone else None,
        language=language,
        digits=code_digits(settings.secret_key, code.id),
        minutes_valid=-(-(code.expires_at - clock.now()) // timedelta(minutes=1)),
        purpose=code.purpose,
    )


def find_sign_in(db: Session, email: str) -> SignInFacts | None:
    """Return what signing in compares with, without locking anything; a closed account counts as none."""
    row = db.execute(
        select(Account.id, Account.password_hash, Account.email_confirmed_at).where(
            Account.email == email, Account.ended_at.is_(None)
        )
    ).first()
    return SignInFacts(AccountId(row[0]), row[1], row[2] is not None) if row else None


def lock_account(db: Session, account_id: AccountId | None) -> Account:
    """Lock an account's row. Raises: NotFound."""
    account = db.scalar(
        select(Account)
        .where(Account.id == account_id)
        # Whoever has a patient's lock writes rows that name the account; who has the account's may want that patient.
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if account is None:
        raise NotFound
    return account


def lock_account_by_email(db: Session, email: str) -> Account | None:
    """Lock the row of an address, if it has one; a closed account counts as none."""
    return db.scalar(
        select(Account)
        .where(Account.email == email, Account.ended_at.is_(None))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
