"""The database: declarative base, column types, engine, and `transaction()`, the only place that commits or rolls back."""

import functools
import logging
import select
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

from psycopg import Connection as PsycopgConnection
from psycopg import Error as PsycopgError
from sqlalchemy import (
    Constraint,
    DateTime,
    Dialect,
    Engine,
    Enum,
    Index,
    MetaData,
    Text,
    Uuid,
    create_engine,
    event,
)
from sqlalchemy.exc import DBAPIError, IntegrityError, InvalidatePoolError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator

from clinic_portal.core.errors import Busy, Conflict, DomainError

log = logging.getLogger(__name__)

#: What a waiting statement may cost before the caller is told to try again.
LOCK_TIMEOUT_MS = 3_000
STATEMENT_TIMEOUT_MS = 15_000

#: A pooled connection that was used so recently is used again without a question.
TRUSTED_FOR_S = 5.0
_RESTS_SINCE = "rests_since"

#: SQLSTATEs that mean "try again": lock not available, deadlock detected, serialization failure.
#: Source: PostgreSQL documentation, appendix A.
BUSY_SQLSTATES = frozenset({"55P03", "40P01", "40001"})


class UtcDateTime(TypeDecorator[datetime]):
    """A timestamp with time zone that accepts aware values only and returns them in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive values. Raises: ValueError."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a naive datetime cannot be stored")
        return value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the value in UTC."""
        return value.astimezone(UTC) if value is not None else None


def state_type(states: type[StrEnum], name: str | None = None) -> Enum:
    """Return the column type for a closed set of states: text with a CHECK constraint, stored by value.

    `name` tells two such columns of one table apart.
    """
    return Enum(
        states,
        native_enum=False,
        create_constraint=True,
        length=32,
        name=name or _snake(states.__name__),
        values_callable=lambda enum: [member.value for member in enum],
    )


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


class Base(DeclarativeBase):
    """The base of all tables. Constraint names are stable, because domain errors hang on them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime, str: Text, UUID: Uuid}


def make_engine(url: str, **options: int | bool) -> Engine:
    """Return an engine with our time zone and time limits set on every connection."""
    settings = (
        f"-c timezone=UTC -c lock_timeout={LOCK_TIMEOUT_MS} -c statement_timeout={STATEMENT_TIMEOUT_MS}"
        " -c idle_in_transaction_session_timeout=60000"
    )
    # The connection that was used last is used next: it knows the statements, and those that are not needed may rest.
    engine = create_engine(
        url,
        connect_args={"options": settings, "application_name": "clinic-portal"},
        pool_use_lifo=True,
        **options,
    )
    event.listen(engine, "checkin", _note_rest)
    event.listen(engine, "checkout", _look_before_use)
    return engine


def _note_rest(_connection: object, record: ConnectionPoolEntry) -> None:
    record.info[_RESTS_SINCE] = time.monotonic()


def _look_before_use(connection: PsycopgConnection[object], record: ConnectionPoolEntry, _proxy: object) -> None:
    """Ask the server whether a pooled connection still stands, unless it was used just now.

    A round trip before every request would be one of ten. A server that goes away says so: then there is something to
    read on a connection that nobody uses. What never says so, a cable that was pulled, takes longer than this to matter.
    """
    rests_since = record.info.get(_RESTS_SINCE)
    if rests_since is None:
        return  # It is new.
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if time.monotonic() - rests_since < TRUSTED_FOR_S and not poll.poll(0):
        return
    try:
        connection.execute("SELECT 1")
        connection.rollback()
    except PsycopgError as error:
        raise InvalidatePoolError from error


@contextmanager
def transaction(db: Session) -> Iterator[None]:
    """Run one use case: commit at the end, roll back on any exception, then do what `after_commit` asked for.

    Raises: RuntimeError when nested (a use case never calls a use case); Conflict with the code that the violated
    constraint declares in its `info`; Busy when a lock was not granted in time.
    """
    if db.info.get("in_transaction"):
        raise RuntimeError("transaction() does not nest: share a step instead")
    db.info["in_transaction"] = True
    db.info["after_commit"] = []
    try:
        yield
        db.commit()
    except DBAPIError as error:
        db.rollback()
        refusal = domain_error(error)
        if refusal is None:
            raise
        raise refusal from error
    except BaseException:
        db.rollback()
        raise
    else:
        _run_after_commit(db.info["after_commit"])
    finally:
        db.info["in_transaction"] = False
        db.info["after_commit"] = []


def after_commit(db: Session, callback: Callable[[], None], *, key: str = "") -> None:
    """Have something small done once the running transaction is committed; it is dropped on rollback.

    What has a `key` is done once, however often it is asked. It may be lost when the process dies, so only nudges and
    announcements belong here.
    Raises: RuntimeError outside a transaction.
    """
    if not db.info.get("in_transaction"):
        raise RuntimeError("after_commit() needs a running transaction()")
    if not key or all(known != key for known, _ in db.info["after_commit"]):
        db.info["after_commit"].append((key, callback))


def end_read(db: Session) -> None:
    """Give the connection of a read-only piece of work back."""
    db.rollback()


def _run_after_commit(callbacks: list[tuple[str, Callable[[], None]]]) -> None:
    for _, callback in callbacks:
        try:
            callback()
        except Exception:
            # The change is committed: whoever asked must hear that it worked. Sweepers repair what was not nudged.
            log.exception("after_commit_failed")


def domain_error(error: DBAPIError) -> DomainError | None:
    """Return the domain error that a database error stands for, or None when it is a bug."""
    sqlstate = getattr(error.orig, "sqlstate", None)
    if sqlstate in BUSY_SQLSTATES:
        return Busy()
    if isinstance(error, IntegrityError):
        diagnostics = getattr(error.orig, "diag", None)
        code = constraint_codes().get(getattr(diagnostics, "constraint_name", None) or "")
        if code is not None:
            return Conflict(code)
    return None


@functools.cache
def constraint_codes() -> Mapping[str, str]:
    """Return constraint or unique index name → error code, as declared with `info={"error": code}` beside each of them."""
    codes: dict[str, str] = {}
    for table in Base.metadata.tables.values():
        items: list[Constraint | Index] = [*table.constraints, *table.indexes]
        for item in items:
            if "error" in item.info:
                codes[str(item.name)] = item.info["error"]
    return codes
