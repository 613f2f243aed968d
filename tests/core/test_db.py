"""transaction(): commits or undoes everything, does not nest, and speaks of constraints in the domain's words."""

from collections.abc import Iterator

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from clinic_portal.accounts.models import Account
from clinic_portal.booking.use_cases.hold_time import hold_time
from clinic_portal.core.actor import Role
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.db import after_commit, constraint_codes, make_engine, transaction
from clinic_portal.core.errors import Busy, Conflict
from clinic_portal.core.ids import PatientId, new_id
from tests.booking.holding import choose
from tests.support import servers
from tests.support.cast import Cast
from tests.support.clinic import Clinic


def make(clock: FixedClock, email: str) -> Account:
    return Account(
        role=Role.PATIENT,
        email=email,
        password_hash="x",
        given_name="A",
        family_name="B",
        language="en",
        created_at=clock.now(),
    )


def test_commits_at_the_end(db: Session, clock: FixedClock) -> None:
    with transaction(db):
        db.add(make(clock, "a@example.org"))
    db.expire_all()
    assert db.scalar(select(Account.email)) == "a@example.org"


def test_undoes_everything_on_an_exception(db: Session, clock: FixedClock) -> None:
    with pytest.raises(ZeroDivisionError), transaction(db):
        db.add(make(clock, "a@example.org"))
        db.flush()
        raise ZeroDivisionError
    assert db.scalars(select(Account)).all() == []


def test_refuses_to_nest(db: Session) -> None:
    with transaction(db), pytest.raises(RuntimeError, match="nest"), transaction(db):
        pass


def test_a_violated_constraint_reads_as_its_domain_error(db: Session, clock: FixedClock) -> None:
    with transaction(db):
        db.add(make(clock, "a@example.org"))
    with pytest.raises(Conflict) as refused, transaction(db):
        db.add(make(clock, "a@example.org"))
    assert refused.value.code == "account.email_taken"


def test_a_constraint_without_a_domain_error_is_a_bug_and_stays_one(db: Session, clock: FixedClock) -> None:
    with pytest.raises(IntegrityError), transaction(db):
        db.add(make(clock, "UPPER@example.org"))


def test_after_commit_runs_after_the_commit_only(db: Session) -> None:
    done: list[str] = []
    with transaction(db):
        after_commit(db, lambda: done.append("yes"))
        assert done == []
    assert done == ["yes"]
    with pytest.raises(ZeroDivisionError), transaction(db):
        after_commit(db, lambda: done.append("never"))
        raise ZeroDivisionError
    assert done == ["yes"]


def test_what_fails_after_the_commit_is_logged_and_does_not_undo_it(
    db: Session, clock: FixedClock, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise ConnectionError("no broker")

    with transaction(db):
        db.add(make(clock, "a@example.org"))
        after_commit(db, fail)
    assert db.scalar(select(Account.email)) == "a@example.org"
    assert "after_commit_failed" in caplog.text


def test_every_declared_error_names_a_constraint_that_the_database_has(db: Session) -> None:
    in_database = set(db.scalars(text("SELECT conname FROM pg_constraint UNION SELECT indexname FROM pg_indexes")))
    assert constraint_codes().keys() <= in_database
    assert "ex_appointment_practitioner" in constraint_codes()


@pytest.fixture
def two_sessions(worker_number: int) -> Iterator[tuple[Session, Session]]:
    """Two connections to a database of their own: locks are real."""
    name = f"clinic_db_{worker_number}"
    engine = make_engine(servers.clone_template(name))
    factory = sessionmaker(engine)
    with factory() as first, factory() as second:
        yield first, second
    engine.dispose()
    servers.drop_database(name)


def test_a_lock_that_is_not_granted_reads_as_busy(two_sessions: tuple[Session, Session], clock: FixedClock) -> None:
    first, second = two_sessions
    account = make(clock, "a@example.org")
    with transaction(first):
        first.add(account)
    first.execute(select(Account).with_for_update())
    with pytest.raises(Busy), transaction(second):
        second.execute(text("SET LOCAL lock_timeout = 50"))
        second.execute(select(Account).with_for_update())
    first.rollback()


AUDIT_ROW = text(
    "INSERT INTO audit_entry (id, at, actor_name, actor_role, action, subject_kind, detail)"
    " VALUES (:id, now(), 'x', 'system', 'y', 'z', '{}')"
)


@pytest.mark.parametrize("table", ["appointment_history", "audit_entry"])
def test_history_and_audit_are_append_only(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, table: str
) -> None:
    if table == "audit_entry":
        db.execute(AUDIT_ROW, {"id": new_id()})
    else:
        choice = choose(clinic, patient_id=PatientId(cast.patient_person.id))
        hold_time(db, clock, choice=choice, hold_key="a", actor=cast.patient.actor())
    rows = text(f"SELECT * FROM {table} ORDER BY id")
    before = db.execute(rows).all()
    assert before
    for statement in (f"UPDATE {table} SET actor_name = 'somebody'", f"DELETE FROM {table}"):
        with pytest.raises(IntegrityError, match="append-only"), db.begin_nested():
            db.execute(text(statement))
    assert db.execute(rows).all() == before


def test_a_connection_that_the_server_closed_is_replaced_before_it_is_used() -> None:
    engine = make_engine(servers.database_url("postgres"))
    with engine.connect() as connection:
        ended = connection.scalar(text("SELECT pg_backend_pid()"))
    with engine.connect() as connection:
        # Used just now: the same one, without a question.
        assert connection.scalar(text("SELECT pg_backend_pid()")) == ended
    other = make_engine(servers.database_url("postgres"))
    with other.connect() as connection:
        assert connection.scalar(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": ended})
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT pg_backend_pid()")) != ended
    engine.dispose()
    other.dispose()
