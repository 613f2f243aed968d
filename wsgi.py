"""Entry points: `gunicorn wsgi:app` for pages, `gunicorn wsgi:live` for sockets, `flask --app wsgi` for commands."""

from flask import Flask

from clinic_portal.app import create_app, create_live_app
from clinic_portal.cli import init_cli
from clinic_portal.core.logs import init_logging
from config import load_settings


def __getattr__(name: str) -> Flask:
    # Made when it is asked for: the page server must not open the socket server's listening thread, nor the reverse.
    if name not in {"app", "live"}:
        raise AttributeError(name)
    settings = load_settings()
    init_logging(settings)
    if name == "app":
        app = create_app(settings)
        init_cli(app)
        return app
    return create_live_app(settings)
