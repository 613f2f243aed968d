"""Pure decisions about the queue: states, order, expected waits."""

from enum import StrEnum


class TicketState(StrEnum):
    """Where somebody who has arrived is."""

    WAITING = "waiting"
    CALLED = "called"
    IN_ROOM = "in_room"
    DONE = "done"
    LEFT = "left"
