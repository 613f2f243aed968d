"""SQL statements as the portal sends them: recorded from the portal itself, written down, sent again by the floor.

Imports nothing of the portal, so that the floor's server holds no more than it needs.
"""

import json
import re
import secrets
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

HASH = re.compile(r"[0-9a-f]{64}")
UUID_TEXT = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LETTERS = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
#: What the portal dates with its clock lies this close to it; visits lie further ahead.
NOW = timedelta(minutes=30)


@dataclass(frozen=True)
class Statement:
    """One statement with its parameters, as the database driver got it."""

    sql: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Script:
    """The statements of one request, and when it was made."""

    statements: Sequence[Statement]
    at: datetime

    def dump(self) -> str:
        """All of it as text."""
        lines = [[one.sql, {name: _plain(value) for name, value in one.parameters.items()}] for one in self.statements]
        return json.dumps([self.at.isoformat(), lines])

    @staticmethod
    def load(text: str) -> "Script":
        """Return what `dump` wrote."""
        at, lines = json.loads(text)
        return Script(
            [Statement(sql, {name: _typed(*value) for name, value in values.items()}) for sql, values in lines],
            datetime.fromisoformat(at),
        )


class Rewriter:
    """Makes the parameters of a script another request's: other people, another time, new ids.

    `same` says what stands for what; an id, a hash or a reference that it does not know becomes a new one, the same one
    wherever it was the same. Times move with the visit's start, but those of the clock, which are now.
    """

    def __init__(self, script: Script, same: Mapping[str, str], moved_by: timedelta) -> None:
        """Start with what is known."""
        self._at = script.at
        self._same = dict(same)
        self._moved_by = moved_by
        self._now = datetime.now(UTC)  # noqa: TID251 - the floor has no Clock

    def parameters(self, statement: Statement) -> dict[str, Any]:
        """Return the parameters of one statement."""
        return {name: self._value(name, value) for name, value in statement.parameters.items()}

    def same(self, known: str) -> str:
        """Return what stands for an id of the recording; itself, unless it was met."""
        return self._same.get(known, known)

    def _value(self, name: str, value: object) -> object:
        if isinstance(value, str):
            return self._words(name, value)
        if isinstance(value, UUID):
            return UUID(self._text(str(value), _new_id))
        if isinstance(value, datetime):
            return self._now + (value - self._at) if abs(value - self._at) < NOW else value + self._moved_by
        if isinstance(value, date):
            return value + timedelta(days=round(self._moved_by / timedelta(days=1)))
        if isinstance(value, list):
            return [self._value(name, one) for one in value]
        return value

    def _words(self, name: str, value: str) -> str:
        if name.startswith("reference"):
            return self._text(value, _new_reference)
        if HASH.fullmatch(value):
            return self._text(value, lambda: secrets.token_hex(32))
        return UUID_TEXT.sub(lambda found: self._text(found.group(0), _new_id), value)

    def _text(self, known: str, make: Callable[[], str]) -> str:
        if known not in self._same:
            self._same[known] = make()
        return self._same[known]


def _new_id() -> str:
    """Return a UUID of version 7, as the portal makes them: in the order of time."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds << 80) | secrets.randbits(80)
    value = value & ~(0xF << 76) | (7 << 76)
    return str(uuid.UUID(int=value & ~(0x3 << 62) | (0x2 << 62)))


def _new_reference() -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(8))


def _plain(value: object) -> tuple[str, object]:
    """Return a value as JSON can hold it. Raises: TypeError for what no statement of ours has."""
    if isinstance(value, UUID):
        return "uuid", str(value)
    if isinstance(value, datetime):
        return "datetime", value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return "date", value.isoformat()
    if isinstance(value, list):
        return "list", [_plain(one) for one in value]
    if value is None or isinstance(value, bool | int | str):
        return "plain", value
    raise TypeError(f"a parameter of type {type(value).__name__}")


def _typed(kind: str, value: object) -> object:
    if isinstance(value, list):
        return [_typed(*one) for one in value]
    makers: Mapping[str, Callable[[str], object]] = {
        "uuid": UUID,
        "datetime": datetime.fromisoformat,
        "date": date.fromisoformat,
    }
    return makers[kind](str(value)) if kind in makers else value
