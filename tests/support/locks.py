"""Locks that another connection has, for what happens to who waits for one."""

import contextlib
from collections.abc import Iterator

import psycopg
from sqlalchemy import text
from sqlalchemy.orm import Session


@contextlib.contextmanager
def outbox_locked(db: Session, database: str) -> Iterator[None]:
    """Nobody can queue a message while this lasts; whoever wants to gives up sooner than in the clinic."""
    db.execute(text("SET LOCAL lock_timeout = '200ms'"))
    db.commit()
    with psycopg.connect(database.replace("+psycopg", "")) as other:
        other.execute("LOCK TABLE message IN SHARE MODE NOWAIT")
        yield
        other.rollback()
