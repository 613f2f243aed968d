"""The baselines' servers: a page, a booking and a broadcast with nothing around them. `gunicorn bench.floor:app`, `:live`."""

import json
import os
import threading
from pathlib import Path
from typing import Any

import psycopg
from flask import Flask, render_template, request
from flask.typing import ResponseReturnValue
from flask_socketio import SocketIO
from socketio import RedisManager

from bench import sql
from bench.facts import libpq

LINE = "The quick brown fox jumps over the lazy dog, and nobody knows why it does so again.\n"
CHANNEL = "bench-floor"

_connections = threading.local()
_pages: dict[str, dict[str, Any]] = {}


def make_app() -> Flask:
    """A page of given size and slots, and a booking: plain Flask, Jinja and SQL."""
    app = Flask("bench", root_path=str(Path(__file__).parent))

    @app.get("/health")
    def health() -> ResponseReturnValue:
        return "ok"

    @app.get("/page/<name>")
    def page(name: str) -> ResponseReturnValue:
        return render_template("page.html", page=_page(name))

    @app.post("/hold")
    def hold() -> ResponseReturnValue:
        with _connection().transaction():
            held = sql.hold(_connection(), _facts(), **_form("practitioner", "room", "slot", "patient", "account"))
        return held, 303 if held else 409

    @app.post("/book")
    def book() -> ResponseReturnValue:
        with _connection().transaction():
            sql.book(_connection(), **_form("appointment", "patient", "account"))
        return "", 303

    @app.post("/hold-and-book")
    def hold_and_book() -> ResponseReturnValue:
        form = _form("practitioner", "room", "slot", "patient", "account")
        with _connection().transaction():
            held = sql.hold(_connection(), _facts(), **form)
            if held:
                sql.book(_connection(), appointment=held, patient=form["patient"], account=form["account"])
        return held, 303 if held else 409

    return app


def make_live() -> Flask:
    """A bare Flask-SocketIO server as ours is set up: threads, websocket only, Valkey between the processes."""
    app = Flask("bench_live")
    server = SocketIO(
        app,
        async_mode="threading",
        transports=["websocket"],
        client_manager=RedisManager(os.environ["REDIS_URL"], channel=CHANNEL),
        cors_allowed_origins="*",
        ping_interval=20,
        ping_timeout=20,
    )

    @server.on("connect", namespace="/live")
    def connect(_auth: object = None) -> None:
        """Everybody may listen."""

    return app


def _page(name: str) -> dict[str, Any]:
    if name not in _pages:
        page = json.loads((Path(os.environ["BENCH_FOLDER"]) / f"{name}.json").read_text())
        missing = page["bytes"] - len(render_template("page.html", page={**page, "lines": []}).encode())
        page["lines"] = [LINE] * (missing // len(LINE)) + ["x" * (missing % len(LINE))]
        _pages[name] = page
    return _pages[name]


def _form(*names: str) -> dict[str, str]:
    return {name: request.form[name] for name in names}


def _connection() -> "psycopg.Connection[Any]":
    if not hasattr(_connections, "open"):
        _connections.open = psycopg.connect(libpq(os.environ["DATABASE_URL"]), autocommit=True)
    connection: psycopg.Connection[Any] = _connections.open
    return connection


_facts_read: dict[str, str] = {}


def _facts() -> dict[str, str]:
    if not _facts_read:
        _facts_read.update(json.loads((Path(os.environ["BENCH_FOLDER"]) / "data.json").read_text()))
    return _facts_read


def __getattr__(name: str) -> Flask:
    if name == "app":
        return make_app()
    if name == "live":
        return make_live()
    raise AttributeError(name)
