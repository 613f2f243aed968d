"""Statements that are sent many times a second are put together once, not at every use.

SQLAlchemy keeps the text of a statement, but building its objects again costs more than sending it.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime
from enum import Enum
from typing import Any, ParamSpec, TypeVar, TypeVarTuple, cast
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, CursorResult, Date, Integer, Text, Uuid, all_, any_, bindparam
from sqlalchemy.orm import Session
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.elements import SQLCoreOperations
from sqlalchemy.sql.selectable import TypedReturnsRows
from sqlalchemy.types import NULLTYPE, TypeEngine

from clinic_portal.core.db import UtcDateTime

P = ParamSpec("P")
S = TypeVar("S", bound=Executable)
Ts = TypeVarTuple("Ts")

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


def read_columns(db: Session, statement: TypedReturnsRows[*Ts], values: Mapping[str, object]) -> CursorResult[*Ts]:
    """Execute a statement that returns columns and no objects, in the session's transaction, past its object mapper.

    That would look at each row for objects: a twentieth of what a hold and a booking cost. What is not written yet is
    written first, as `db.execute` does.
    """
    db.flush()
    return db.connection().execute(statement, values)


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
