"""Choose a language."""

from sqlalchemy.orm import Session

from clinic_portal.accounts import queries
from clinic_portal.accounts.events import AccountChanged
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.events import publish
from clinic_portal.core.ids import AccountId
from clinic_portal.core.text import LANGUAGES


def set_language(db: Session, clock: Clock, *, actor: Actor, language: str) -> None:
    """Keep the language of the actor's pages and messages. Raises: ValueError for one that the portal does not speak."""
    if language not in LANGUAGES:
        raise ValueError(language)
    with transaction(db):
        account = queries.lock_account(db, actor.account_id)
        if account.language != language:
            account.language = language
            db.flush()
            publish(db, clock, AccountChanged(AccountId(account.id)))
