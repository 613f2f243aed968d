"""Pages of this feature."""

from flask import Blueprint

blueprint = Blueprint("waiting_room", __name__)
