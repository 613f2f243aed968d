"""Entry points: `gunicorn wsgi:app` for pages, `gunicorn wsgi:live` for sockets, `flask --app wsgi` for commands.

`python wsgi.py` is `make run`: all of it on this machine.
"""

import gc
from typing import TYPE_CHECKING

from clinic_portal.launch import run
from config import load_settings

if TYPE_CHECKING:
    from flask import Flask


def __getattr__(name: str) -> "Flask":
    # Made when it is asked for: the page server must not open the socket server's listening thread, nor the reverse; and
    # what starts all of them needs no portal to do so.
    if name not in {"app", "live"}:
        raise AttributeError(name)
    from clinic_portal.app import create_app, create_live_app
    from clinic_portal.cli import init_cli
    from clinic_portal.core.logs import init_logging

    settings = load_settings()
    init_logging(settings)
    made = create_app(settings) if name == "app" else create_live_app(settings)
    if name == "app":
        init_cli(made)
    # What there is now stays. To look through it for garbage took a third of a second, in the middle of somebody's request.
    gc.freeze()
    return made


if __name__ == "__main__":
    run(load_settings())
