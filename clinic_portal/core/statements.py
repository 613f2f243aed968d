"""Statements that are sent many times a second are put together once, not at every use.

SQLAlchemy keeps the text of a statement, but building its objects again costs more than sending it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any, ParamSpec, TypeAlias, TypeVar, TypeVarTuple, cast
from uuid import UUID
from weakref import WeakKeyDictionary

from psycopg import Connection as PsycopgConnection
from psycopg import Cursor
from psycopg import Error as PsycopgError
from sqlalchemy import ARRAY, ColumnElement, Connection, Date, Dialect, Integer, Text, Uuid, all_, any_, bindparam
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, SessionTransaction, make_transient_to_detached
from sqlalchemy.orm.attributes import instance_dict, set_committed_value
from sqlalchemy.orm.util import identity_key
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement, SQLCoreOperations
from sqlalchemy.sql.selectable import ReturnsRows, TypedReturnsRows
from sqlalchemy.types import NULLTYPE, TypeEngine

from clinic_portal.core.db import Base, UtcDateTime

_Driver: TypeAlias = PsycopgConnection[tuple[Any, ...]]
_Cursor: TypeAlias = Cursor[tuple[Any, ...]]

P = ParamSpec("P")
S = TypeVar("S", bound=Executable)
Ts = TypeVarTuple("Ts")
E = TypeVar("E", bound=Base)

#: Where a session, and a pooled connection, keep what belongs to them.
_LINE, _CURSORS = "line", "cursors"

#: As many texts have a cursor of their own on a connection; those that are sent often are far fewer.
MAX_CURSORS = 200

#: Type of a value → type of the parameter. A datetime is a date as well: the first that fits counts.
_TYPES: tuple[tuple[type, TypeEngine[Any]], ...] = (
    (UUID, Uuid()),
    (datetime, UtcDateTime()),
    (date, Date()),
    (int, Integer()),
    (str, Text()),
)


def built_once(build: Callable[P, S]) -> Callable[P, tuple[S, dict[str, object]]]:
    """Turn a function that builds a statement from values into one that gives the statement and its parameters.

    It is built with parameters in place of the values, once for each set of arguments that are not None: only whether
    an argument is given may decide what it looks like. A list is an array: `is_any` and `is_none` compare with it. All
    arguments are given by name; execute with `read_columns(db, *statement(...))`, or `db.execute` where objects come with it.
    """
    built: dict[frozenset[str], S] = {}

    def statement(*args: P.args, **values: P.kwargs) -> tuple[S, dict[str, object]]:
        given = {name: value for name, value in values.items() if value is not None}
        shape = frozenset(given)
        if shape not in built:
            places = {name: bindparam(name, type_=_type_of(value)) for name, value in given.items()}
            # The function is told of values and gets their places: to SQLAlchemy they are the same.
            wanted = cast("dict[str, Any]", dict.fromkeys(values) | places)
            built[shape] = build(*args, **wanted)
        return built[shape], given

    return statement


def read_columns(db: Session, statement: TypedReturnsRows[*Ts], values: Mapping[str, object]) -> Sequence[tuple[*Ts]]:
    """Execute a statement that is built once and returns columns, no objects, in the session's transaction.

    SQLAlchemy writes its text once; from then on the driver alone executes it, at half the cost. What else belongs to
    an execution stays: what is not written yet is written first, listeners of "before_cursor_execute" hear of it, types
    turn values to and fro, and errors are SQLAlchemy's. Raises: DBAPIError.
    """
    db.flush()
    sent = _sent(db, statement, values)
    return sent.rows(_execute(db, sent, values))


def read_objects(
    db: Session, entity: type[E], statement: TypedReturnsRows[*tuple[Any, ...]], values: Mapping[str, object]
) -> list[E]:
    """Execute a statement that is built once and returns all columns of a table, as `read_columns` does; give objects.

    What the session has of them already stands as it is in the database afterwards. Raises: DBAPIError.
    """
    rows = read_columns(db, statement, values)
    names = _sent(db, statement, values).names
    return [loaded(db, entity, dict(zip(names, row, strict=True))) for row in rows]


def loaded(db: Session, entity: type[E], values: Mapping[str, Any]) -> E:
    """Return the session's object of a row, by attribute, that was just read or written: nothing about it is unwritten."""
    known: E | None = db.identity_map.get(identity_key(entity, values["id"]))
    if known is not None:
        for name, value in values.items():
            set_committed_value(known, name, value)
        return known
    row = unattached(entity, values)
    make_transient_to_detached(row)  # Thereby what it has counts as written.
    db.add(row)
    return row


def unattached(entity: type[E], values: Mapping[str, Any]) -> E:
    """Return an object of a row, by attribute, that no session knows: for who only reads of it what it holds."""
    row = entity()
    instance_dict(row).update(values)
    return row


def write_row(db: Session, statement: Executable, values: Mapping[str, object]) -> None:
    """Execute a statement that is built once and returns nothing, as `read_columns` does. Raises: DBAPIError."""
    db.flush()
    _execute(db, _sent(db, statement, values), values)


def is_any(column: SQLCoreOperations[Any], values: Collection[UUID]) -> ColumnElement[bool]:
    """Return the condition that a column is one of the ids of an array, in a statement that is built once."""
    return column == any_(cast("ColumnElement[Any]", values))


def is_none(column: SQLCoreOperations[Any], values: Collection[UUID]) -> ColumnElement[bool]:
    """Return the condition that a column is none of the ids of an array, in a statement that is built once."""
    return column != all_(cast("ColumnElement[Any]", values))


def _type_of(value: object) -> TypeEngine[Any]:
    if isinstance(value, bool | Enum):
        return NULLTYPE  # Then it is that of the column.
    if isinstance(value, list):
        return ARRAY(_type_of(value[0])) if value else ARRAY(Uuid())
    return next(type_ for python, type_ in _TYPES if isinstance(value, python))


@dataclass(frozen=True)
class _Sent:
    """What the driver is sent of a statement, and what it gives back."""

    text: str
    #: What its columns are called, if it returns any.
    names: Sequence[str]
    #: Parameters that the statement brings along.
    constants: Mapping[str, object]
    #: How the types want values to be written, by name, and read, by place.
    writers: Mapping[str, Callable[[Any], Any]]
    readers: Sequence[tuple[int, Callable[[Any], Any]]]

    def parameters(self, values: Mapping[str, object]) -> dict[str, object]:
        """Return what the text names."""
        return {**self.constants, **_written(values, self.writers)}

    def rows(self, cursor: _Cursor) -> list[Any]:
        """Return the rows, with the values as their types want them to be read."""
        rows = cursor.fetchall()
        return [self._read(row) for row in rows] if self.readers else rows

    def _read(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        found = list(row)
        for place, read in self.readers:
            found[place] = read(found[place])
        return tuple(found)


#: As long as a statement lives, so that one which is built anew each time fills no memory.
_known: WeakKeyDictionary[Executable, _Sent] = WeakKeyDictionary()


def _sent(db: Session, statement: Executable, values: Mapping[str, object]) -> _Sent:
    found = _known.get(statement)
    if found is None:
        found = _known[statement] = _compiled(statement, db.connection().dialect, values)
    return found


def _compiled(statement: Executable, dialect: Dialect, values: Mapping[str, object]) -> _Sent:
    compiled = cast("SQLCompiler", cast("ClauseElement", statement).compile(dialect=dialect))
    if defaults := [*compiled.insert_prefetch, *compiled.update_prefetch]:
        raise TypeError(f"{defaults[0]}: a default of Python is not asked for here, so give the value")
    whole = compiled.construct_expanded_state(dict(values))
    if strange := values.keys() & compiled.binds.keys() - whole.parameters.keys():
        raise TypeError(f"{sorted(strange)}: the text depends on these values; compare with `is_any` instead of `in_`")
    columns = statement.exported_columns if isinstance(statement, ReturnsRows) else ()
    readers = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
    writers = {
        name: write
        for name, bind in compiled.binds.items()
        if (write := bind.type.dialect_impl(dialect).bind_processor(dialect)) is not None
    }
    own = {name: value for name, value in whole.parameters.items() if name not in values}
    return _Sent(
        text=whole.statement,
        names=[column.key for column in columns],
        constants=_written(own, {**writers, **whole.processors}),
        writers={name: write for name, write in writers.items() if name in values},
        readers=[(place, read) for place, read in enumerate(readers) if read is not None],
    )


def _written(values: Mapping[str, object], writers: Mapping[str, Callable[[Any], Any]]) -> dict[str, object]:
    return {name: writers[name](value) if name in writers else value for name, value in values.items()}


def _execute(db: Session, sent: _Sent, values: Mapping[str, object]) -> _Cursor:
    line, parameters = _line(db), sent.parameters(values)
    cursor, connection = line.cursor(sent.text), line.connection
    for listener in connection.dispatch.before_cursor_execute:
        listener(connection, cursor, sent.text, parameters, None, False)
    try:
        return cursor.execute(sent.text, parameters)
    except PsycopgError as error:
        is_gone = line.driver.closed
        if is_gone:
            connection.invalidate(error)
        raise DBAPIError.instance(
            sent.text, parameters, error, PsycopgError, connection_invalidated=is_gone, dialect=connection.dialect,
            hide_parameters=connection.engine.hide_parameters,
        ) from error  # fmt: skip


@dataclass(frozen=True)
class _Line:
    """What a transaction of a session sends its statements through."""

    transaction: SessionTransaction
    connection: Connection
    driver: _Driver
    #: By text, as long as the driver's connection lives.
    cursors: dict[str, _Cursor]

    def cursor(self, text: str) -> _Cursor:
        """Return the text's own cursor: one that executes the same again still knows how to write its values."""
        if text not in self.cursors:
            if len(self.cursors) >= MAX_CURSORS:
                self.cursors.clear()
            self.cursors[text] = self.driver.cursor()
        return self.cursors[text]


def _line(db: Session) -> _Line:
    """Return the line of the session's transaction, for which SQLAlchemy is asked once only."""
    line: _Line | None = db.info.get(_LINE)
    if line is None or not line.transaction.is_active:
        connection = db.connection()
        driver = cast("_Driver", connection.connection.dbapi_connection)
        cursors = connection.info.setdefault(_CURSORS, {})
        line = db.info[_LINE] = _Line(cast("SessionTransaction", db.get_transaction()), connection, driver, cursors)
    return line
