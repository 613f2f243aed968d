"""Locks that another connection has, for what happens to who waits for one."""

import contextlib
from collections.abc import Iterator

import psycopg
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.orm import Session


@contextlib.contextmanager
def locked(db: Session, database: str, table: str = "message") -> Iterator[None]:
    """Nobody can write to a table while this lasts; who wants to gives up sooner than in the clinic."""
    db.execute(text("SET LOCAL lock_timeout = '200ms'"))
    db.commit()
    with psycopg.connect(database.replace("+psycopg", "")) as other:
        other.execute(sql.SQL("LOCK TABLE {} IN SHARE MODE NOWAIT").format(sql.Identifier(table)))
        yield
        other.rollback()
