"""What a piece of code asks the database."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event
from sqlalchemy.orm import Session

#: A test's transactions are savepoints in one that is undone: in the portal they are none.
OF_TESTS = ("SAVEPOINT", "RELEASE", "ROLLBACK")


@contextmanager
def statements(db: Session) -> Iterator[list[str]]:
    """Note the statements that are sent meanwhile, whoever sends them: all sessions of a test have one connection."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.startswith(OF_TESTS):
            seen.append(statement)

    connection = db.get_bind()
    event.listen(connection, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(connection, "before_cursor_execute", note)
