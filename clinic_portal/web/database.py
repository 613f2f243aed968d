"""The request's database session, through Flask-SQLAlchemy."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from flask import Flask, current_app
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from clinic_portal.core.clock import Clock
from clinic_portal.core.db import Base, make_engine
from clinic_portal.core.settings import Settings

EXTENSION_KEY = "clinic_portal"

migrate = Migrate()


class Database(SQLAlchemy):
    """Flask-SQLAlchemy with our engine and plain sessions, so that web, worker and tests share one set of limits."""

    def _make_engine(self, bind_key: str | None, options: dict[str, Any], app: Flask) -> Engine:
        wanted = {key: value for key, value in options.items() if key not in {"url", "echo", "echo_pool"}}
        return make_engine(options["url"], **wanted)

    def _make_session_factory(self, options: dict[str, Any]) -> sessionmaker[Any]:
        # Flask-SQLAlchemy's own session chooses an engine by table; there is one engine here, bound in init_database.
        return sessionmaker(**options)


def init_database(app: Flask, settings: Settings, session_info: Mapping[str, object]) -> Database:
    """Tie the database to the application; every session carries `session_info` (reactions, message sources, nudger)."""
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {
        "pool_size": settings.database_pool_size,
        "max_overflow": settings.database_pool_size,
        "pool_timeout": 10,
    }
    database = Database(metadata=Base.metadata, session_options={"info": dict(session_info), "expire_on_commit": False})
    database.init_app(app)
    with app.app_context():
        database.session.configure(bind=database.engine)
    migrate.init_app(app, database, directory=str(settings.root / "migrations"))
    return database


def session_factory(app: Flask) -> Callable[[], Session]:
    """Return what makes sessions outside requests: jobs and commands."""
    database: Database = app.extensions["sqlalchemy"]
    return cast("Callable[[], Session]", database.session.session_factory)


def db_session() -> Session:
    """Return the session of this request; Flask-SQLAlchemy closes it at the end."""
    database: Database = current_app.extensions["sqlalchemy"]
    return cast("Session", database.session())


def clock() -> Clock:
    """Return the application's clock."""
    return cast("Clock", current_app.extensions[EXTENSION_KEY]["clock"])


def settings() -> Settings:
    """Return the application's settings."""
    return cast("Settings", current_app.extensions[EXTENSION_KEY]["settings"])
