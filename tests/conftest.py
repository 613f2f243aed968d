"""Fixtures of every test: real servers, a transaction that is undone after each test, a fixed clock, a fixed cast."""

import os
import secrets
from collections.abc import Generator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import hypothesis
import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import Connection
from sqlalchemy.orm import Session, sessionmaker

from clinic_portal import wiring
from clinic_portal.app import create_app
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.db import make_engine
from clinic_portal.core.jobs import JobRuntime, start_runtime
from clinic_portal.core.settings import Settings
from clinic_portal.providers.inbox import opt_in, opted_out
from config import load_settings
from tests.support import servers
from tests.support.cast import Cast, make_cast
from tests.support.clinic import Clinic, make_clinic
from tests.support.page import PortalClient
from tests.support.turns import turn

_servers: servers.Servers | None = None

#: Monday 23 November 2026, 10:12 in Lisbon and 09:12 in Ponta Delgada.
NOW = datetime(2026, 11, 23, 10, 12, tzinfo=UTC)


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers in the first process; xdist workers inherit their addresses."""
    # How long an example takes says how busy the machine is. CI tries the same examples each time, a person's run new ones.
    hypothesis.settings.register_profile("house", deadline=None, derandomize=bool(os.environ.get("CI")))
    hypothesis.settings.load_profile("house")
    global _servers
    if not hasattr(config, "workerinput") and "CLINIC_TEST_POSTGRES" not in os.environ:
        _servers = servers.start_servers()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what this process started."""
    global _servers
    if _servers is not None:
        _servers.stop()
        _servers = None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Give each test its turn; what it waits for that is not its time, so this is around pytest-timeout."""
    with turn(alone=item.get_closest_marker("alone") is not None):
        return (yield)


@pytest.fixture(scope="session")
def worker_number(request: pytest.FixtureRequest) -> int:
    """0 for the first xdist worker (and without xdist), 1 for the next."""
    worker = getattr(request.config, "workerinput", {}).get("workerid", "gw0")
    return int(worker.removeprefix("gw"))


@pytest.fixture(scope="session")
def database(worker_number: int) -> Iterator[str]:
    """The URL of this worker's migrated database."""
    name = f"clinic_test_{worker_number}"
    yield servers.clone_template(name)
    servers.drop_database(name)


@pytest.fixture(scope="session")
def settings(database: str, worker_number: int, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The settings of the test application."""
    environ = {
        "CLINIC_ENV": "test",
        "DATABASE_URL": database,
        "REDIS_URL": servers.valkey_url(worker_number),
        "SECRET_KEY": secrets.token_urlsafe(48),
        "INBOX_FOLDER": str(tmp_path_factory.mktemp("inbox")),
        "PUBLIC_URL": "http://localhost",
        "RATE_LIMITS": "off",
        "AVAILABILITY_CACHE": "off",
    }
    return load_settings(environ)


@pytest.fixture(scope="session")
def shared_app(settings: Settings) -> Flask:
    """The application, made once a worker; use `app`."""
    app = create_app(settings, FixedClock(NOW))
    app.test_client_class = PortalClient
    return app


@pytest.fixture
def clock(shared_app: Flask) -> FixedClock:
    """The clock of the application; it stands at NOW until a test moves it."""
    fixed: FixedClock = shared_app.extensions["clinic_portal"]["clock"]
    fixed.at = NOW
    return fixed


@pytest.fixture(scope="session")
def engine_connection(database: str) -> Iterator[Connection]:
    """One connection for all tests of this worker."""
    engine = make_engine(database)
    with engine.connect() as connection:
        # A test may think for longer than a request.
        connection.exec_driver_sql("SET idle_in_transaction_session_timeout = 0")
        connection.commit()
        yield connection
    engine.dispose()


@pytest.fixture
def sessions(engine_connection: Connection, settings: Settings) -> Iterator[sessionmaker[Session]]:
    """Sessions inside a transaction that is undone after the test; what a use case commits is a savepoint in it."""
    outer = engine_connection.begin()
    yield sessionmaker(
        bind=engine_connection,
        join_transaction_mode="create_savepoint",
        expire_on_commit=False,
        info=dict(wiring.session_info(settings)),
    )
    outer.rollback()


@pytest.fixture
def db(sessions: sessionmaker[Session]) -> Iterator[Session]:
    """The test's own session."""
    with sessions() as session:
        yield session


@pytest.fixture
def valkey(settings: Settings) -> Iterator[Redis]:
    """This worker's Valkey, empty."""
    with Redis.from_url(settings.redis_url) as connection:
        connection.flushdb()
        yield connection


@pytest.fixture
def app(shared_app: Flask, sessions: sessionmaker[Session], clock: FixedClock, inbox: Path) -> Iterator[Flask]:
    """The application on this test's transaction; jobs that a test runs use it as well."""
    factory = shared_app.extensions["sqlalchemy"].session.session_factory
    before = dict(factory.kw)
    factory.configure(bind=sessions.kw["bind"], join_transaction_mode="create_savepoint")
    start_runtime(replace(_runtime(shared_app), make_session=sessions))
    yield shared_app
    factory.kw.clear()
    factory.kw.update(before)


def _runtime(app: Flask) -> JobRuntime:
    runtime: JobRuntime = app.extensions["clinic_portal"]["jobs"]
    return runtime


@pytest.fixture
def inbox(settings: Settings) -> Path:
    """The developer's inbox folder, emptied, and no phone that answered STOP."""
    settings.inbox_folder.mkdir(parents=True, exist_ok=True)
    for number in opted_out(settings.inbox_folder):
        opt_in(settings.inbox_folder, number)
    for path in settings.inbox_folder.iterdir():
        path.unlink()
    return settings.inbox_folder


@pytest.fixture
def client(app: Flask) -> PortalClient:
    """A visitor's browser."""
    client = app.test_client()
    assert isinstance(client, PortalClient)
    return client


@pytest.fixture
def clinic(db: Session, clock: FixedClock) -> Clinic:
    """A small clinic: two facilities (one in the Azores), rooms, services, practitioners with hours."""
    return make_clinic(db, clock)


@pytest.fixture
def cast(db: Session, clock: FixedClock, clinic: Clinic, app: Flask) -> Cast:
    """The people of the tests; `cast.browser(cast.patient)` is that person's signed-in browser."""
    return make_cast(db, clock, clinic, app)
