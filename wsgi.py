"""Entry points: `gunicorn wsgi:app` for pages, `gunicorn wsgi:live` for sockets, `flask --app wsgi` for commands."""

from flask import Flask

from clinic_portal.app import create_app, create_live_app
from clinic_portal.cli import init_cli
from config import load_settings


def __getattr__(name: str) -> Flask:
    # Made when it is asked for: the page server must not open the socket server's listening thread, nor the reverse.
    if name == "app":
        app = create_app(load_settings())
        init_cli(app)
        return app
    if name == "live":
        return create_live_app(load_settings())
    raise AttributeError(name)
