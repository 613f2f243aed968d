"""The baselines' servers: a page, a booking and a broadcast with nothing around them. `gunicorn bench.floor:app`, `:live`."""

import functools
import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

from flask import Flask, render_template, request
from flask.typing import ResponseReturnValue
from flask_socketio import SocketIO
from socketio import RedisManager
from sqlalchemy import Engine, create_engine

from bench.facts import THREADS
from bench.statements import Rewriter, Script

LINE = "The quick brown fox jumps over the lazy dog, and nobody knows why it does so again.\n"
CHANNEL = "bench-floor"

_pages: dict[str, dict[str, Any]] = {}


def make_app() -> Flask:
    """A page of given size and slots; the statements of a page; those of a booking: plain Flask, Jinja and SQL."""
    app = Flask("bench", root_path=str(Path(__file__).parent))

    @app.get("/health")
    def health() -> ResponseReturnValue:
        return "ok"

    @app.get("/page/<name>")
    def page(name: str) -> ResponseReturnValue:
        return render_template("page.html", page=_page(name))

    @app.get("/read/<name>/<int:number>")
    def read(name: str, number: int) -> ResponseReturnValue:
        with _engine().connect() as connection:
            answers = [
                [list(row) for row in connection.exec_driver_sql(one.sql, dict(one.parameters))]
                for one in _scripts(name)[number].statements
            ]
        return app.json.response(answers)

    @app.post("/hold")
    def hold() -> ResponseReturnValue:
        return _write(("hold",))

    @app.post("/book")
    def book() -> ResponseReturnValue:
        return _write(("book",))

    @app.post("/hold-and-book")
    def hold_and_book() -> ResponseReturnValue:
        return _write(("hold", "book"))

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
        page = json.loads((_folder() / f"{name}.json").read_text())
        missing = page["bytes"] - len(render_template("page.html", page={**page, "lines": []}).encode())
        page["lines"] = [LINE] * (missing // len(LINE)) + ["x" * (missing % len(LINE))]
        _pages[name] = page
    return _pages[name]


def _write(names: tuple[str, ...]) -> ResponseReturnValue:
    """Send the statements of a hold, of a booking or of both for somebody else and another time: one transaction."""
    known, scripts = _recorded(), [_scripts(name)[0] for name in names]
    # Without an appointment in the form it gets an id of its own.
    given = {name: request.form.get(name, "" if name == "appointment" else known[name]) for name in known}
    same = {known[name]: value for name, value in given.items() if value}
    moved_by = datetime.fromisoformat(request.form["slot"]) - datetime.fromisoformat(known["slot"])
    rewriter = Rewriter(scripts[0], same, moved_by)
    with _engine().begin() as connection:
        for script in scripts:
            for one in script.statements:
                answer = connection.exec_driver_sql(one.sql, rewriter.parameters(one))
                if answer.returns_rows and not answer.all() and one.sql.startswith("INSERT INTO appointment "):
                    return "", 409
    return rewriter.same(known["appointment"]), 303


@functools.cache
def _scripts(name: str) -> list[Script]:
    return [Script.load(line) for line in (_folder() / f"{name}.scripts").read_text().splitlines()]


@functools.cache
def _recorded() -> dict[str, str]:
    found: dict[str, str] = json.loads((_folder() / "recorded.json").read_text())
    return found


@functools.cache
def _engine() -> Engine:
    """The driver and the pool that the portal has, and nothing else of it."""
    return create_engine(os.environ["DATABASE_URL"], pool_size=THREADS, max_overflow=0)


def _folder() -> Path:
    return Path(os.environ["BENCH_FOLDER"])


def __getattr__(name: str) -> Flask:
    if name == "app":
        return make_app()
    if name == "live":
        return make_live()
    raise AttributeError(name)
