"""Where a message gets its facts from: each kind names a source in `wiring.MESSAGE_SOURCES`, read when it is sent."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from clinic_portal.core.clock import Clock
from clinic_portal.core.settings import Settings
from clinic_portal.notifications.rules import Channel
from clinic_portal.providers.email.base import Attachment

__all__ = [
    "GROUPS_KEY",
    "SESSION_KEY",
    "Attachment",
    "MessageFacts",
    "MessageGroup",
    "MessageSource",
    "message_groups",
    "message_sources",
]

SESSION_KEY = "message_sources"
GROUPS_KEY = "message_groups"


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
    #: It must not arrive before: the message waits until then.
    not_before: datetime | None = None


#: (session, clock, settings, subject id) → the facts, or None when there is nothing to tell any more (the visit was
#: cancelled, the code was used): the message is then cancelled. It reads and takes no lock.
MessageSource = Callable[[Session, Clock, Settings, UUID], MessageFacts | None]


def message_sources(db: Session) -> Mapping[str, MessageSource]:
    """Return kind → source, as the wiring gave it to the session."""
    sources: Mapping[str, MessageSource] = db.info[SESSION_KEY]
    return sources


@dataclass(frozen=True)
class MessageGroup:
    """A kind of which several that wait for one recipient go out as one (`delivery.gather`). Both functions only read."""

    #: (session, clock, subject, channel) → the other subjects that whoever gets this message should read of in it, now.
    companions: Callable[[Session, Clock, UUID, Channel], Collection[UUID]]
    #: The facts of all these subjects together, the message's own first; None when none of them is still true.
    facts: Callable[[Session, Clock, Settings, Sequence[UUID], Channel], MessageFacts | None]


def message_groups(db: Session) -> Mapping[str, MessageGroup]:
    """Return kind → group, for the kinds that have one."""
    groups: Mapping[str, MessageGroup] = db.info.get(GROUPS_KEY, {})
    return groups
