"""Alembic's environment: our metadata, our engine, short lock timeouts so that a migration never blocks a clinic."""

from typing import Any

from alembic import context
from flask import current_app, has_app_context
from sqlalchemy import Connection, Engine, text
from sqlalchemy.types import TypeEngine

import clinic_portal.app  # noqa: F401 - imports every feature, and with it every table
from clinic_portal.core.db import Base, UtcDateTime, make_engine


def render_item(kind: str, item: Any, autogen_context: Any) -> str | bool:
    """Write our column types as plain SQLAlchemy: a migration must not change when our classes do."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def compare_type(
    _context: Any, _column: Any, _meta: Any, inspected: TypeEngine[Any], mine: TypeEngine[Any]
) -> bool | None:
    """Leave the comparison to Alembic but for our time type, which is a timestamp with time zone."""
    return False if isinstance(mine, UtcDateTime) and getattr(inspected, "timezone", False) else None


def _engine() -> Engine:
    given: Engine | None = context.config.attributes.get("connection")
    if given is not None:
        return given
    if has_app_context():
        engine: Engine = current_app.extensions["sqlalchemy"].engine
        return engine
    url = context.config.get_main_option("sqlalchemy.url")
    if url is None:
        raise RuntimeError("no database to migrate")
    return make_engine(url)


def run(connection: Connection) -> None:
    """Migrate over this connection."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_type=compare_type,
        render_item=render_item,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        # Two machines that start together migrate one after the other.
        connection.execute(text("SELECT pg_advisory_xact_lock(720316)"))
        context.run_migrations()


target = _engine()
if isinstance(target, Connection):
    run(target)
else:
    with target.connect() as connection:
        run(connection)
    target.dispose()
