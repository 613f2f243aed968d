"""Migrations: one head, every step up and down, and the models say the same as the database."""

from collections.abc import Iterator

import pytest
from pytest_alembic import Config
from pytest_alembic.tests import (  # noqa: F401 - these are the tests
    test_model_definitions_match_ddl,
    test_single_head_revision,
    test_up_down_consistency,
    test_upgrade,
)
from sqlalchemy import Engine

from clinic_portal.core.db import make_engine
from tests.support import servers


@pytest.fixture
def alembic_config() -> Config:
    return Config(config_options={"script_location": str(servers.ROOT / "migrations")})


@pytest.fixture
def alembic_engine(worker_number: int) -> Iterator[Engine]:
    name = f"clinic_migrations_{worker_number}"
    engine = make_engine(servers.empty_database(name))
    yield engine
    engine.dispose()
    servers.drop_database(name)
