"""Statements that the driver executes alone: what SQLAlchemy does for every execution still happens."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, Select, Table, event, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, PendingRollbackError
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import Insert

from clinic_portal.accounts.models import Account
from clinic_portal.core import statements
from clinic_portal.core.actor import Role
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.db import make_engine, transaction
from clinic_portal.core.errors import Busy, Conflict
from clinic_portal.core.ids import new_id
from clinic_portal.core.statements import built_once, is_any, loaded, read_columns, read_objects, write_row

ACCOUNTS = Account.__table__
assert isinstance(ACCOUNTS, Table)


@built_once
def found(*, ids: list[UUID], since: datetime | None = None) -> Select[UUID, Role, datetime, str | None]:
    statement = select(Account.id, Account.role, Account.created_at, Account.phone).where(is_any(Account.id, ids))
    return statement if since is None else statement.where(Account.created_at >= since)


@built_once
def whole(*, id_: UUID) -> Select[*tuple[Any, ...]]:
    return select(ACCOUNTS).where(ACCOUNTS.c.id == id_)


@built_once
def added(**values: object) -> Insert:
    return insert(ACCOUNTS).values(**values)


def account(clock: FixedClock, **values: object) -> dict[str, object]:
    given = {
        "role": Role.PATIENT,
        "email": "a@example.org",
        "password_hash": "x",
        "given_name": "A",
        "family_name": "B",
    }
    return {"id": new_id(), "language": "en", "created_at": clock.now(), **given, **values}


def test_values_are_written_and_read_as_their_types_say(db: Session, clock: FixedClock) -> None:
    in_india = clock.now().astimezone(timezone(timedelta(hours=5, minutes=30)))
    values = account(clock, created_at=in_india)
    write_row(db, *added(**values))
    for since in (None, clock.now(), in_india):
        ((id_, role, created_at, phone),) = read_columns(db, *found(ids=[UUID(str(values["id"]))], since=since))
        assert (id_, role, phone) == (values["id"], Role.PATIENT, None)
        assert isinstance(role, Role)
        assert (created_at, created_at.tzinfo) == (in_india, UTC)
    assert read_columns(db, *found(ids=[new_id()])) == []
    assert read_columns(db, *found(ids=[])) == []


def test_a_naive_time_is_refused(db: Session, clock: FixedClock) -> None:
    naive = clock.now().replace(tzinfo=None)
    with pytest.raises(ValueError, match="naive"):
        read_columns(db, *found(ids=[new_id()], since=naive))
    with pytest.raises(ValueError, match="naive"):
        write_row(db, *added(**account(clock, created_at=naive)))


def test_what_is_not_written_yet_is_written_first(db: Session, clock: FixedClock) -> None:
    row = Account(**account(clock))
    db.add(row)
    assert read_columns(db, *found(ids=[row.id]))
    row.given_name = "Changed"
    (again,) = read_objects(db, Account, *whole(id_=row.id))
    assert again is row
    assert row.given_name == "Changed"


def test_objects_are_the_session_s_own_and_as_the_row_is_now(db: Session, clock: FixedClock) -> None:
    values = account(clock)
    new = loaded(db, Account, values | {"email": "said@example.org"})
    write_row(db, *added(**values))
    (row,) = read_objects(db, Account, *whole(id_=new.id))
    assert row is new
    assert row.email == "a@example.org"
    db.execute(update(Account).where(Account.id == row.id).values(email="b@example.org"))
    assert read_objects(db, Account, *whole(id_=new.id))[0].email == "b@example.org"
    assert not db.dirty
    row.email = "c@example.org"
    db.flush()
    assert db.scalar(select(Account.email)) == "c@example.org"


def test_listeners_hear_of_what_is_sent(db: Session) -> None:
    heard: list[tuple[str, object]] = []

    def note(_connection: object, _cursor: object, sql: str, values: dict[str, object], *_rest: object) -> None:
        heard.append((sql, values["ids"]))

    event.listen(db.connection(), "before_cursor_execute", note)
    id_ = new_id()
    read_columns(db, *found(ids=[id_]))
    event.remove(db.connection(), "before_cursor_execute", note)
    ((sql, ids),) = heard
    assert sql.startswith("SELECT account.id")
    assert ids == [id_]


def test_a_violated_constraint_reads_as_its_domain_error(db: Session, clock: FixedClock) -> None:
    write_row(db, *added(**account(clock)))
    with pytest.raises(Conflict) as refused, transaction(db):
        write_row(db, *added(**account(clock)))
    assert refused.value.code == "account.email_taken"


def test_what_the_text_depends_on_is_refused(db: Session) -> None:
    """The text is written once: neither the length of a list nor a default of Python can change it any more."""

    @built_once
    def in_list(*, ids: list[UUID]) -> Select[UUID]:
        return select(Account.id).where(Account.id.in_(ids))

    with pytest.raises(TypeError, match="is_any"):
        read_columns(db, *in_list(ids=[new_id()]))
    with pytest.raises(TypeError, match="default"):
        write_row(db, *added(email="a@example.org"))


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    engine = make_engine(database)
    yield engine
    engine.dispose()


def test_a_lost_connection_is_an_error_once(engine: Engine) -> None:
    with Session(engine) as db, Session(engine) as other:
        process = db.scalar(text("SELECT pg_backend_pid()"))
        other.execute(text("SELECT pg_terminate_backend(:process, 5000)"), {"process": process})
        with pytest.raises(DBAPIError) as lost:
            read_columns(db, *found(ids=[new_id()]))
        assert lost.value.connection_invalidated
        db.rollback()
        assert read_columns(db, *found(ids=[new_id()])) == []


def test_a_lock_that_is_not_granted_is_busy(engine: Engine) -> None:
    lock = select(text("1")).select_from(text("pg_advisory_xact_lock(20261122)"))
    with Session(engine) as holder, Session(engine) as waiting:
        holder.execute(lock)
        with pytest.raises(Busy), transaction(waiting):
            waiting.execute(text("SET LOCAL lock_timeout = '50ms'"))
            read_columns(waiting, lock, {})


def test_a_text_keeps_its_cursor_on_a_connection(
    engine: Engine, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two transactions as well; only as many as are allowed."""
    cursors: dict[str, list[object]] = {}
    event.listen(
        engine, "before_cursor_execute", lambda _, cursor, sql, *__: cursors.setdefault(sql, []).append(cursor)
    )
    monkeypatch.setattr(statements, "MAX_CURSORS", 2)
    id_ = new_id()
    with Session(engine) as db:
        for _ in range(3):
            read_columns(db, *found(ids=[id_]))
            read_columns(db, *whole(id_=id_))
            db.rollback()
        read_columns(db, *found(ids=[id_], since=clock.now()))
        read_columns(db, *found(ids=[id_]))
    ids_of, whole_of, _ = cursors.values()
    assert len(set(map(id, whole_of))) == 1
    assert [one is ids_of[0] for one in ids_of] == [True, True, True, False]


def test_nothing_is_sent_beside_a_transaction_that_failed(engine: Engine, clock: FixedClock) -> None:
    with Session(engine) as db:
        values = account(clock)
        write_row(db, *added(**values))
        db.add(Account(**account(clock, id=new_id(), email=values["email"])))
        with pytest.raises(IntegrityError):
            db.flush()
        with pytest.raises(PendingRollbackError):
            write_row(db, *added(**account(clock, email="b@example.org")))
        db.rollback()
        assert read_columns(db, *found(ids=[UUID(str(values["id"]))])) == []


def test_each_transaction_asks_for_its_connection(engine: Engine) -> None:
    backend = select(text("pg_backend_pid()"))
    with Session(engine) as db, Session(engine) as other:
        ((mine,),) = read_columns(db, backend, {})
        db.rollback()
        assert read_columns(other, backend, {}) == [(mine,)]  # It was the one that was used last.
        ((new,),) = read_columns(db, backend, {})
        assert new != mine
