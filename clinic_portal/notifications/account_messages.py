"""Messages about accounts: codes, registrations, passwords, tests. Reactions that queue them, sources of their facts."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from clinic_portal.accounts import queries
from clinic_portal.accounts.events import CodeIssued, PasswordChanged, RegistrationRepeated
from clinic_portal.accounts.queries import CodePurpose
from clinic_portal.core.clock import Clock
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import AccountId, CodeId
from clinic_portal.core.settings import Settings
from clinic_portal.notifications.sources import MessageFacts
from clinic_portal.notifications.steps import Channel, queue_message

#: Whoever repeats a registration all day long makes one message an hour.
REPEATED_EVERY = timedelta(hours=1)
#: A warning that comes a day late is better than none; later than that it only frightens.
WARNING_LIFETIME = timedelta(days=2)


def queue_code(db: Session, clock: Clock, event: CodeIssued) -> None:
    """Send a one-time code while it is good for something. Reaction to CodeIssued."""
    channel = Channel.SMS if event.purpose is CodePurpose.CONFIRM_PHONE else Channel.EMAIL
    queue_message(
        db, clock, event.purpose.value, subject_id=event.code_id, channels=(channel,), expires_at=event.expires_at
    )


def queue_registration_repeated(db: Session, clock: Clock, event: RegistrationRepeated) -> None:
    """Tell the owner of an address that somebody registered it again. Reaction to RegistrationRepeated."""
    queue_message(
        db,
        clock,
        "registration_repeated",
        subject_id=event.account_id,
        channels=(Channel.EMAIL,),
        expires_at=clock.now() + REPEATED_EVERY,
        key=str(int(clock.now().timestamp() // REPEATED_EVERY.total_seconds())),
    )


def queue_password_changed(db: Session, clock: Clock, event: PasswordChanged) -> None:
    """Tell the owner of an account that its password changed. Reaction to PasswordChanged."""
    queue_message(
        db,
        clock,
        "password_changed",
        subject_id=event.account_id,
        channels=(Channel.EMAIL,),
        expires_at=clock.now() + WARNING_LIFETIME,
        key=clock.now().isoformat(),
    )


def code_facts(db: Session, clock: Clock, settings: Settings, subject_id: UUID) -> MessageFacts | None:
    """Return the digits and where they go; None once the code is used, replaced or dead."""
    code = queries.code_message(db, clock, settings, CodeId(subject_id))
    if code is None:
        return None
    context = {"code": code.digits, "minutes": code.minutes_valid}
    return MessageFacts(email=code.email, phone=code.phone, language=code.language, context=context)


def account_facts(db: Session, clock: Clock, settings: Settings, subject_id: UUID) -> MessageFacts | None:
    """Return whom to tell about their account; None when it is gone."""
    try:
        account = queries.get_account(db, AccountId(subject_id))
    except NotFound:
        return None
    return MessageFacts(
        email=account.email, phone=None, language=account.language, context={"given_name": account.given_name}
    )


def trial_facts(db: Session, clock: Clock, settings: Settings, subject_id: UUID) -> MessageFacts | None:
    """Return where an administrator's test goes: their own addresses."""
    try:
        account = queries.get_account(db, AccountId(subject_id))
    except NotFound:
        return None
    return MessageFacts(
        email=account.email, phone=account.phone, language=account.language, context={"given_name": account.given_name}
    )
