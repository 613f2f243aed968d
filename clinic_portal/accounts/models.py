"""Accounts, their sessions, one-time codes, and the memory of wrong guesses."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from clinic_portal.accounts.rules import CodePurpose
from clinic_portal.core.actor import Actor, Role
from clinic_portal.core.db import Base, state_type
from clinic_portal.core.ids import AccountId, new_id


class Account(Base):
    """Somebody who signs in. A patient who is treated is a row in `patient`, tied by a relationship."""

    __tablename__ = "account"
    __table_args__ = (
        UniqueConstraint("email", info={"error": "account.email_taken"}),
        CheckConstraint("email = lower(email)", name="email_lower"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    role: Mapped[Role] = mapped_column(state_type(Role))
    #: Lower case; what is typed is normalised before it is compared.
    email: Mapped[str]
    #: Nobody signs in before the address is confirmed.
    email_confirmed_at: Mapped[datetime | None]
    #: E.164.
    phone: Mapped[str | None]
    phone_confirmed_at: Mapped[datetime | None]
    #: argon2id, with its parameters.
    password_hash: Mapped[str]
    given_name: Mapped[str]
    family_name: Mapped[str]
    #: None for staff.
    birth_date: Mapped[date | None]
    #: "en" or "pt_PT": pages and messages.
    language: Mapped[str]
    created_at: Mapped[datetime]
    #: Set when the clinic closes the account; it then signs nobody in.
    ended_at: Mapped[datetime | None]

    @property
    def full_name(self) -> str:
        """Given and family name."""
        return f"{self.given_name} {self.family_name}"

    def actor(self) -> Actor:
        """The actor that this account is."""
        return Actor(AccountId(self.id), self.role, self.full_name, self.language)


class AccountSession(Base):
    """One signed-in browser. Ending the row signs that browser out at its next request."""

    __tablename__ = "account_session"
    __table_args__ = (Index("ix_account_session_account", "account_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    #: SHA-256 of the token in the browser's cookie: who reads this table cannot sign in.
    token_hash: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    #: Refreshed at most once a minute.
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    #: As the browser names itself, cut at 300 characters.
    user_agent: Mapped[str]


class OneTimeCode(Base):
    """Six digits sent to an address. The digits are derived from the id and the secret key, so they are stored nowhere."""

    __tablename__ = "one_time_code"
    __table_args__ = (
        Index("ix_one_time_code_account_purpose", "account_id", "purpose", "created_at"),
        CheckConstraint("attempts >= 0", name="attempts_not_negative"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    purpose: Mapped[CodePurpose] = mapped_column(state_type(CodePurpose))
    #: The address or number as it was when the code was issued.
    sent_to: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    #: Wrong guesses; a code dies at five.
    attempts: Mapped[int] = mapped_column(default=0)
    used_at: Mapped[datetime | None]


class GuessThrottle(Base):
    """Wrong guesses for one key (an address that was typed, whether it has an account or not)."""

    __tablename__ = "guess_throttle"

    #: Keyed hash of purpose and address: the table names nobody.
    key: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int]
    last_failure_at: Mapped[datetime]
