"""Reactions upwards: a feature publishes what happened; `wiring.py` says which steps follow, in the same transaction."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from clinic_portal.core.clock import Clock

#: A step that follows an event: (session, clock, event) in the publisher's transaction.
Reaction = Callable[[Session, Clock, Any], None]
Reactions = Mapping[type["Event"], Sequence[Reaction]]

SESSION_KEY = "reactions"


@dataclass(frozen=True)
class Event:
    """Something that happened, told upwards. Holds ids and plain values."""


def publish(db: Session, clock: Clock, event: Event) -> None:
    """Run every reaction to the event, in the order of the table. An exception undoes the whole transaction.

    Raises: KeyError when the table does not know the event: an event that nobody was meant to hear is a mistake.
    """
    reactions: Reactions = db.info[SESSION_KEY]
    for reaction in reactions[type(event)]:
        reaction(db, clock, event)
