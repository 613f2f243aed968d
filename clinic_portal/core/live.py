"""Live pages: tells every open page of a facility that its queue changed. Carries a version, never patient data."""

import logging
from typing import Protocol

import socketio  # python-socketio: knows no Flask
from sqlalchemy.orm import Session

from clinic_portal.core.db import after_commit
from clinic_portal.core.ids import FacilityId

log = logging.getLogger(__name__)

SESSION_KEY = "announcer"

#: The Valkey channel that Flask-SocketIO listens on by default.
CHANNEL = "flask-socketio"


class Announcer(Protocol):
    """Reaches the open pages."""

    def queue_changed(self, facility_id: FacilityId, version: int) -> None:
        """Tell pages of the facility that its queue is now at this version. Never raises."""


class SocketAnnouncer:
    """Announces over Valkey to every socket server."""

    def __init__(self, redis_url: str) -> None:
        """Connect lazily, write-only, with a short time limit."""
        options = {"socket_timeout": 0.3, "socket_connect_timeout": 0.3}
        self._manager = socketio.RedisManager(redis_url, channel=CHANNEL, write_only=True, redis_options=options)

    def queue_changed(self, facility_id: FacilityId, version: int) -> None:
        """Emit to the facility's room; a dead broker is logged by the manager and pages fall back to polling."""
        self._manager.emit("queue_changed", {"version": version}, room=facility_room(facility_id), namespace="/live")


def facility_room(facility_id: FacilityId) -> str:
    """Return the Socket.IO room that a facility's pages join."""
    return f"facility:{facility_id}"


def announce_queue_after_commit(db: Session, facility_id: FacilityId, version: int) -> None:
    """Announce the queue's new version once the running transaction is committed."""
    announcer: Announcer = db.info[SESSION_KEY]
    after_commit(db, lambda: announcer.queue_changed(facility_id, version))
