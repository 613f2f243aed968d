"""Commands: `flask --app wsgi clinic …`."""

from flask import Flask
from flask.cli import AppGroup

group = AppGroup("clinic", help="Run the portal and look after it.")


def init_cli(app: Flask) -> None:
    """Make the commands known to Flask."""
    app.cli.add_command(group)
