"""Where a message gets its facts from: each kind names a source in `wiring.MESSAGE_SOURCES`, read when it is sent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from clinic_portal.core.clock import Clock
from clinic_portal.core.settings import Settings
from clinic_portal.providers.email.base import Attachment

__all__ = ["SESSION_KEY", "Attachment", "MessageFacts", "MessageSource", "message_sources"]

SESSION_KEY = "message_sources"


@dataclass(frozen=True)
class MessageFacts:
    """What a message says and to whom, as it is now. No address for a channel: nothing is sent on that channel."""

    email: str | None
    #: E.164.
    phone: str | None
    #: "en" or "pt_PT".
    language: str
    #: What the templates of the kind name. A name that they miss is an error, never an empty place.
    context: Mapping[str, object]
    #: They travel with the e-mail; an SMS has none.
    attachments: tuple[Attachment, ...] = ()


#: (session, clock, settings, subject id) → the facts, or None when there is nothing to tell any more (the visit was
#: cancelled, the code was used): the message is then cancelled. It reads and takes no lock.
MessageSource = Callable[[Session, Clock, Settings, UUID], MessageFacts | None]


def message_sources(db: Session) -> Mapping[str, MessageSource]:
    """Return kind → source, as the wiring gave it to the session."""
    sources: Mapping[str, MessageSource] = db.info[SESSION_KEY]
    return sources
