"""What happened to accounts, told upwards."""

from dataclasses import dataclass
from datetime import datetime

from clinic_portal.accounts.rules import CodePurpose
from clinic_portal.core.events import Event
from clinic_portal.core.ids import AccountId, CodeId


@dataclass(frozen=True)
class AccountConfirmed(Event):
    """A new account's e-mail address is confirmed: from now on it exists for the clinic, and its person is a patient."""

    account_id: AccountId


@dataclass(frozen=True)
class AccountChanged(Event):
    """The phone or the language of an account changed."""

    account_id: AccountId


@dataclass(frozen=True)
class CodeIssued(Event):
    """A one-time code is to be sent, before it runs out."""

    code_id: CodeId
    purpose: CodePurpose
    expires_at: datetime


@dataclass(frozen=True)
class PasswordChanged(Event):
    """An account has a new password: its owner is told, in case it was somebody else."""

    account_id: AccountId


@dataclass(frozen=True)
class RegistrationRepeated(Event):
    """Somebody tried to register an address that has an account: its owner is told, the visitor is not."""

    account_id: AccountId
