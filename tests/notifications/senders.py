"""Senders around the real ones, for looking at and cutting what happens while a vendor is called."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, event, select, text

from clinic_portal.core.db import make_engine
from clinic_portal.notifications.models import Message
from clinic_portal.providers.base import Accepted
from clinic_portal.providers.email.base import EmailSender
from clinic_portal.providers.sms.base import Sms, SmsSender


@dataclass
class WatchedSender:
    """Asks PostgreSQL what the worker's connections do while the vendor is called, then sends."""

    inner: SmsSender
    engine: Engine
    seen: list[tuple[str, int]]

    name = "inbox"
    deduplicates = True

    def send(self, sms: Sms, *, idempotency_key: UUID, timeout_s: float) -> Accepted:
        with self.engine.connect() as watcher:
            pid = watcher.scalar(text("SELECT pg_backend_pid()"))
            open_transactions = watcher.scalar(
                text(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> :pid"
                    " AND backend_type = 'client backend' AND (state <> 'idle' OR xact_start IS NOT NULL)"
                ),
                {"pid": pid},
            )
            state = watcher.scalar(select(Message.state).where(Message.id == idempotency_key))
        self.seen.append((state, open_transactions or 0))
        return self.inner.send(sms, idempotency_key=idempotency_key, timeout_s=timeout_s)


@dataclass
class ImpatientSender:
    """Breaks the promise of its Protocol."""

    name = "broken"
    deduplicates = False

    def send(self, sms: Sms, *, idempotency_key: UUID, timeout_s: float) -> Accepted:
        raise ZeroDivisionError


@dataclass
class CuttingSender:
    """Sends, and then PostgreSQL ends the worker's connection when it is about to write what became of it."""

    inner: SmsSender | EmailSender
    engine: Engine

    name = "inbox"
    deduplicates = True

    def send(self, letter: Any, *, idempotency_key: UUID, timeout_s: float) -> Accepted:
        accepted = self.inner.send(letter, idempotency_key=idempotency_key, timeout_s=timeout_s)
        # Not at once: a connection that ended while nobody used it is noticed and replaced.
        event.listen(self.engine, "before_cursor_execute", self._cut, once=True)
        return accepted

    def _cut(self, connection: Connection, *_statement: object) -> None:
        pid = connection.connection.driver_connection.info.backend_pid  # type: ignore[union-attr]  # psycopg's own
        own_engine = make_engine(self.engine.url.render_as_string(hide_password=False))
        with own_engine.connect() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        own_engine.dispose()
