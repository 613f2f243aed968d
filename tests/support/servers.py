"""The real servers of a test run: started once by the first process, shared by the xdist workers, stopped at the end."""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from psycopg import sql

from clinic_portal.core.embedded import EmbeddedPostgres, EmbeddedValkey, start_postgres, start_valkey

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = "clinic_template"


@dataclass
class Servers:
    """PostgreSQL and Valkey in a folder of their own."""

    folder: Path
    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey

    def stop(self) -> None:
        self.valkey.stop()
        self.postgres.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def start_servers() -> Servers:
    """Start both and migrate the template database; tell child processes where they are."""
    folder = Path(tempfile.mkdtemp(prefix="clinic-test-"))
    folder.chmod(0o755)
    postgres = start_postgres(folder / "pg", durable=False)
    valkey = start_valkey(folder / "valkey")
    postgres.ensure_database(TEMPLATE)
    migrate(postgres.url(TEMPLATE))
    _name_databases_in_log(postgres.url("postgres"))
    os.environ["CLINIC_TEST_POSTGRES_LOG"] = str(postgres.log)
    os.environ["CLINIC_TEST_POSTGRES"] = postgres.url("{database}").replace("%7Bdatabase%7D", "{database}")
    os.environ["CLINIC_TEST_VALKEY"] = valkey.url
    os.environ["CLINIC_TEST_TURNS"] = str(folder)
    return Servers(folder, postgres, valkey)


def _name_databases_in_log(url: str) -> None:
    """Each worker has databases of its own in the one server: what was logged of which?"""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET log_line_prefix = '%m [%p] %d '")
        connection.execute("SELECT pg_reload_conf()")


class ServerLog:
    """What PostgreSQL's log says of one database from now on."""

    def __init__(self, database: str) -> None:
        self.database, self._file = database, Path(os.environ["CLINIC_TEST_POSTGRES_LOG"])
        self._start = self._file.stat().st_size

    def errors(self) -> list[str]:
        """The errors, each in a line without what comes before its text."""
        with self._file.open("rb") as file:
            file.seek(self._start)
            lines = file.read().decode(errors="replace").splitlines()
        mark = f"] {self.database} ERROR:  "
        return [line.split(mark, 1)[1] for line in lines if mark in line]

    def deadlocks(self) -> int:
        return self.errors().count("deadlock detected")


def migrate(url: str) -> None:
    """Bring a database to the newest migration."""
    config = Config(str(ROOT / "migrations" / "alembic.ini"))
    config.set_main_option("script_location", str(ROOT / "migrations"))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    command.upgrade(config, "head")


def database_url(name: str) -> str:
    return os.environ["CLINIC_TEST_POSTGRES"].replace("{database}", name)


def valkey_url(database: int) -> str:
    """A logical database of the shared Valkey: one per xdist worker."""
    base = os.environ["CLINIC_TEST_VALKEY"]
    if base.startswith("unix:"):
        return f"{base.split('?')[0]}?db={database}"
    return f"{base.rstrip('/').removesuffix('/0')}/{database}"


def clone_template(name: str) -> str:
    """Make (again) a database that is migrated and empty, and return its URL."""
    with psycopg.connect(database_url("postgres").replace("+psycopg", ""), autocommit=True) as connection:
        quoted = sql.Identifier(name)
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(quoted))
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(quoted, sql.Identifier(TEMPLATE)))
    return database_url(name)


def drop_database(name: str) -> None:
    with psycopg.connect(database_url("postgres").replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def empty_database(name: str) -> str:
    """Make (again) a database without any table, and return its URL."""
    drop_database(name)
    with psycopg.connect(database_url("postgres").replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return database_url(name)
